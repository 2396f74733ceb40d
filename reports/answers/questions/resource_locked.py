"""Why a client that reconnects is refused its own queue."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Study
from reports.answers.moments import NEVER
from reports.answers.question import Plain, Question, Tone

SHORT, LONG, UNHEARD = (
    "exclusive, short heartbeat",
    "exclusive, long heartbeat",
    "exclusive, no heartbeats",
)
SERVER_NAMED, AUTO_DELETE, EXPIRES = "server-named exclusive", "auto-delete", "x-expires"
EXCLUSIVE = (SHORT, LONG, UNHEARD)
INSTEAD = {
    SERVER_NAMED: "An exclusive queue that the server names",
    AUTO_DELETE: "An auto-delete queue",
    EXPIRES: "A queue with x-expires",
}
"""What may be used in place of a client-named exclusive queue."""

GRANTED, LOCKED = "200", "405"
SAID, TOLD, SILENT = ("connection.close",), ("FIN", "RST", "SIGKILL"), ("SIGSTOP", "blackhole")


class ResourceLocked(Question):
    """The old connection's lock, and how long it holds."""

    id = "resource-locked"
    order = 50
    title = "Why is a client that reconnects answered 405 RESOURCE_LOCKED, and until when?"
    method = (
        "In each cell a client, a process of its own that uses pika behind a proxy of its own,"
        " declares a queue as the column says, and consumes from it with a prefetch of 1, so that"
        " of 3 persistent messages one is with it. Then its connection ends, or falls silent, in"
        " the way of the row. Half a second later the same application comes back on a new"
        " connection: it declares the queue just as before, and when that is refused again and"
        " again, every 50 ms, until it is granted or the watch is over. Once it has its queue it"
        " consumes, and takes what it is given until the broker must have noticed the end of the"
        " old connection."
    )
    rows: ClassVar[Mapping[str, str]] = {
        "connection.close": "the old connection says goodbye",
        "FIN": "its socket is closed without a word",
        "RST": "its socket is reset",
        "SIGKILL": "its process is killed: the kernel closes the socket",
        "SIGSTOP": "its process is frozen: the socket stays open",
        "blackhole": "the network loses all packets both ways",
    }
    columns: ClassVar[Mapping[str, str]] = {
        SHORT: "a name of the client's own, exclusive; a short heartbeat was agreed on",
        LONG: "the same with a longer heartbeat",
        UNHEARD: "the same without heartbeats",
        SERVER_NAMED: "an empty name, so that the broker chooses another one each time; exclusive;"
        " short heartbeat",
        AUTO_DELETE: "a name of the client's own, auto-delete in place of exclusive; short"
        " heartbeat",
        EXPIRES: "a name of the client's own, neither exclusive nor auto-delete, but with x-expires"
        " so that it does not stay for ever; short heartbeat",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "the first declare is granted",
        Tone.MIXED: "refused with 405 at first, granted later",
        Tone.BAD: "refused with 405 for as long as it was watched",
    }
    caption = (
        "What a client that reconnects is answered after its old connection was lost in a black"
        " hole, from that moment: 405 (red), then its queue (green)."
    )
    pictured = tuple(("blackhole", "", column) for column in columns)

    def told(self, cell: Cell) -> str:
        """The answer, its change, and the messages that it has then."""
        facts = cell.facts
        if facts["granted"] == NEVER:
            return "405, and no end of it"
        head = "granted" if facts["first"] == GRANTED else f"405, granted {facts['granted']}"
        return f"{head}\n{facts['messages']} of {facts['sent']} messages in it"

    def tone(self, cell: Cell) -> Tone:
        """Bad when it is never granted."""
        if cell.facts["granted"] == NEVER:
            return Tone.BAD
        return Tone.GOOD if cell.facts["first"] == GRANTED else Tone.MIXED

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """When it was granted, if it was not at first."""
        granted = cell.times.get("granted")
        if granted is None or cell.facts["first"] == GRANTED:
            return ""
        interval = parameters[interval_of(cell.column)]
        return f"after {granted:.2f} s ({granted / interval:.1f} intervals)"

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """The reason, its end, what helps, and what that costs."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        cells.sort(key=lambda cell: self.places().index(cell.place))
        mine = [c for c in cells if c.column in EXCLUSIVE]
        if not mine:
            return []
        helps = Plain("What helps?", _helps(cells))
        parameters = study.head.parameters
        return [
            Plain("Why 405?", _why(mine)),
            Plain("Until when?", _until(mine)),
            Plain("How long was it?", _measured(mine, parameters)),
            helps,
        ]


def interval_of(column: str) -> str:
    """The name of the parameter that is a column's heartbeat interval."""
    return "long" if column == LONG else "short"


def _refused(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.facts["first"] == LOCKED]


def _why(cells: list[Cell]) -> str:
    refused = _refused(cells)
    if not refused:
        return "No declare was refused."
    belongs = (
        "An exclusive queue belongs to the connection that declared it until the broker knows that"
        f" this connection has ended. It does not know yet after: {_joined(refused)}."
    )
    sentences = [belongs]
    granted = [cell for cell in cells if cell.facts["first"] == GRANTED]
    if granted:
        sentences.append(
            f"It knows when the client comes back half a second after: {_joined(granted)}."
        )
    return " ".join(sentences)


def _until(cells: list[Cell]) -> str:
    refused = _refused(cells)
    ends: dict[str, list[str]] = {}
    for cell in refused:
        heard = "without heartbeats" if cell.column == UNHEARD else "with heartbeats"
        ends.setdefault(str(cell.facts["granted"]), []).append(heard)
    sentences = []
    for end, columns in ends.items():
        who = " and ".join(dict.fromkeys(columns))
        if end == NEVER:
            sentences.append(
                f"It did not end {who} while it was watched: nothing tells the broker, so a client"
                " must not wait for it."
            )
        else:
            sentences.append(f"It was granted {end} {who}.")
    return " ".join(sentences) or "Nothing was refused."


def _measured(cells: list[Cell], parameters: Mapping[str, float]) -> str:
    sentences = []
    for column in EXCLUSIVE:
        times = [c.times["granted"] for c in _refused(cells) if c.column == column and c.times]
        if times:
            interval = parameters[interval_of(column)]
            sentences.append(
                f"With an interval of {interval:g} s: {min(times):.1f} to {max(times):.1f} s, which"
                f" is {min(times) / interval:.1f} to {max(times) / interval:.1f} intervals."
            )
    longest = max((int(c.figures["refusals"]) for c in _refused(cells)), default=0)
    if longest:
        sentences.append(f"Meanwhile one client was refused up to {longest} times.")
    return " ".join(sentences) or "Nothing was refused."


def _helps(cells: list[Cell]) -> str:
    sentences = []
    graceful = [c for c in cells if c.row in SAID]
    if graceful and not _refused(graceful):
        sentences.append("To close the connection before it goes: then nothing is refused.")
    for column, words in INSTEAD.items():
        mine = [cell for cell in cells if cell.column == column]
        if mine and not _refused(mine):
            sentences.append(f"{words}: never 405; {_kept(mine)}.")
        elif _refused(mine):
            sentences.append(f"{words} does not help: 405 after {_joined(_refused(mine))}.")
    short, long = ([c for c in cells if c.column == column] for column in (SHORT, LONG))
    ended = [[c.times["granted"] for c in _refused(some) if c.times] for some in (short, long)]
    if all(ended) and max(ended[0]) < min(ended[1]):
        sentences.append(
            "A shorter heartbeat ends it sooner; a client that must have its exclusive queue has to"
            " try again for more than three intervals."
        )
    return " ".join(sentences) or "Nothing that was tried."


def _kept(cells: list[Cell]) -> str:
    """By count of messages, as `3 of 3 messages after FIN, RST`."""
    groups: dict[str, list[str]] = {}
    for cell in cells:
        told = f"{cell.facts['messages']} of {cell.facts['sent']} messages kept"
        groups.setdefault(told, []).append(cell.row)
    if len(groups) == 1:
        return next(iter(groups))
    return ", ".join(f"{told} after {' or '.join(rows)}" for told, rows in groups.items())


def _joined(cells: list[Cell]) -> str:
    """Their rows, in order."""
    return ", ".join(row for row in QUESTION.rows if any(cell.row == row for cell in cells))


QUESTION = ResourceLocked()
