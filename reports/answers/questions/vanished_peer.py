"""Who learns that the other side has vanished, how, and when."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Study
from reports.answers.moments import AT_ONCE, NEVER, SILENCE
from reports.answers.question import Plain, Question, Tone

BEATING, UNHEARD = "heartbeats", "no heartbeats"
CLIENT_STOPPED, BROKER_KILLED, BROKER_STOPPED = "SIGSTOP", "broker SIGKILL", "broker SIGSTOP"
DEAD = "is dead"
WAKES_TOLD, WAKES_ON = "is frozen; told when it wakes", "is frozen; goes on when it wakes"
CHECK = "by its own check, after one to two periods of interval + 5 s"
BY_BROKER, BY_CLIENT = "told when the broker gives up", "told when the client gives up"
OUT = (DEAD, WAKES_TOLD, WAKES_ON)
"""Who cannot notice anything at the time."""


class VanishedPeer(Question):
    """Either side may vanish, or the link between them."""

    id = "vanished-peer"
    order = 30
    title = "Who notices a vanished peer, and when?"
    method = (
        "In each cell a client, a process of its own that uses pika's BlockingConnection behind a"
        " proxy of its own and lets it work all the time, holds an exclusive queue. Nothing else is"
        " sent but heartbeats, if any were agreed on. Then happens what the row says. The client"
        " has noticed when pika raises an error; the broker has noticed when the queue is gone,"
        " for which another connection, not concerned by the fault, asks every 50 ms: 405 while the"
        " broker believes in the owner, then 404. Whoever is frozen is woken at last, to see"
        " whether it is told then or goes on as if nothing had been."
    )
    rows: ClassVar[Mapping[str, str]] = {
        "FIN": "the link is closed towards both sides",
        "RST": "the link is reset towards both sides",
        "SIGKILL": "the client's process is killed: its kernel closes the socket",
        CLIENT_STOPPED: "the client's process is frozen: its kernel keeps the socket",
        "blackhole": "the network loses all packets both ways",
        "one-way loss up": "the network loses what the client sends",
        "one-way loss down": "the network loses what the broker sends",
        BROKER_KILLED: "the broker's process is killed",
        BROKER_STOPPED: "the broker's process is frozen",
    }
    columns: ClassVar[Mapping[str, str]] = {
        BEATING: "an interval was agreed on in tune-ok",
        UNHEARD: "heartbeat=0 was agreed on",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "whoever is left knows at once",
        Tone.MIXED: "whoever is left knows later",
        Tone.BAD: "somebody who is left did not know while it was watched",
    }

    def told(self, cell: Cell) -> str:
        """Each side's way of knowing."""
        return f"client: {cell.facts['client']}\nbroker: {cell.facts['broker']}"

    def tone(self, cell: Cell) -> Tone:
        """By the last of those who are left."""
        left = {word for word in cell.facts.values() if word not in OUT}
        if NEVER in left:
            return Tone.BAD
        return Tone.GOOD if left == {AT_ONCE} else Tone.MIXED

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """When each side knew; in intervals where these decided it."""
        interval = parameters["heartbeat"]
        told = []
        for side, seconds in cell.times.items():
            beats = "" if cell.facts[side] == AT_ONCE else f" ({seconds / interval:.1f} intervals)"
            told.append(f"{side} {seconds:.2f} s{beats}")
        return ", ".join(told)

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """What is told, what is found by heartbeats, and what never is."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        if not cells:
            return []
        cells.sort(key=lambda cell: self.places().index(cell.place))
        beating = [c for c in cells if c.column == BEATING]
        unheard = [c for c in cells if c.column == UNHEARD]
        found = [Plain("What is noticed at once?", _at_once(cells))]
        if beating:
            found.append(Plain("Who notices the rest, with heartbeats?", _by_beats(beating)))
        if unheard:
            found.append(Plain("And without heartbeats?", _unheard(unheard)))
        measured = _measured(cells, study.head.parameters["heartbeat"])
        return [*found, *([Plain("How long was it?", measured)] if measured else [])]


def _at_once(cells: list[Cell]) -> str:
    sentences = []
    for side, other in (("broker", "client"), ("client", "broker")):
        rows = _rows(cells, side, AT_ONCE)
        if rows:
            sentences.append(f"The {side}: {', '.join(rows)}.")
        else:
            sentences.append(f"The {side} noticed no end of the {other} at once.")
    return " ".join(sentences)


def _rows(cells: list[Cell], side: str, word: str) -> list[str]:
    return list(dict.fromkeys(cell.row for cell in cells if cell.facts[side] == word))


def _by_beats(cells: list[Cell]) -> str:
    sentences = []
    for side in ("broker", "client"):
        groups: dict[str, list[str]] = {}
        for cell in cells:
            word = str(cell.facts[side])
            if word not in {AT_ONCE, DEAD}:
                groups.setdefault(word, []).append(cell.row)
        told = "; ".join(f"{word} ({', '.join(rows)})" for word, rows in groups.items())
        if told:
            sentences.append(f"The {side}: {told}.")
    if _rows(cells, "broker", SILENCE) and _rows(cells, "client", CHECK):
        sentences.append(
            "The two sides check by themselves and differently, so that one may know long before"
            " the other."
        )
    return " ".join(sentences) or "Everything was noticed at once."


def _unheard(cells: list[Cell]) -> str:
    late = [c for c in cells if {NEVER, WAKES_ON} & set(c.facts.values())]
    if not late:
        return "Everything was noticed all the same."
    told = ", ".join(cell.row for cell in late)
    sentences = [
        f"Whatever closes no socket is not noticed: {told} ({len(late)} of {len(cells)} rows)."
    ]
    woke = [cell.row for cell in late if WAKES_ON in cell.facts.values()]
    if woke:
        sentences.append(
            f"What only slept goes on when it wakes, as if nothing had been: {', '.join(woke)}."
        )
    return " ".join(sentences)


def _measured(cells: list[Cell], interval: float) -> str:
    sentences = []
    for side, word in (("broker", SILENCE), ("client", CHECK)):
        times = [c.times[side] for c in cells if c.facts[side] == word and side in c.times]
        if times:
            low, high = min(times), max(times)
            sentences.append(
                f"With an interval of {interval:g} s the {side} found the silence after"
                f" {low:.1f} to {high:.1f} s"
                f" ({low / interval:.1f} to {high / interval:.1f} intervals)."
            )
    return " ".join(sentences)


QUESTION = VanishedPeer()
