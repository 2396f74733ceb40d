from collections.abc import Mapping

from reports.answers.model import Cell, Fact
from reports.answers.question import Tone
from reports.answers.questions.unacked_memory import (
    AUTOMATIC,
    BROKER,
    CLIENT,
    FILLED,
    LIMITED,
    PART,
    QUESTION,
    STUCK,
    TAKES,
    UNLIMITED,
)
from suites.answers.experiment import Place, Stage
from suites.answers.experiments.unacked_memory import Load
from suites.brokers import registry
from suites.unit.answers_example import study

GROWN: Mapping[str, float] = {CLIENT: 2.0, BROKER: -1.0, FILLED: 3.0}


def _cell(row: str, column: str, figures: Mapping[str, float] = GROWN, **changed: Fact) -> Cell:
    facts: dict[str, Fact] = {
        "sent": 1000,
        "callbacks": 1000,
        "ready": 0,
        "back": 1000,
        "lost": 0,
        "redelivered": "yes",
    }
    return Cell(
        broker="reference", row=row, column=column, facts=facts | changed, figures=dict(figures)
    )


TAKEN = _cell(UNLIMITED, TAKES)
WINDOW = _cell(LIMITED, TAKES, {CLIENT: 0.25}, callbacks=100, ready=900, back=100)
BLOCKED = _cell(UNLIMITED, STUCK, callbacks=1, ready=PART, back=PART)
LOST = _cell(AUTOMATIC, TAKES, back=0, lost=1000, redelivered="nothing is left")


def _answers(*cells: Cell) -> list[str]:
    return [plain.answer for plain in QUESTION.conclude(study(*cells), "reference")]


def test_all_that_is_not_limited_goes_to_the_client() -> None:
    """Counts from the facts, memory from the figures."""
    where, memory, end, prefetch = _answers(TAKEN, WINDOW, BLOCKED, LOST)
    assert where.startswith("To the client, all of them: 1000 of 1000 messages were in its memory")
    assert "kept the rest ready: 1 message was in the client's hands" in where
    assert memory.startswith("The client's grew by 2 MiB, which is 2,097 octets for a message")
    assert "with a prefetch of 100 by 0 MiB" in memory
    assert "grew by 3 MiB as the queue was filled and changed by -1 MiB" in memory
    assert "as the messages went out: it kept every one" in memory
    assert end.startswith("1000 of 1000 came back at the kill, flagged as redelivered.")
    assert "With auto-ack 1000 of 1000 were lost with a client that took what came." in end
    assert prefetch.startswith("With a prefetch of 100, 100 of 1000 messages went out and 900")


def test_other_facts_make_other_answers() -> None:
    """A broker that holds messages back, or hands out all to a client that is blocked."""
    held = _cell(UNLIMITED, TAKES, {}, callbacks=300, ready=700, back=300)
    drowned = _cell(UNLIMITED, STUCK, callbacks=1, ready=0, back=1000)
    where, memory, end, prefetch = _answers(held, drowned)
    assert where.startswith("To the client: 300 of 1000; 700 stayed ready for others.")
    assert where.endswith(
        "0 were ready for others and 1000 were out, with 1 in the client's hands."
    )
    assert memory == "This machine or this broker does not tell."
    assert end.startswith("300 of 1000 came back at the kill, flagged")
    unflagged = _cell(UNLIMITED, TAKES, redelivered="no")
    assert "came back at the kill, not flagged" in _answers(unflagged)[2]
    assert QUESTION.timed(held, {}) == ""
    assert prefetch == "Not seen."
    assert _answers(WINDOW) == []


def test_in_a_cell() -> None:
    """Who has how many; losses are bad, a full window is good."""
    assert QUESTION.told(LOST).splitlines() == [
        "in callbacks: 1000 of 1000",
        "ready for others: 0",
        "unacknowledged, back after the kill: 0",
        "lost with the client: 1000",
    ]
    assert QUESTION.timed(TAKEN, {}) == (
        "memory in MiB: client +2, broker -1, broker while filled +3"
    )
    tones = [QUESTION.tone(cell) for cell in (TAKEN, BLOCKED, WINDOW, LOST)]
    assert tones == [Tone.MIXED, Tone.MIXED, Tone.GOOD, Tone.BAD]


def test_cells_are_played() -> None:
    """A few hundred messages, taken without limit and with one."""
    with registry.parse("reference") as broker:
        stage = Stage(broker, 1, {"messages": 300}, print)
        taken = Load(stage, Place(UNLIMITED, TAKES)).cell()
        limited = Load(stage, Place(LIMITED, STUCK)).cell()
    assert [taken.facts[name] for name in ("callbacks", "ready", "back", "lost")] == [
        300,
        0,
        300,
        0,
    ]
    assert [limited.facts[name] for name in ("callbacks", "ready", "back")] == [1, 200, 100]
    assert taken.facts["redelivered"] == "yes"
