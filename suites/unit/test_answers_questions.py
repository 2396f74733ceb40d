"""What every question and every explanation has to obey."""

from collections.abc import Mapping

import pytest

from reports.answers.compare import explanations
from reports.answers.model import Cell, Fact
from reports.answers.question import Tone
from reports.answers.questions import known, named
from reports.answers.questions.anonymous_queues import CONSUMED, IDLE, QUESTION
from reports.model import RecordError
from suites.answers import experiments
from suites.unit.answers_example import study


def test_every_question_has_an_experiment_and_the_reverse() -> None:
    """Nothing is asked that is not tried, and nothing tried that is not asked."""
    assert list(known()) == list(experiments.known())


def test_an_unknown_question_is_refused_with_those_that_there_are() -> None:
    """One line."""
    with pytest.raises(RecordError, match="anonymous-queues"):
        named("what")


def test_pictured_places_are_places_of_the_table() -> None:
    """A picture of nothing would be empty."""
    for question in known().values():
        assert set(question.pictured) <= set(question.places())
        assert bool(question.caption) == bool(question.pictured)


def test_explanations_are_about_what_there_is() -> None:
    """Each names a question, a row, a column that exist, and has a link."""
    for explanation in explanations():
        question = named(explanation.question)
        assert explanation.row is None or explanation.row in question.rows
        assert explanation.column is None or explanation.column in question.columns
        assert explanation.variant is None or explanation.variant in question.variants
        assert explanation.link.startswith("https://")
        assert explanation.why


EMPTY: Mapping[str, Fact] = {}


def _cell(
    row: str, column: str, facts: Mapping[str, Fact] = EMPTY, variant: str = CONSUMED
) -> Cell:
    whole: dict[str, Fact] = {
        "sent": 110,
        "away": 10,
        "meanwhile": "404",
        "returned": 10,
        "queue": "gone",
        "back": 0,
        "redelivered": 0,
        "same": 0,
        "declared": "403",
        "held": 0,
        "lost": 110,
        "away lost": 0,
    }
    times = {"gone": 5.0} if facts.get("queue", "gone") == "gone" else {}
    return Cell(
        broker="reference",
        row=row,
        column=column,
        variant=variant,
        facts=whole | dict(facts),
        times=times,
    )


KEPT: dict[str, Fact] = {
    "queue": "there",
    "meanwhile": "200",
    "returned": 0,
    "back": 110,
    "redelivered": 10,
    "lost": 0,
}


def _answers(*cells: Cell) -> list[str]:
    asked = study(*cells)
    asked.head.parameters["heartbeat"] = 2
    return [plain.answer for plain in QUESTION.conclude(asked, "reference")]


def test_anonymous_queues_deleted_and_kept() -> None:
    """Each kind is told by what became of it in all endings, or after which."""
    deleted, reached, lost, soon = _answers(
        _cell("server-named exclusive", "FIN"),
        _cell("server-named exclusive", "RST", variant=IDLE),
        _cell("server-named plain", "FIN", KEPT),
        _cell("server-named auto-delete", "FIN"),
        _cell("server-named auto-delete", "RST", KEPT),
    )
    assert deleted == (
        "Deleted: exclusive. Deleted only after FIN: auto-delete (had a consumer)."
        " Kept: plain (had a consumer)."
    )
    assert "plain or auto-delete) is open to whoever knows its name" in reached
    assert "330 of 330 messages were lost (3 cells)" in lost
    assert "0 of 220 were lost (2 cells)" in lost
    assert soon == "When its connection ends: within 5.00 s."


def test_anonymous_queues_locked_and_silent() -> None:
    """Who is locked out is told, and after how many heartbeats that ends."""
    locked: dict[str, Fact] = {"meanwhile": "405", "returned": 0, "away lost": 10}
    _deleted, reached, lost, soon = _answers(_cell("server-named exclusive", "SIGSTOP", locked))
    assert "(SIGSTOP), every other one is refused a queue of the kind exclusive with 405" in reached
    assert "No queue stayed that others could reach." in reached
    assert "accepted and then lost where the broker had not noticed yet (1 cells)" in lost
    assert soon == (
        "When the client only falls silent: after 5.0 to 5.0 s, which is 2.5 to 2.5 heartbeat"
        " intervals."
    )


def test_anonymous_queues_in_a_cell() -> None:
    """Fate, messages, and what was published meanwhile; losses are bad."""
    gone = _cell("server-named exclusive", "FIN")
    assert QUESTION.told(gone) == "gone\n110 of 110 lost\nmeanwhile: 10 of 10 returned"
    assert QUESTION.tone(gone) is Tone.BAD
    kept = _cell("server-named plain", "FIN", KEPT)
    assert QUESTION.told(kept).startswith("there, open to all\n110 of 110 back, 10 redelivered\n")
    assert QUESTION.tone(kept) is Tone.GOOD
    held = _cell("server-named plain", "FIN", {**KEPT, "back": 100, "held": 10})
    assert "10 held until the old connection ends" in QUESTION.told(held)
    assert QUESTION.tone(held) is Tone.MIXED
