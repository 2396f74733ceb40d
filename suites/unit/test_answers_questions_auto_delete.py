from collections.abc import Mapping
from pathlib import Path

from reports.answers.model import Cell, Fact, load
from reports.answers.question import Tone
from reports.answers.questions.auto_delete import (
    EXCHANGE,
    GONE,
    KILLED,
    QUESTION,
    QUEUE,
    RESTARTED,
    THERE,
)
from suites.answers import __main__ as command
from suites.unit.answers_example import study

LOST: Mapping[str, Fact] = {"state": GONE, "messages": 2, "dead letters": 0}
STAYED: Mapping[str, Fact] = {"state": THERE}


def cell(row: str, facts: Mapping[str, Fact], column: str = "durable", gone: float = 0.1) -> Cell:
    """A cell of the reference broker."""
    times = {"gone": gone} if facts["state"] == GONE and "restarted" not in row else {}
    return Cell(broker="reference", row=row, column=column, facts=dict(facts), times=times)


def answers(*cells: Cell) -> dict[str, str]:
    """The conclusions by what was asked."""
    return {plain.asked: plain.answer for plain in QUESTION.conclude(study(*cells), "reference")}


def test_fates_are_told_by_row() -> None:
    """Rows whose columns differ say in which they vanish."""
    found = answers(
        cell(f"{QUEUE}never consumed", STAYED),
        cell(f"{QUEUE}channel closed", LOST),
        cell(f"{QUEUE}last consumer cancelled", LOST, gone=0.25),
        cell(f"{QUEUE}last consumer cancelled", STAYED, "transient"),
    )
    assert found["When does an auto-delete queue vanish?"] == (
        "Gone after: last consumer cancelled (only durable); channel closed."
        " Still there after: never consumed."
    )
    assert "within 0.25 s" in found["How soon is it gone?"]
    assert "4 persistent messages" in found["What becomes of its messages?"]
    assert found["What becomes of its messages?"].endswith("all are lost.")
    assert len(found) == 3


def test_dead_letters_are_not_lost() -> None:
    """They are counted."""
    found = answers(cell(f"{QUEUE}channel closed", {**LOST, "dead letters": 1}))
    assert found["What becomes of its messages?"].endswith(
        "1 of them were dead-lettered, though each queue had a dead-letter exchange: 1 are lost."
    )
    kept = answers(cell(f"{QUEUE}channel closed", STAYED))
    assert kept["What becomes of its messages?"] == "No queue vanished."


def test_restarts_are_told_by_column() -> None:
    """What was there after, and what was not."""
    restarted, killed = f"{QUEUE}consumed{RESTARTED}", f"{QUEUE}consumed{KILLED}"
    found = answers(cell(restarted, LOST, "transient"), cell(restarted, LOST), cell(killed, STAYED))
    assert found == {
        "Does it outlive a restart of the broker?": "No transient one did in any of 1 cells."
        f" A durable one was there after: {killed}. It was gone after: {restarted}."
    }


def test_cells_of_queues_and_exchanges() -> None:
    """What is gone is bad; what a publish gets is told."""
    lost = cell(f"{QUEUE}channel closed", LOST)
    assert QUESTION.told(lost) == "gone, with 2 messages\ndead letters: 0"
    assert QUESTION.tone(lost) is Tone.BAD
    assert QUESTION.timed(lost, {}) == "after 0.10 s"
    stayed = cell(f"{EXCHANGE}never bound", {**STAYED, "publish": "accepted"})
    assert QUESTION.told(stayed) == "there"
    assert QUESTION.tone(stayed) is Tone.GOOD
    assert QUESTION.timed(stayed, {}) == ""
    gone = cell(f"{EXCHANGE}last queue deleted", {"state": GONE, "publish": "channel.close 404"})
    assert QUESTION.told(gone) == "gone\na publish to it: channel.close 404"


def test_the_experiment_on_the_reference_broker(tmp_path: Path) -> None:
    """Whole, with a short watch."""
    words = ["--question", "auto-delete", "--set", "watch=0.5", "--output", str(tmp_path)]
    assert command.main(words) == 0
    cells = load(tmp_path / "auto-delete.jsonl").cells
    assert {cell.place for cell in cells} == set(QUESTION.places())
    durable = {cell.row: cell.facts["state"] for cell in cells if cell.column == "durable"}
    assert durable[f"{QUEUE}last consumer cancelled"] == GONE
    assert durable[f"{QUEUE}only basic.get"] == THERE
    assert durable[f"{QUEUE}consumed{KILLED}"] == THERE
