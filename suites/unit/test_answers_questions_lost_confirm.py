from reports.answers.model import Cell, Fact
from reports.answers.question import Tone
from reports.answers.questions.lost_confirm import (
    COMMITTED,
    CONFIRMED,
    CONFIRMS,
    NOTHING,
    QUESTION,
    REST,
    RETURN_ARRIVED,
    RETURNED,
    SOME,
    TRANSACTION,
    UNROUTABLE,
    WRITTEN,
)
from suites.answers.errors import LOST
from suites.answers.experiment import Place, Stage
from suites.answers.experiments.lost_confirm import Publisher
from suites.brokers import registry
from suites.unit.answers_example import study


def _cell(row: str, column: str, client: str, **changed: Fact) -> Cell:
    retried = 5 if client == LOST else 0
    facts: dict[str, Fact] = {
        "tries": 5,
        "client": client,
        "stored": 0,
        "retried": retried,
        "duplicates": changed.get("stored", 0) if retried else 0,
        "lost": 0,
    }
    return Cell(
        broker="reference",
        row=row,
        column=column,
        facts=facts | changed,
        figures={"calls without an error": 4},
    )


EARLY = _cell("before basic.publish", CONFIRMS, LOST)
LATE = _cell("before the confirm", CONFIRMS, LOST, stored=5)
CONTROL = _cell("after the answer", CONFIRMS, CONFIRMED, stored=5)
GONE = _cell("inside the body", NOTHING, WRITTEN, lost=5)
UNKNOWN = _cell(RETURN_ARRIVED, UNROUTABLE, LOST)


def _answers(*cells: Cell) -> list[str]:
    return [plain.answer for plain in QUESTION.conclude(study(*cells), "reference")]


def test_an_error_says_nothing_and_a_retry_doubles() -> None:
    """What was stored is told with the places where it was."""
    stored, twice, transactions, rest = _answers(
        LATE,
        EARLY,
        CONTROL,
        _cell("before the confirm", TRANSACTION, LOST, stored=5),
        GONE,
        UNKNOWN,
        _cell("after the answer", UNROUTABLE, RETURNED),
    )
    assert stored.startswith("Perhaps: 5 of the 10 whose client got an error were stored")
    assert stored.endswith(
        "told is: connection lost. Stored were those where the link was cut before the confirm."
    )
    assert twice.startswith("Yes: of 10 messages that were published again 5 were in the queue")
    assert "(cut before the confirm); 0 were lost" in twice
    assert transactions.startswith("No: 5 of the 5 whose client got an error were stored")
    assert "5 of 5 messages were lost" in rest
    assert "unroutable in 5 of 10 cases before the link was lost" in rest
    assert rest.endswith("even of one whose return had arrived alone.")


def test_other_facts_make_other_answers() -> None:
    """A broker on which an error means one thing is told so."""
    stored, twice, transactions, rest = _answers(
        EARLY, _cell("inside tx.commit", TRANSACTION, LOST)
    )
    assert stored == "It was never stored: 0 of 5 messages whose client got an error."
    assert twice.startswith("No: of 5 messages that were published again none was")
    assert transactions == "Yes: none of the 5 whose client got an error was stored."
    assert rest == ""
    assert _answers(LATE)[0].startswith("It was always stored: 5 of 5")
    assert _answers(CONTROL)[0] == "Every message was confirmed."
    committed = _cell("after the answer", TRANSACTION, COMMITTED, stored=5)
    assert _answers(CONTROL, committed)[2] == "Every transaction was committed."
    assert _answers(GONE) == []


def test_races_are_told_and_not_counted() -> None:
    """What differs from run to run is in no sum."""
    loose: dict[str, Fact] = {"stored": SOME, "duplicates": SOME}
    race = _cell("after the body", CONFIRMS, LOST, **loose)
    stored = _answers(LATE, EARLY, race)[0]
    assert stored.startswith("Perhaps: 5 of the 10")
    assert stored.endswith(
        "cut on both sides after the body, it is a race between the message and"
        " the end of the link."
    )
    assert QUESTION.told(race).endswith("stored: some or all\nafter the retry: some or all twice")
    assert QUESTION.tone(race) is Tone.MIXED
    unsure = _cell("after the body", NOTHING, WRITTEN, stored=SOME, lost=REST)
    assert QUESTION.told(unsure) == "client: written\nstored: some or all\nlost: none or some"
    assert QUESTION.tone(unsure) is Tone.BAD


def test_in_a_cell() -> None:
    """The client's knowledge, the queue, the end of it."""
    assert QUESTION.told(LATE) == (
        "client: connection lost\nstored: 5 of 5\nafter the retry: 5 twice"
    )
    assert QUESTION.told(GONE) == "client: written\nstored: 0 of 5\nlost: 5 of 5"
    assert QUESTION.told(UNKNOWN) == "client: connection lost\nretry: unroutable"
    assert QUESTION.timed(GONE, {}) == "calls without an error: 4 of 5"
    tones = [QUESTION.tone(cell) for cell in (EARLY, CONTROL, LATE, UNKNOWN, GONE)]
    assert tones == [Tone.GOOD, Tone.GOOD, Tone.MIXED, Tone.MIXED, Tone.BAD]


def test_cells_are_played() -> None:
    """A confirm that is lost doubles the message; half a body stores none."""
    with registry.parse("reference") as broker:
        stage = Stage(broker, 1, {}, print)
        late = Publisher(stage, Place("before the confirm", CONFIRMS)).cell()
        half = Publisher(stage, Place("inside the body", NOTHING)).cell()
    assert (late.facts["client"], late.facts["duplicates"], late.facts["lost"]) == (LOST, 5, 0)
    assert (half.facts["stored"], half.facts["lost"]) == (0, 5)
    assert any("basic.publish" in line for line in late.transcript)
