from reports.answers.model import Cell, Fact
from reports.answers.moments import AT_ONCE, NEVER, SILENCE
from reports.answers.question import Tone
from reports.answers.questions.vanished_peer import (
    BEATING,
    BY_CLIENT,
    CHECK,
    DEAD,
    QUESTION,
    UNHEARD,
    WAKES_ON,
)
from suites.unit.answers_example import study


def cell(row: str, client: str, broker: str, /, column: str = BEATING, **times: float) -> Cell:
    """A cell of the reference broker."""
    facts: dict[str, Fact] = {"client": client, "broker": broker}
    return Cell(broker="reference", row=row, column=column, facts=facts, times=times)


def answers(*cells: Cell) -> list[str]:
    """The conclusions, at an interval of 2 s."""
    asked = study(*cells)
    asked.head.parameters["heartbeat"] = 2
    return [plain.answer for plain in QUESTION.conclude(asked, "reference")]


def test_who_knows_and_how() -> None:
    """At once, by heartbeats, or never."""
    at_once, beats, unheard, measured = answers(
        cell("FIN", AT_ONCE, AT_ONCE),
        cell("SIGKILL", DEAD, AT_ONCE),
        cell("blackhole", CHECK, SILENCE, client=12.0, broker=5.0),
        cell("one-way loss down", CHECK, BY_CLIENT, client=13.0, broker=13.1),
        cell("blackhole", NEVER, NEVER, UNHEARD),
        cell("broker SIGSTOP", NEVER, WAKES_ON, UNHEARD),
    )
    assert at_once == "The broker: FIN, SIGKILL. The client: FIN."
    assert f"The broker: {SILENCE} (blackhole); {BY_CLIENT} (one-way loss down)." in beats
    assert f"The client: {CHECK} (blackhole, one-way loss down)." in beats
    assert beats.endswith("one may know long before the other.")
    assert "not noticed: blackhole, broker SIGSTOP (2 of 2 rows)." in unheard
    assert unheard.endswith("as if nothing had been: broker SIGSTOP.")
    assert "the broker found the silence after 5.0 to 5.0 s (2.5 to 2.5 intervals)" in measured
    assert "the client found the silence after 12.0 to 13.0 s (6.0 to 6.5 intervals)" in measured


def test_other_facts_give_other_answers() -> None:
    """Where all is noticed, where nothing is."""
    assert answers(cell("FIN", AT_ONCE, AT_ONCE), cell("RST", AT_ONCE, AT_ONCE, UNHEARD)) == [
        "The broker: FIN, RST. The client: FIN, RST.",
        "Everything was noticed at once.",
        "Everything was noticed all the same.",
    ]
    assert answers(cell("blackhole", NEVER, NEVER))[0] == (
        "The broker noticed no end of the client at once."
        " The client noticed no end of the broker at once."
    )


def test_cells() -> None:
    """By the last of those who are left."""
    told = cell("FIN", AT_ONCE, AT_ONCE, client=0.01, broker=0.02)
    assert QUESTION.told(told) == "client: at once\nbroker: at once"
    assert QUESTION.tone(told) is Tone.GOOD
    assert QUESTION.timed(told, {"heartbeat": 2}) == "client 0.01 s, broker 0.02 s"
    assert QUESTION.tone(cell("SIGKILL", DEAD, AT_ONCE)) is Tone.GOOD
    late = cell("SIGSTOP", WAKES_ON, SILENCE, broker=5.0)
    assert QUESTION.tone(late) is Tone.MIXED
    assert QUESTION.timed(late, {"heartbeat": 2}) == "broker 5.00 s (2.5 intervals)"
    assert QUESTION.tone(cell("blackhole", NEVER, SILENCE)) is Tone.BAD
