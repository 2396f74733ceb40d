from reports.answers.model import Cell, Fact
from reports.answers.moments import AT_ONCE, NEVER, SILENCE
from reports.answers.question import Tone
from reports.answers.questions.resource_locked import (
    AUTO_DELETE,
    EXPIRES,
    LONG,
    QUESTION,
    SHORT,
    UNHEARD,
)
from suites.answers import intervals
from suites.unit.answers_example import study


def cell(row: str, column: str, granted: str = AT_ONCE, at: float = 0.5, kept: int = 0) -> Cell:
    """A cell of the reference broker."""
    facts: dict[str, Fact] = {
        "sent": 3,
        "first": "200" if granted == AT_ONCE else "405",
        "granted": granted,
        "messages": kept,
    }
    times = {} if granted == NEVER else {"granted": at}
    figures = {"refusals": 0.0 if granted == AT_ONCE else 40.0}
    return Cell(
        broker="reference", row=row, column=column, facts=facts, times=times, figures=figures
    )


def answers(*cells: Cell) -> list[str]:
    """The conclusions, at intervals of 1 and 3 s."""
    asked = study(*cells)
    asked.head.parameters.update({"short": 1, "long": 3})
    return [plain.answer for plain in QUESTION.conclude(asked, "reference")]


def test_who_is_locked_out_and_until_when() -> None:
    """Silent ends lock, others do not; heartbeats end it."""
    why, until, measured, helps = answers(
        cell("connection.close", SHORT),
        cell("FIN", SHORT),
        cell("SIGSTOP", SHORT, SILENCE, 2.5),
        cell("blackhole", LONG, SILENCE, 7.5),
        cell("blackhole", UNHEARD, NEVER),
        cell("blackhole", EXPIRES, kept=3),
        cell("FIN", AUTO_DELETE, kept=0),
        cell("blackhole", AUTO_DELETE, kept=3),
    )
    assert "does not know yet after: SIGSTOP, blackhole." in why
    assert "half a second after: connection.close, FIN." in why
    assert "granted after 1.5 to 3 heartbeat intervals with heartbeats." in until
    assert "did not end without heartbeats" in until
    assert "interval of 1 s: 2.5 to 2.5 s" in measured
    assert "refused up to 40 times" in measured
    assert "To close the connection before it goes" in helps
    assert "x-expires: never 405; 3 of 3 messages kept." in helps
    assert "0 of 3 messages kept after FIN, 3 of 3 messages kept after blackhole" in helps
    assert "A shorter heartbeat ends it sooner" in helps


def test_other_facts_give_other_answers() -> None:
    """Where nothing is refused nothing is said to be; where all is, nothing helps."""
    assert answers(cell("FIN", SHORT)) == [
        "No declare was refused.",
        "Nothing was refused.",
        "Nothing was refused.",
        "Nothing that was tried.",
    ]
    helps = answers(cell("FIN", SHORT), cell("SIGSTOP", EXPIRES, SILENCE, 2.5))[-1]
    assert helps == "A queue with x-expires does not help: 405 after SIGSTOP."


def test_cells() -> None:
    """Granted, refused for a while, refused for ever."""
    granted = cell("FIN", EXPIRES, kept=3)
    assert QUESTION.told(granted) == "granted\n3 of 3 messages in it"
    assert QUESTION.tone(granted) is Tone.GOOD
    assert QUESTION.timed(granted, {}) == ""
    later = cell("SIGSTOP", LONG, SILENCE, 7.5)
    assert QUESTION.told(later).startswith("405, granted after 1.5 to 3")
    assert QUESTION.tone(later) is Tone.MIXED
    assert QUESTION.timed(later, {"long": 3}) == "after 7.50 s (2.5 intervals)"
    never = cell("SIGSTOP", UNHEARD, NEVER)
    assert QUESTION.told(never) == "405, and no end of it"
    assert QUESTION.tone(never) is Tone.BAD


def test_times_in_words() -> None:
    """What the protocol allows has a name; anything else is told as it is."""
    assert intervals.silence(0.2, 1) == AT_ONCE
    assert intervals.silence(2.5, 1) == SILENCE
    assert intervals.silence(1.2, 1) == "after 1.2 intervals"
    assert intervals.silence(20, 2) == "after 10.0 intervals"
