"""When auto-delete queues and exchanges vanish."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from reports.answers.model import Cell, Study
from reports.answers.question import Plain, Question, Tone

QUEUE, EXCHANGE = "queue: ", "exchange: "
RESTARTED, KILLED = ", broker restarted", ", broker killed"
THERE, GONE = "there", "gone"
ACCEPTED = "accepted"


class AutoDelete(Question):
    """What counts as the last use."""

    id = "auto-delete"
    order = 60
    title = "When exactly does an auto-delete queue vanish? And an auto-delete exchange?"
    method = (
        "In each cell one connection declares an auto-delete queue with a dead-letter exchange, and"
        " two persistent messages are put into it; or it declares an auto-delete fanout exchange."
        " Then happens what the row says; consumers have a prefetch of 1, so that one message is"
        " with the consumer and one in the queue. From that moment another connection declares the"
        " queue or exchange passively every 20 ms until it is gone or the watch is over. At last it"
        " looks for dead letters, or publishes to the exchange."
    )
    rows: ClassVar[Mapping[str, str]] = {
        f"{QUEUE}never consumed": "declared, and its connection closed",
        f"{QUEUE}only basic.get": "a message was taken by basic.get, and the connection closed",
        f"{QUEUE}first of two consumers cancelled": "the second, on a channel of its own, stays",
        f"{QUEUE}last consumer cancelled": "basic.cancel of the only consumer; its channel stays"
        " open, and holds a message",
        f"{QUEUE}both consumers cancelled": "the one after the other",
        f"{QUEUE}channel closed": "the only consumer's channel says channel.close",
        f"{QUEUE}channel closed by the broker": "the only consumer's channel makes a mistake",
        f"{QUEUE}connection closed": "the only consumer's connection says connection.close",
        f"{QUEUE}connection lost": "the only consumer's socket is reset",
        f"{QUEUE}never consumed{RESTARTED}": "SIGTERM, and a start",
        f"{QUEUE}consumed{RESTARTED}": "the same, with a consumer connected",
        f"{QUEUE}consumed{KILLED}": "SIGKILL, and a start, with a consumer connected",
        f"{EXCHANGE}never bound": "declared, and its connection closed",
        f"{EXCHANGE}first of two bindings removed": "the second stays",
        f"{EXCHANGE}last binding removed": "queue.unbind of the only queue",
        f"{EXCHANGE}last queue deleted": "queue.delete of the only bound queue",
        f"{EXCHANGE}last queue auto-deleted": "the only bound queue is auto-delete, and its last"
        " consumer is cancelled",
        f"{EXCHANGE}last exchange unbound": "exchange.unbind of the only exchange that it feeds",
        f"{EXCHANGE}unbound as a destination": "it was only fed by another exchange, and is not any"
        " more",
        f"{EXCHANGE}bound, connection lost": "bound to a queue that stays; its connection is reset",
        f"{EXCHANGE}exclusive queue, connection lost": "the only bound queue was its connection's",
        f"{EXCHANGE}bound{RESTARTED}": "bound to a durable queue; SIGTERM, and a start",
        f"{EXCHANGE}never bound{RESTARTED}": "SIGTERM, and a start",
    }
    columns: ClassVar[Mapping[str, str]] = {
        "transient": "auto-delete and not durable",
        "durable": "auto-delete and durable",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "it is still there",
        Tone.BAD: "it is gone",
    }

    def told(self, cell: Cell) -> str:
        """Its fate, and what follows for messages."""
        facts = cell.facts
        if facts["state"] == THERE:
            return THERE
        if "publish" in facts:
            return f"gone\na publish to it: {facts['publish']}"
        return f"gone, with {facts['messages']} messages\ndead letters: {facts['dead letters']}"

    def tone(self, cell: Cell) -> Tone:
        """Bad when it is gone."""
        return Tone.GOOD if cell.facts["state"] == THERE else Tone.BAD

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """When it was gone, where a broker was there to say so."""
        del parameters
        gone = cell.times.get("gone")
        return "" if gone is None else f"after {gone:.2f} s"

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """For queues, their messages, exchanges, and over restarts."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        order = list(self.rows)
        cells.sort(key=lambda cell: order.index(cell.row))
        running = [c for c in cells if not _over_restart(c)]
        queues = [c for c in running if c.row.startswith(QUEUE)]
        exchanges = [c for c in running if c.row.startswith(EXCHANGE)]
        restarts = [c for c in cells if _over_restart(c)]
        found = []
        if queues:
            found.append(Plain("When does an auto-delete queue vanish?", _fates(queues)))
            found.append(Plain("What becomes of its messages?", _messages(queues)))
        if exchanges:
            found.append(Plain("When does an auto-delete exchange vanish?", _fates(exchanges)))
        times = [c.times["gone"] for c in running if "gone" in c.times]
        if times:
            told = f"At once: another connection saw it within {max(times):.2f} s at most."
            found.append(Plain("How soon is it gone?", told))
        if restarts:
            found.append(Plain("Does it outlive a restart of the broker?", _restarts(restarts)))
        return found


def _over_restart(cell: Cell) -> bool:
    return cell.row.endswith((RESTARTED, KILLED))


def _fates(cells: list[Cell]) -> str:
    """By row, over both columns."""
    groups: dict[str, list[str]] = {"Gone after": [], "Still there after": []}
    for row, mine in _by_row(cells).items():
        gone = [cell for cell in mine if cell.facts["state"] == GONE]
        some = f" (only {', '.join(c.column for c in gone)})" if len(gone) < len(mine) else ""
        if gone:
            groups["Gone after"].append(f"{row}{some}")
        else:
            groups["Still there after"].append(row)
    return " ".join(f"{word}: {'; '.join(rows)}." for word, rows in groups.items() if rows)


def _by_row(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        short = cell.row.removeprefix(QUEUE).removeprefix(EXCHANGE)
        found.setdefault(short, []).append(cell)
    return found


def _messages(queues: list[Cell]) -> str:
    gone = [cell for cell in queues if cell.facts["state"] == GONE]
    if not gone:
        return "No queue vanished."
    total = sum(int(cell.facts["messages"]) for cell in gone)
    letters = sum(int(cell.facts["dead letters"]) for cell in gone)
    told = (
        f"In the {len(gone)} queues that vanished were {total} persistent messages, ready or with a"
        f" consumer; {letters} of them were dead-lettered, though each queue had a dead-letter"
        " exchange"
    )
    return f"{told}: {'all' if not letters else total - letters} are lost."


def _restarts(cells: list[Cell]) -> str:
    """By column: which rows outlived it."""
    sentences = []
    for column in QUESTION.columns:
        mine = [cell for cell in cells if cell.column == column]
        stayed = [cell.row for cell in mine if cell.facts["state"] == THERE]
        if mine and not stayed:
            sentences.append(f"No {column} one did in any of {len(mine)} cells.")
        elif stayed:
            gone = [cell.row for cell in mine if cell.facts["state"] == GONE]
            lost = f" It was gone after: {'; '.join(gone)}." if gone else ""
            sentences.append(f"A {column} one was there after: {'; '.join(stayed)}.{lost}")
    return " ".join(sentences)


QUESTION = AutoDelete()
