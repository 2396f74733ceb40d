"""What a callback costs that takes longer than the heartbeat."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Study
from reports.answers.moments import SILENCE
from reports.answers.question import Plain, Question, Tone

BLOCKING, UNHEARD = "time.sleep", "time.sleep, heartbeat=0"
SLEEP, PUMPING, THREAD = "connection.sleep", "process_data_events", "worker thread"
HALF, MORE, MUCH_MORE = "0.5 intervals", "1.5 intervals", "4 intervals"
KEPT, LOST = "kept", "lost"
TAKEN, VOID = "taken", "without an error, but lost"


class SlowCallback(Question):
    """Heartbeats are sent by the thread that the callback blocks."""

    id = "slow-callback"
    order = 20
    title = "What happens when a callback takes longer than the heartbeat?"
    method = (
        "In each cell a client, a process of its own that uses pika's BlockingConnection behind a"
        " proxy, consumes a message in a callback that works for as long as the column says, in the"
        " way of the row, and then acknowledges it. While it works, another consumer waits at the"
        " same queue, which takes what the broker delivers again, and acknowledges it at once."
        " Afterwards a round trip shows whether the client's connection is still there. Lengths"
        " between two and three intervals are left out: there the broker may have given up or not."
    )
    rows: ClassVar[Mapping[str, str]] = {
        BLOCKING: "the callback blocks: pika can do nothing meanwhile",
        SLEEP: "the callback waits by connection.sleep, in which pika works",
        PUMPING: "the callback works in slices of 20 ms, and calls connection.process_data_events"
        " between them",
        THREAD: "the callback returns at once; a thread works, and has the ack done by"
        " connection.add_callback_threadsafe",
        UNHEARD: "the callback blocks, but no heartbeats were agreed on",
    }
    columns: ClassVar[Mapping[str, str]] = {
        HALF: "the work takes half a heartbeat interval",
        MORE: "one and a half",
        MUCH_MORE: "four",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "done once, and the connection is kept",
        Tone.BAD: "the connection is lost, and the work is done again",
        Tone.MIXED: "one of both",
    }

    def told(self, cell: Cell) -> str:
        """The connection, the ack, the message."""
        facts = cell.facts
        lines = [f"connection {facts['connection']}", f"ack: {facts['ack']}"]
        times = "once" if facts["processed"] == 1 else f"{facts['processed']} times"
        again = ", redelivered" if facts["redelivered"] == "yes" else ""
        return "\n".join([*lines, f"processed {times}{again}"])

    def tone(self, cell: Cell) -> Tone:
        """Good when nothing was lost and nothing done twice."""
        signs = {cell.facts["connection"] == KEPT, cell.facts["processed"] == 1}
        return Tone.GOOD if signs == {True} else Tone.BAD if signs == {False} else Tone.MIXED

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """When the message came again."""
        again = cell.times.get("again")
        if again is None:
            return ""
        return f"again after {again:.2f} s ({again / parameters['heartbeat']:.1f} intervals)"

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """The connection, the ack, the message, and what helps."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        if not cells:
            return []
        cells.sort(key=lambda cell: self.places().index(cell.place))
        found = [
            Plain("Is the connection lost?", _connection(cells)),
            Plain("What does the client notice?", _noticed(cells)),
            Plain("What becomes of the message?", _message(cells)),
            Plain("What helps?", _helps(cells)),
        ]
        times = [c.times["again"] for c in cells if "again" in c.times]
        if times:
            low, high = min(times), max(times)
            interval = study.head.parameters["heartbeat"]
            told = (
                f"With an interval of {interval:g} s it came again {low:.1f} to {high:.1f} s after"
                f" the callback began ({low / interval:.1f} to {high / interval:.1f} intervals)."
            )
            found.append(Plain("How soon did another consumer get it?", told))
        return found


def _where(cells: list[Cell]) -> str:
    """By row, as `time.sleep (4 intervals)`."""
    rows: dict[str, list[str]] = {}
    for cell in cells:
        rows.setdefault(cell.row, []).append(cell.column)
    return "; ".join(f"{row} ({', '.join(columns)})" for row, columns in rows.items())


def _connection(cells: list[Cell]) -> str:
    lost = [cell for cell in cells if cell.facts["connection"] == LOST]
    if not lost:
        return "No, in none of the cells."
    when = " or ".join(dict.fromkeys(str(cell.facts["closed"]) for cell in lost))
    sentences = [f"Yes: {_where(lost)}. The broker closed it {when}."]
    kept = [c for c in cells if c.column == MORE and c.facts["connection"] == KEPT]
    blocked = [c for c in kept if c.row == BLOCKING]
    if blocked and when == SILENCE:
        sentences.append(
            "A callback that blocks for longer than the interval alone is no harm yet:"
            f" {_where(blocked)} kept it."
        )
    return " ".join(sentences)


def _noticed(cells: list[Cell]) -> str:
    lost = [cell for cell in cells if cell.facts["connection"] == LOST]
    if not lost:
        return "Nothing: all acknowledgements were taken."
    groups: dict[str, list[Cell]] = {}
    for cell in lost:
        groups.setdefault(str(cell.facts["ack"]), []).append(cell)
    told = "; ".join(f"{ack} ({_where(some)})" for ack, some in groups.items())
    return (
        "Nothing while the callback runs. The acknowledgement at its end, into the dead connection:"
        f" {told}."
    )


def _message(cells: list[Cell]) -> str:
    again = [cell for cell in cells if cell.facts["processed"] != 1]
    if not again:
        return "It is processed once in every cell."
    flags = sum(1 for cell in again if cell.facts["redelivered"] == "yes")
    return (
        "With the connection it goes back to the queue, while the callback still works on it, and"
        f" another consumer gets it: processed more than once in {len(again)} of"
        f" {len(cells)} cells, flagged as redelivered in {flags}."
    )


def _helps(cells: list[Cell]) -> str:
    longest = [cell for cell in cells if cell.column == MUCH_MORE]
    good = [cell for cell in longest if QUESTION.tone(cell) is Tone.GOOD]
    if not good:
        return "Nothing that was tried."
    sentences = [f"At four intervals all is well with: {'; '.join(c.row for c in good)}."]
    if any(cell.row == UNHEARD for cell in good):
        sentences.append(
            "Without heartbeats neither side notices a peer that has vanished, so this is the"
            " dearest of the remedies."
        )
    return " ".join(sentences)


QUESTION = SlowCallback()
