"""Where messages are that were delivered and not acknowledged, and what they weigh there."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Fact, Study
from reports.answers.question import Plain, Question, Tone

UNLIMITED, LIMITED = "no prefetch, no acks", "prefetch 100, no acks"
AUTOMATIC, ACKED = "auto-ack", "no prefetch, acks"
TAKES, STUCK = "the client takes what comes", "the client's callback blocks"
PART = "some"
"""A number that depends on the buffers between broker and client: neither none nor all."""
UNIT = ", MiB"
CLIENT, BROKER, FILLED = f"client{UNIT}", f"broker{UNIT}", f"broker while filled{UNIT}"
"""How much the resident memory changed: of each while the client consumed, and before that."""
_MIB = 1 << 20


class UnackedMemory(Question):
    """Who holds the messages."""

    id = "unacked-memory"
    order = 90
    title = "How do unacknowledged messages without a prefetch fill memory, and whose?"
    method = (
        "A durable queue is filled with persistent messages of 1 KiB, all confirmed. A client, a"
        " process of its own that uses pika, consumes from it in the way of the row. It keeps each"
        " message in its memory, as work that waits, and acknowledges none, but for the row that"
        " acknowledges each at once; or its first callback does not return. When nothing moves any"
        " more, another connection asks how many messages are ready in the queue. The client is"
        " then killed, and when its consumer is gone the ready ones are counted again: what came"
        " back had been unacknowledged. Memory is the resident memory of the client's process, and"
        " of the broker's with its children, as Linux tells it; what the collectors of garbage do"
        " with it is their own affair, so these numbers are no more than an impression."
    )
    rows: ClassVar[Mapping[str, str]] = {
        UNLIMITED: "basic.consume without basic.qos, the default of most clients",
        LIMITED: "basic.qos with a prefetch-count of 100",
        AUTOMATIC: "basic.consume with no-ack: what is sent is settled",
        ACKED: "without basic.qos, but each message is acknowledged in its callback: the control",
    }
    columns: ClassVar[Mapping[str, str]] = {
        TAKES: "each callback returns at once",
        STUCK: "the first callback does not return, so nothing more is read from the socket",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "bounded: few messages are out, and the rest is ready for others",
        Tone.MIXED: "nothing is lost, but this client has taken what others could have had",
        Tone.BAD: "messages are lost with the client",
    }

    def told(self, cell: Cell) -> str:
        """Who has how many messages, and what the end of the client does to them."""
        facts = cell.facts
        lines = [
            f"in callbacks: {facts['callbacks']} of {facts['sent']}",
            f"ready for others: {facts['ready']}",
            f"unacknowledged, back after the kill: {facts['back']}",
        ]
        lines += [f"lost with the client: {facts['lost']}"] if facts["lost"] else []
        return "\n".join(lines)

    def tone(self, cell: Cell) -> Tone:
        """Bad when the client takes messages with it."""
        if cell.facts["lost"]:
            return Tone.BAD
        return Tone.MIXED if _many(cell.facts) else Tone.GOOD

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """Memory."""
        del parameters
        if not cell.figures:
            return ""
        grown = ", ".join(
            f"{name.removesuffix(UNIT)} {mib:+.0f}" for name, mib in cell.figures.items()
        )
        return f"memory in MiB: {grown}"

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """Where they are, what it costs, what happens at the end, what helps."""
        cells = {
            (c.row, c.column): c for c in study.cells if c.broker == broker and c.trouble is None
        }
        taken = cells.get((UNLIMITED, TAKES))
        if taken is None:
            return []
        return [
            Plain("Where do they go?", _where(taken, cells.get((UNLIMITED, STUCK)))),
            Plain("Whose memory do they fill?", _memory(taken, cells.get((LIMITED, TAKES)))),
            Plain("What happens to them when the client ends?", _end(cells)),
            Plain("What does a prefetch change?", _prefetch(cells.get((LIMITED, TAKES)))),
        ]


def _many(facts: Mapping[str, Fact]) -> bool:
    """Whether more is out than a window of a reasonable size."""
    back = facts["back"]
    return isinstance(back, str) or back > int(facts["sent"]) // 10


def _where(taken: Cell, stuck: Cell | None) -> str:
    facts = taken.facts
    if facts["callbacks"] == facts["sent"]:
        text = (
            f"To the client, all of them: {facts['callbacks']} of {facts['sent']} messages were in"
            f" its memory and {facts['ready']} ready for any other consumer, though it had"
            " acknowledged none."
        )
    else:
        text = (
            f"To the client: {facts['callbacks']} of {facts['sent']}; {facts['ready']} stayed"
            " ready for others."
        )
    if stuck is None:
        return text
    if stuck.facts["ready"] == PART:
        return (
            f"{text} When its callback blocked, the broker filled the buffers on the way and kept"
            f" the rest ready: {stuck.facts['callbacks']} message was in the client's hands, the"
            " others that were out lay in buffers."
        )
    return (
        f"{text} When its callback blocked, {stuck.facts['ready']} were ready for others and"
        f" {stuck.facts['back']} were out, with {stuck.facts['callbacks']} in the client's hands."
    )


def _memory(taken: Cell, limited: Cell | None) -> str:
    client = taken.figures.get(CLIENT)
    if client is None:
        return "This machine or this broker does not tell."
    sent = int(taken.facts["sent"])
    text = (
        f"The client's grew by {client:.0f} MiB, which is {client * _MIB / sent:,.0f} octets for a"
        " message of 1,024"
    )
    if limited is not None and CLIENT in limited.figures:
        text += f"; with a prefetch of 100 by {limited.figures[CLIENT]:.0f} MiB"
    if {BROKER, FILLED} <= taken.figures.keys():
        text += (
            f". The broker's grew by {taken.figures[FILLED]:.0f} MiB as the queue was filled and"
            f" changed by {taken.figures[BROKER]:+.0f} MiB as the messages went out"
        )
        if taken.facts["back"] == taken.facts["callbacks"]:
            text += ": it kept every one, so a client that takes them all relieves it of nothing"
    return f"{text}."


def _end(cells: Mapping[tuple[str, str], Cell]) -> str:
    sentences = []
    for (row, column), cell in cells.items():
        facts = cell.facts
        if row == UNLIMITED and column == TAKES:
            flag = "" if facts["redelivered"] == "yes" else "not "
            back = f"{facts['back']} of {facts['sent']}"
            sentences.append(f"{back} came back at the kill, {flag}flagged as redelivered.")
        if row == AUTOMATIC and facts["lost"]:
            where = "took what came" if column == TAKES else "was blocked"
            lost = f"{facts['lost']} of {facts['sent']}"
            sentences.append(f"With auto-ack {lost} were lost with a client that {where}.")
    return " ".join(sentences)


def _prefetch(cell: Cell | None) -> str:
    if cell is None:
        return "Not seen."
    facts = cell.facts
    return (
        f"With a prefetch of 100, {facts['callbacks']} of {facts['sent']} messages went out and"
        f" {facts['ready']} stayed ready; {facts['back']} came back when the client was killed."
    )


QUESTION = UnackedMemory()
