"""Which heartbeat interval results from what client and broker want."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Study
from reports.answers.moments import NEVER, SILENCE
from reports.answers.question import Plain, Question, Tone

NOTHING = "nothing"
DEFAULT, OFF, LOW, HIGH = "default", "0", "2 s", "120 s"
PIKA, RAW = "pika, which beats", "a raw client, which falls silent"
TWICE, ONCE, NO_BEATS = "twice an interval", "once an interval", "none"
KEPT, TOO_LONG, MUTE = "kept", "too long to watch", "none, on purpose"
WATCHED = 10
"""Seconds: intervals above it are not watched."""


class HeartbeatNegotiation(Question):
    """The broker offers an interval, the client answers with one."""

    id = "heartbeat-negotiation"
    order = 40
    title = "Which heartbeat value results, and who keeps it?"
    method = (
        "In each cell a client connects to a broker that is configured with the interval of the"
        " column, and wants the interval of the row. What the broker offers in connection.tune and"
        " what the client answers in connection.tune-ok is read from the wire. Pika is then left to"
        " itself for three and a half intervals, in which it lets its connection work, and the"
        " heartbeats of both sides are counted. A raw client, which can be told anything, says"
        " nothing any more after the handshake: it counts the broker's heartbeats, and waits to be"
        f" thrown out. Intervals above {WATCHED} s are too long to watch."
    )
    rows: ClassVar[Mapping[str, str]] = {
        NOTHING: "the client is told no interval: pika's heartbeat=None; the raw client repeats the"
        " offer",
        "0": "the client wants no heartbeats",
        "1 s": "lower than every offer but 0",
        "2 s": "equal to the one offer of 2 s",
        "3 s": "higher than that",
    }
    columns: ClassVar[Mapping[str, str]] = {
        DEFAULT: "the broker as it was given, which is its default if nothing else was said",
        OFF: "the broker is configured with heartbeat 0",
        LOW: "the broker is configured with 2 s",
        HIGH: "the broker is configured with 120 s",
    }
    variants: ClassVar[Mapping[str, str]] = {
        PIKA: "Pika, which beats",
        RAW: "A raw client, which falls silent",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "a vanished peer is found within seconds",
        Tone.MIXED: "a vanished peer is found after minutes",
        Tone.BAD: "heartbeats are off: a vanished peer is never found by them",
    }

    def told(self, cell: Cell) -> str:
        """The two values, and what is made of them."""
        facts = cell.facts
        lines = [f"offered {facts['offer']}, taken {facts['taken']}"]
        if facts["connection"] == TOO_LONG:
            return "\n".join([*lines, TOO_LONG])
        lines.append(f"the broker beats: {facts['broker beats']}")
        if cell.variant == PIKA:
            return "\n".join([*lines, f"pika beats: {facts['client beats']}"])
        ended = facts["connection"]
        return "\n".join([*lines, f"silence: {'no harm' if ended == NEVER else f'ended {ended}'}"])

    def tone(self, cell: Cell) -> Tone:
        """By the interval that results."""
        taken = int(cell.facts["taken"])
        return Tone.BAD if not taken else Tone.GOOD if taken <= WATCHED else Tone.MIXED

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """Seconds between heartbeats, and until the end."""
        del parameters
        return ", ".join(f"{what} {seconds:.2f} s" for what, seconds in cell.times.items())

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """The rule, the beats, silence, and zero."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        if not cells:
            return []
        cells.sort(key=lambda cell: self.places().index(cell.place))
        watched = [c for c in cells if c.facts["connection"] != TOO_LONG]
        beating = [c for c in watched if c.facts["taken"]]
        off = [c for c in watched if not c.facts["taken"]]
        found = [Plain("Which value results?", _rule(cells))]
        if beating:
            found.append(Plain("Who sends how often?", _beats(beating)))
            found.append(Plain("Is silence punished?", _silence(beating)))
        if off:
            found.append(Plain("What does 0 do?", _off(off)))
        return found


def _wanted(cell: Cell) -> int | None:
    return None if cell.row == NOTHING else int(cell.row.removesuffix(" s"))


def _rule(cells: list[Cell]) -> str:
    """What pika makes of it, and whether the broker offers what it is configured with."""
    offers = {c.column: int(c.facts["offer"]) for c in cells}
    told = ", ".join(f"{offer} s (configured: {column})" for column, offer in offers.items())
    sentences = [f"The broker offers {told}."]
    pika = [c for c in cells if c.variant == PIKA]
    named = [c for c in pika if _wanted(c) is not None]
    own = [c for c in named if c.facts["taken"] == _wanted(c)]
    if named and len(own) == len(named):
        sentences.append(
            "The client has the last word: pika answers with the value that it was told, lower or"
            " higher than the offer, and the broker accepts it."
        )
    elif named:
        sentences.append(f"Pika answers with its own value in {len(own)} of {len(named)} cells.")
    untold = [c for c in pika if _wanted(c) is None]
    if untold and all(c.facts["taken"] == c.facts["offer"] for c in untold):
        sentences.append("Told nothing, pika takes the offer.")
    return " ".join(sentences)


def _beats(cells: list[Cell]) -> str:
    sentences = []
    for side, who in (("broker beats", "The broker"), ("client beats", "Pika")):
        mine = [c for c in cells if side == "broker beats" or c.variant == PIKA]
        words = dict.fromkeys(str(c.facts[side]) for c in mine)
        if words:
            sentences.append(f"{who} sends heartbeats: {' or '.join(words)}.")
    sentences.append("The interval is that of tune-ok, whatever the broker had offered.")
    return " ".join(sentences if _by_taken(cells) else sentences[:-1])


def _by_taken(cells: list[Cell]) -> bool:
    """Whether the broker beat by the client's value also where it had offered another one."""
    other = [c for c in cells if c.facts["taken"] != c.facts["offer"]]
    return bool(other) and all(c.facts["broker beats"] in {TWICE, ONCE} for c in other)


def _silence(cells: list[Cell]) -> str:
    silent = [c for c in cells if c.variant == RAW]
    ended = [c for c in silent if c.facts["connection"] == SILENCE]
    sentences = []
    if silent:
        sentences.append(
            f"A client that only listens was thrown out {SILENCE} in {len(ended)} of {len(silent)}"
            " cells, though it had taken part in the handshake."
        )
    beating = [c for c in cells if c.variant == PIKA]
    kept = [c for c in beating if c.facts["connection"] == KEPT]
    if beating:
        sentences.append(f"One that beats was kept in {len(kept)} of {len(beating)}.")
    return " ".join(sentences)


def _off(cells: list[Cell]) -> str:
    quiet = [c for c in cells if c.facts["broker beats"] == NO_BEATS]
    silent = [c for c in cells if c.variant == RAW]
    kept = [c for c in silent if c.facts["connection"] == NEVER]
    sentences = [
        f"It turns heartbeats off: the broker sent none in {len(quiet)} of {len(cells)} cells"
    ]
    if silent:
        sentences.append(f"and a silent client was kept in {len(kept)} of {len(silent)}")
    switched = [c for c in cells if c.facts["offer"] and not c.facts["taken"]]
    tail = ". A client can do so whatever the broker offers." if switched else "."
    return ", ".join(sentences) + tail


QUESTION = HeartbeatNegotiation()
