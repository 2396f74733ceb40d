"""How many publishes return without an error though nobody is there any more."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Study
from reports.answers.question import Plain, Question, Tone

SMALL, LARGE = "pika, 64 octets", "pika, 256 KiB"
WORKING = "pika at work, 64 octets"
CONFIRMS, BLIND = "pika with confirms, 64 octets", "writes only, 64 octets"
FIN, RST, SILENT = "FIN", "RST", "dead network"
FROZEN, KILLED = "broker SIGSTOP", "broker SIGKILL"
TOLD = (FIN, RST, KILLED)
"""Ends that the client's kernel is told of."""
BEATING, UNHEARD = "heartbeats", "no heartbeats"
BY_HEARTBEAT = "by missed heartbeats"
FEW, MANY = "a few at most", "many"
"""How many calls returned: up to FEWEST, or more."""
FEWEST = 5
BLOCKED, GOING_ON = "a call blocks", "calls go on"

CALLS, ARRIVED = "calls that returned", "of these arrived"
OCTETS = "MiB written"


class DeadPublishes(Question):
    """Calls that return, errors that come, messages that arrive."""

    id = "dead-publishes"
    order = 60
    title = 'How many publishes "succeed" on a dead connection?'
    method = (
        "In each cell a client publishes numbered persistent messages to a durable queue, one call"
        " every 50 ms or so, through a proxy of its own. It is a process that uses"
        " pika's BlockingConnection without confirms or with, or a bare socket that only writes and"
        " never reads. When ten calls have returned, the link or the broker dies in the way of the"
        " column, and the client goes on, as it knows of nothing, until it gets an error or the"
        " watch is over. Only calls count that began after that moment. At the end a broker that"
        " was killed is started again, one that was frozen goes on, and the queue tells which"
        " messages arrived."
    )
    rows: ClassVar[Mapping[str, str]] = {
        SMALL: "basic_publish without confirms and time.sleep between: a call is over when it is"
        " written to the socket, and pika gets no chance to look after heartbeats",
        WORKING: "the same with connection.sleep between: pika reads, and looks after them",
        LARGE: "time.sleep, with messages of 256 KiB, which soon fill the kernel's buffers",
        CONFIRMS: "time.sleep, and confirm_delivery: a call is over when the broker has answered",
        BLIND: "frames are written to the socket, and nothing is ever read from it",
    }
    columns: ClassVar[Mapping[str, str]] = {
        FIN: "the link is closed on both sides",
        RST: "the link is reset on both sides",
        SILENT: "no octet comes through any more, either way, and nobody is told; the kernel keeps"
        " what it cannot send",
        FROZEN: "the broker's process is frozen, while its kernel goes on taking octets until its"
        " buffers are full; it is woken after the watch",
        KILLED: "the broker's process is killed",
    }
    variants: ClassVar[Mapping[str, str]] = {
        BEATING: "With heartbeats",
        UNHEARD: "Without heartbeats",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "no call returned that should not have",
        Tone.MIXED: "a few calls returned before the error came",
        Tone.BAD: "many did",
    }
    caption = (
        "The pika client with small messages, time.sleep and heartbeats, from the moment at which"
        " its link or broker dies: calls that return (red), until it gets an error (green)."
    )
    pictured = tuple((SMALL, BEATING, column) for column in columns)

    def told(self, cell: Cell) -> str:
        """How many calls returned, and how that ended."""
        facts = cell.facts
        lines = [f"calls that returned: {facts['believed']}"]
        if facts["error"]:
            lines.append(f"then, {facts['learned']}: {facts['error']}")
        else:
            lines.append(f"no error while watched: {facts['state']}")
        if facts["arrived"]:
            lines.append(f"arrived: {facts['arrived']}")
        return "\n".join(lines)

    def tone(self, cell: Cell) -> Tone:
        """By how many calls returned."""
        believed = cell.facts["believed"]
        return Tone.BAD if believed == MANY else Tone.MIXED if believed == FEW else Tone.GOOD

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """The numbers, and when the error came."""
        del parameters
        calls, arrived = cell.figures[CALLS], cell.figures[ARRIVED]
        text = f"{calls:g} calls, {arrived:g} arrived"
        if "error" in cell.times:
            text += f", error after {cell.times['error']:.2f} s"
        return text

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """By how the client can learn, then what arrives, what size does, what confirms do."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        plain = [c for c in cells if c.row in {SMALL, WORKING, BLIND}]
        if not plain:
            return []
        return [
            Plain("How many calls return?", _believed(plain)),
            Plain("How many of these messages arrive?", _arrived([*plain, *_of(cells, LARGE)])),
            Plain("Does the size matter?", _size(_of(cells, LARGE))),
            Plain("And with confirms?", _confirmed(_of(cells, CONFIRMS))),
        ]


def _of(cells: list[Cell], row: str) -> list[Cell]:
    return [cell for cell in cells if cell.row == row]


def _believed(cells: list[Cell]) -> str:
    sentences = []
    told = [c for c in cells if c.column in TOLD]
    if told:
        most = max(c.figures[CALLS] for c in told)
        sentences.append(
            f"When the client's kernel is told ({_columns(told)}): at most {most:g} returned"
            " before one raised an error."
        )
    silent = [c for c in cells if c.column not in TOLD]
    heard = [c for c in silent if c.facts["error"]]
    if heard:
        calls, times = [c.figures[CALLS] for c in heard], [c.times["error"] for c in heard]
        sentences.append(
            f"When nobody tells it ({_columns(heard)}), heartbeats do, for {_rows(heard)}:"
            f" {min(calls):g} to {max(calls):g} calls returned in the {min(times):.1f} to"
            f" {max(times):.1f} s until then."
        )
    never = [c for c in silent if not c.facts["error"]]
    if never:
        calls = [c.figures[CALLS] for c in never]
        sentences.append(
            f"Nothing told {_rows(never)}: {min(calls):g} to {max(calls):g} calls returned while it"
            " was watched, and there was no end."
        )
    return " ".join(sentences)


def _arrived(cells: list[Cell]) -> str:
    sentences = []
    for frozen in (False, True):
        some = [c for c in cells if (c.column == FROZEN) == frozen and c.figures[CALLS]]
        if some:
            arrived = sum(c.figures[ARRIVED] for c in some)
            calls = sum(c.figures[CALLS] for c in some)
            where = "when a frozen broker went on" if frozen else _columns(some)
            sentences.append(f"{arrived:g} of {calls:g} ({where}).")
    return " ".join(sentences) or "No call returned."


def _size(cells: list[Cell]) -> str:
    blocked = [c for c in cells if c.facts["state"] == BLOCKED]
    if not blocked:
        return "No call of the client with large messages blocked while it was watched."
    calls, octets = [c.figures[CALLS] for c in blocked], [c.figures[OCTETS] for c in blocked]
    return (
        f"Large messages fill the buffers between client and broker: after {min(calls):g} to"
        f" {max(calls):g} calls of 256 KiB ({min(octets):.1f} to {max(octets):.1f} MiB) the next"
        f" one blocked, without an error for as long as it was watched ({_columns(blocked)})."
    )


def _confirmed(cells: list[Cell]) -> str:
    if not cells:
        return "Not seen."
    believed = sum(int(c.facts["believed"]) for c in cells)
    missing = sum(int(c.facts["missing"]) for c in cells)
    waiting = [c for c in cells if c.facts["state"] == BLOCKED]
    text = (
        f"{believed} calls returned after the end in {len(cells)} cells, and {missing} messages"
        " that had been confirmed at any time were missing from the queue."
    )
    if waiting:
        text += (
            f" The price is that a call waits for as long as nobody tells: without heartbeats it"
            f" had not returned when the watch was over ({_columns(waiting)})."
        )
    return text


def _rows(cells: list[Cell]) -> str:
    """Each client, with its variant where the other is not among them."""
    found: dict[str, set[str]] = {}
    for cell in cells:
        found.setdefault(cell.row, set()).add(cell.variant)
    return " or ".join(
        f'"{row}"' if len(found[row]) > 1 else f'"{row}" with {"".join(found[row])}'
        for row in DeadPublishes.rows
        if row in found
    )


def _columns(cells: list[Cell]) -> str:
    order = list(DeadPublishes.columns)
    return ", ".join(sorted({cell.column for cell in cells}, key=order.index))


QUESTION = DeadPublishes()
