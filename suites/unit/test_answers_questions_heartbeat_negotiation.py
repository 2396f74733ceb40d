from reports.answers.model import Cell, Fact
from reports.answers.moments import NEVER, SILENCE
from reports.answers.question import Tone
from reports.answers.questions.heartbeat_negotiation import (
    DEFAULT,
    KEPT,
    LOW,
    MUTE,
    NO_BEATS,
    NOTHING,
    ONCE,
    PIKA,
    QUESTION,
    RAW,
    TOO_LONG,
    TWICE,
)
from suites.unit.answers_example import study


def cell(
    row: str, column: str, variant: str, taken: int, connection: str, beats: str = TWICE
) -> Cell:
    """A cell of the reference broker."""
    facts: dict[str, Fact] = {
        "offer": 60 if column == DEFAULT else 2,
        "taken": taken,
        "broker beats": beats,
        "client beats": beats if variant == PIKA else MUTE,
        "connection": connection,
    }
    times = {"broker every": taken / 2} if beats == TWICE else {}
    return Cell(
        broker="reference", row=row, column=column, variant=variant, facts=facts, times=times
    )


def answers(*cells: Cell) -> list[str]:
    """The conclusions."""
    return [plain.answer for plain in QUESTION.conclude(study(*cells), "reference")]


def test_the_client_decides() -> None:
    """What is taken is kept by both sides, and 0 turns it off."""
    rule, beats, silence, off = answers(
        cell(NOTHING, DEFAULT, PIKA, 60, TOO_LONG, TOO_LONG),
        cell("1 s", DEFAULT, PIKA, 1, KEPT),
        cell("3 s", LOW, PIKA, 3, KEPT),
        cell("1 s", LOW, RAW, 1, SILENCE),
        cell("0", LOW, RAW, 0, NEVER, NO_BEATS),
    )
    assert rule.startswith("The broker offers 60 s (configured: default), 2 s (configured: 2 s).")
    assert "The client has the last word" in rule
    assert rule.endswith("Told nothing, pika takes the offer.")
    assert beats == (
        "The broker sends heartbeats: twice an interval. Pika sends heartbeats: twice an interval."
        " The interval is that of tune-ok, whatever the broker had offered."
    )
    assert f"thrown out {SILENCE} in 1 of 1 cells" in silence
    assert silence.endswith("One that beats was kept in 2 of 2.")
    assert "the broker sent none in 1 of 1 cells, and a silent client was kept in 1 of 1." in off
    assert off.endswith("whatever the broker offers.")


def test_other_facts_give_other_answers() -> None:
    """A client that is overruled, a broker that does not beat or throws nobody out."""
    rule, beats, silence = answers(
        cell("3 s", LOW, PIKA, 2, KEPT, ONCE),
        cell("1 s", LOW, RAW, 1, NEVER, NO_BEATS),
    )
    assert rule.endswith("Pika answers with its own value in 0 of 1 cells.")
    assert beats == (
        "The broker sends heartbeats: none or once an interval."
        " Pika sends heartbeats: once an interval."
    )
    assert f"thrown out {SILENCE} in 0 of 1 cells" in silence


def test_cells() -> None:
    """Short, long, and off."""
    kept = cell("1 s", LOW, PIKA, 1, KEPT)
    assert QUESTION.told(kept) == (
        "offered 2, taken 1\nthe broker beats: twice an interval\npika beats: twice an interval"
    )
    assert QUESTION.tone(kept) is Tone.GOOD
    assert QUESTION.timed(kept, {}) == "broker every 0.50 s"
    ended = cell("1 s", LOW, RAW, 1, SILENCE)
    assert QUESTION.told(ended).endswith(f"silence: ended {SILENCE}")
    long = cell(NOTHING, DEFAULT, RAW, 60, TOO_LONG, TOO_LONG)
    assert QUESTION.told(long) == "offered 60, taken 60\ntoo long to watch"
    assert QUESTION.tone(long) is Tone.MIXED
    off = cell("0", LOW, RAW, 0, NEVER, NO_BEATS)
    assert QUESTION.told(off).endswith("silence: no harm")
    assert QUESTION.tone(off) is Tone.BAD
