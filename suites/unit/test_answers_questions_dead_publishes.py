import pytest

from faults.toxics import Fin
from reports.answers.model import Cell, Fact
from reports.answers.moments import AT_ONCE
from reports.answers.question import Tone
from reports.answers.questions.dead_publishes import (
    ARRIVED,
    BEATING,
    BLIND,
    BLOCKED,
    BY_HEARTBEAT,
    CALLS,
    CONFIRMS,
    FEW,
    FIN,
    FROZEN,
    GOING_ON,
    LARGE,
    MANY,
    OCTETS,
    QUESTION,
    SILENT,
    SMALL,
    UNHEARD,
    WORKING,
)
from suites.answers import errors
from suites.answers.dead.subject import Subject
from suites.answers.experiment import Place, Stage
from suites.brokers import registry
from suites.unit.answers_example import study


def _cell(
    row: str,
    column: str,
    variant: str,
    calls: float,
    *,
    arrived: float = 0,
    error_after: float | None = None,
    **changed: Fact,
) -> Cell:
    facts: dict[str, Fact] = {
        "believed": FEW if calls <= 5 else MANY,
        "error": "" if error_after is None else "connection lost",
        "learned": "" if error_after is None else AT_ONCE,
        "state": GOING_ON if error_after is None else "",
        "arrived": "none",
    }
    return Cell(
        broker="reference",
        row=row,
        column=column,
        variant=variant,
        facts=facts | changed,
        times={} if error_after is None else {"error": error_after},
        figures={CALLS: calls, ARRIVED: arrived, OCTETS: calls / 4},
    )


TOLD = _cell(SMALL, FIN, BEATING, 1, error_after=0.02)
HEARD = _cell(WORKING, SILENT, BEATING, 200, error_after=11, learned=BY_HEARTBEAT)
DEAF = _cell(SMALL, SILENT, BEATING, 290)
BLINDLY = [_cell(BLIND, FROZEN, v, 300, arrived=250) for v in (BEATING, UNHEARD)]
FULL = _cell(LARGE, SILENT, UNHEARD, 20, state=BLOCKED)
CERTAIN = _cell(CONFIRMS, SILENT, UNHEARD, 0, believed=0, state=BLOCKED, missing=0)


def _answers(*cells: Cell) -> list[str]:
    return [plain.answer for plain in QUESTION.conclude(study(*cells), "reference")]


def test_calls_are_counted_by_how_the_client_can_learn() -> None:
    """Told, by heartbeats, or not at all; then arrivals, size, confirms."""
    calls, arrived, size, confirms = _answers(TOLD, HEARD, DEAF, *BLINDLY, FULL, CERTAIN)
    assert "is told (FIN): at most 1 returned before one raised an error." in calls
    assert (
        '(dead network), heartbeats do, for "pika at work, 64 octets" with heartbeats: 200 to 200'
        " calls returned in the 11.0 to 11.0 s until then."
    ) in calls
    assert (
        'Nothing told "pika, 64 octets" with heartbeats or "writes only, 64 octets": 290 to 300'
        " calls returned"
    ) in calls
    assert arrived == ("0 of 511 (FIN, dead network). 500 of 600 (when a frozen broker went on).")
    assert "after 20 to 20 calls of 256 KiB (5.0 to 5.0 MiB) the next one blocked" in size
    assert confirms.startswith("0 calls returned after the end in 1 cells, and 0 messages")
    assert "had not returned when the watch was over (dead network)" in confirms


def test_other_facts_make_other_answers() -> None:
    """A confirm that lies would be counted; what was not seen is not claimed."""
    calls, arrived, size, confirms = _answers(_cell(SMALL, FIN, BEATING, 0, error_after=0.1))
    assert calls == (
        "When the client's kernel is told (FIN): at most 0 returned before one raised an error."
    )
    assert arrived == "No call returned."
    assert size.startswith("No call of the client with large messages blocked")
    assert confirms == "Not seen."
    lying = _cell(CONFIRMS, FIN, BEATING, 3, error_after=1, believed=3, missing=2)
    told = _answers(TOLD, lying)[3]
    assert told.startswith("3 calls returned after the end in 1 cells, and 2 messages")
    assert "price" not in told
    assert _answers(CERTAIN) == []


def test_in_a_cell() -> None:
    """How many, how it ended, what arrived; many is bad."""
    assert QUESTION.told(TOLD) == (
        "calls that returned: a few at most\nthen, at once: connection lost\narrived: none"
    )
    assert QUESTION.timed(TOLD, {}) == "1 calls, 0 arrived, error after 0.02 s"
    assert QUESTION.told(FULL).splitlines()[1] == "no error while watched: a call blocks"
    tones = [QUESTION.tone(cell) for cell in (TOLD, DEAF, CERTAIN)]
    assert tones == [Tone.MIXED, Tone.BAD, Tone.GOOD]


@pytest.mark.parametrize(
    ("actual", "word"),
    [
        ("socket closed", errors.LOST),
        ("ChannelWrongStateError", errors.LOST),
        ("[Errno 32] Broken pipe", errors.LOST),
        ("channel.close 406", "channel.close 406"),
        ("timed out", "timed out"),
    ],
)
def test_an_error_has_one_word_wherever_it_was_met(actual: str, word: str) -> None:
    """A lost connection is one thing."""
    assert errors.word(actual) == word


def test_cells_are_played() -> None:
    """A link that is closed: the client is told at once, and confirms were right."""
    with registry.parse("reference") as broker:
        stage = Stage(broker, 1, {"heartbeat": 1}, print)
        subjects = [Subject(stage, Place(row, FIN, UNHEARD)) for row in (CONFIRMS, BLIND)]
        for subject in subjects:
            subject.prepare()
            subject.hurt(Fin())
            subject.watch(5.0)
        confirmed, blind = (subject.cell() for subject in subjects)
        for subject in subjects:
            subject.clean()
    for cell in (confirmed, blind):
        assert cell.facts["error"] == errors.LOST
        assert cell.facts["learned"] == AT_ONCE
        assert cell.facts["arrived"] == "none"
    assert (confirmed.facts["believed"], confirmed.facts["missing"]) == (0, 0)
    assert blind.facts["believed"] == FEW
