from collections.abc import Mapping

from reports.answers.model import Cell, Fact
from reports.answers.moments import SILENCE
from reports.answers.question import Tone
from reports.answers.questions.slow_callback import (
    BLOCKING,
    HALF,
    KEPT,
    LOST,
    MORE,
    MUCH_MORE,
    QUESTION,
    TAKEN,
    THREAD,
    UNHEARD,
    VOID,
)
from suites.unit.answers_example import study

GOOD: Mapping[str, Fact] = {
    "connection": KEPT,
    "closed": "not",
    "ack": TAKEN,
    "processed": 1,
    "redelivered": "no",
    "left": 0,
}
BAD: Mapping[str, Fact] = {
    "connection": LOST,
    "closed": SILENCE,
    "ack": "raises `socket closed`",
    "processed": 2,
    "redelivered": "yes",
    "left": 0,
}


def cell(row: str, column: str, facts: Mapping[str, Fact]) -> Cell:
    """A cell of the reference broker."""
    times = {"again": 5.0} if facts["processed"] != 1 else {}
    return Cell(broker="reference", row=row, column=column, facts=dict(facts), times=times)


def answers(*cells: Cell) -> list[str]:
    """The conclusions, at an interval of 2 s."""
    asked = study(*cells)
    asked.head.parameters["heartbeat"] = 2
    return [plain.answer for plain in QUESTION.conclude(asked, "reference")]


def test_a_blocked_callback_loses_the_connection() -> None:
    """And what helps is told, with what it costs."""
    connection, noticed, message, helps, soon = answers(
        cell(BLOCKING, HALF, GOOD),
        cell(BLOCKING, MORE, GOOD),
        cell(BLOCKING, MUCH_MORE, BAD),
        cell(THREAD, MUCH_MORE, GOOD),
        cell(UNHEARD, MUCH_MORE, GOOD),
    )
    assert connection.startswith(f"Yes: time.sleep (4 intervals). The broker closed it {SILENCE}.")
    assert connection.endswith("time.sleep (1.5 intervals) kept it.")
    assert noticed.endswith("raises `socket closed` (time.sleep (4 intervals)).")
    assert "more than once in 1 of 5 cells, flagged as redelivered in 1." in message
    assert helps.startswith("At four intervals all is well with: worker thread; time.sleep, heart")
    assert "Without heartbeats neither side notices" in helps
    assert soon.endswith("5.0 to 5.0 s after the callback began (2.5 to 2.5 intervals).")


def test_other_facts_give_other_answers() -> None:
    """Nothing lost; or everything, and silently."""
    assert answers(cell(BLOCKING, MUCH_MORE, GOOD)) == [
        "No, in none of the cells.",
        "Nothing: all acknowledgements were taken.",
        "It is processed once in every cell.",
        "At four intervals all is well with: time.sleep.",
    ]
    _connection, noticed, _message, helps, _soon = answers(
        cell(THREAD, MUCH_MORE, {**BAD, "ack": VOID})
    )
    assert f"{VOID} (worker thread (4 intervals))" in noticed
    assert helps == "Nothing that was tried."


def test_cells() -> None:
    """Lost, kept, and one of both."""
    good, bad = cell(THREAD, MORE, GOOD), cell(BLOCKING, MUCH_MORE, BAD)
    assert QUESTION.told(good) == "connection kept\nack: taken\nprocessed once"
    assert QUESTION.told(bad).endswith("processed 2 times, redelivered")
    assert [QUESTION.tone(one) for one in (good, bad)] == [Tone.GOOD, Tone.BAD]
    assert QUESTION.tone(cell(THREAD, MORE, {**GOOD, "processed": 2})) is Tone.MIXED
    assert QUESTION.timed(good, {"heartbeat": 2}) == ""
    assert QUESTION.timed(bad, {"heartbeat": 2}) == "again after 5.00 s (2.5 intervals)"
