"""What becomes of a client's own queue when the client restarts."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Study
from reports.answers.question import Plain, Question, Tone

CONSUMED, IDLE = "had a consumer", "never had a consumer"

RESTARTS = ("connection.close", "FIN", "RST", "SIGKILL", "SIGSTOP", "blackhole, heartbeats")
"""Endings after which the broker can know that the client is gone, and runs on."""
SUDDEN = ("connection.close", "FIN", "RST", "SIGKILL")
SILENT = ("SIGSTOP", "blackhole, heartbeats")
UNHEARD = "blackhole, no heartbeats"
BROKER_RESTARTS = ("broker SIGTERM", "broker SIGKILL")
ANONYMOUS = "server-named"
LEASED = "client-named x-expires"


class AnonymousQueues(Question):
    """The first answer."""

    id = "anonymous-queues"
    order = 0
    title = (
        "When a client restarts, is its old anonymous queue deleted? If not, can it be reached"
        " again? If it cannot, are its messages lost?"
    )
    method = (
        "In each cell a client, a process of its own that uses pika behind a proxy of its own,"
        " declares a queue, binds it to a fanout exchange, and takes 10 of the 110 persistent"
        " messages that were published to it without acknowledging them: by a consumer with a"
        " prefetch of 10, or by basic.get. Then the client ends in the way of the column. Another"
        " connection watches the queue by binding it again, which renews no lease. Half a second"
        " later it declares the queue passively, and publishes 10 more messages to the exchange."
        " When the queue is gone, or the watch is over, a new client takes whatever it can get;"
        " then it declares the queue again as the old client did; at last what was left of the old"
        " client is ended too, and the rest is counted."
    )
    rows: ClassVar[Mapping[str, str]] = {
        "server-named exclusive": "queue.declare with an empty name, exclusive: what most clients"
        " call a temporary or anonymous queue",
        "server-named exclusive durable": "the same, and durable",
        "server-named auto-delete": "an empty name, auto-delete, not exclusive",
        "server-named plain": "an empty name and no flag at all",
        "server-named durable": "an empty name, durable",
        "client-named exclusive": "a name of the client's own, exclusive",
        "client-named auto-delete": "a name of the client's own, auto-delete",
        "client-named durable": "a name of the client's own, durable: the control",
        LEASED: "a name of the client's own, and deleted by the broker when it"
        " was unused for the time of x-expires",
    }
    columns: ClassVar[Mapping[str, str]] = {
        "connection.close": "the client says goodbye",
        "channel.close": "the client closes its channel and keeps the connection",
        "FIN": "the client's socket is closed without a word",
        "RST": "the client's socket is reset",
        "SIGKILL": "the client's process is killed",
        "SIGSTOP": "the client's process is frozen; heartbeats were agreed on",
        "blackhole, heartbeats": "the network loses all packets both ways; heartbeats were agreed"
        " on",
        UNHEARD: "the same without heartbeats: nobody can notice",
        "broker SIGTERM": "the broker is stopped in good order, and started again",
        "broker SIGKILL": "the broker is killed, and started again",
    }
    variants: ClassVar[Mapping[str, str]] = {
        CONSUMED: "The queue had a consumer",
        IDLE: "The queue never had a consumer",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "a new client gets every message",
        Tone.MIXED: "nothing is lost, but the old connection has it",
        Tone.BAD: "messages are lost",
    }
    caption = (
        "A server-named exclusive queue that had a consumer, seen from another connection, from the"
        " moment at which its client ended: locked (amber), gone (red), or without a broker (grey)."
    )
    pictured = tuple(("server-named exclusive", CONSUMED, column) for column in columns)

    def told(self, cell: Cell) -> str:
        """The queue's fate, then the messages'."""
        facts = cell.facts
        return "\n".join(filter(None, [_fate(facts), _messages(facts), _later(facts)]))

    def tone(self, cell: Cell) -> Tone:
        """Bad when messages are lost, good when a new client got all."""
        if cell.facts["lost"]:
            return Tone.BAD
        return Tone.MIXED if cell.facts["held"] or cell.facts["same"] else Tone.GOOD

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """When the queue was gone; in heartbeats where these decided it."""
        gone = cell.times.get("gone")
        if gone is None or cell.column in BROKER_RESTARTS:
            return ""
        if cell.column in SILENT and cell.row != LEASED:
            return f"after {gone:.2f} s ({gone / parameters['heartbeat']:.1f} heartbeats)"
        return f"after {gone:.2f} s"

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """The three answers."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        anonymous = [c for c in cells if c.row.startswith(ANONYMOUS)]
        if not anonymous:
            return []
        return [
            Plain("Is its old anonymous queue deleted?", _deleted(anonymous)),
            Plain("If not, can it be reached again?", _reached(anonymous)),
            Plain("If it cannot, are its messages lost?", _lost(anonymous)),
            Plain("How soon is it deleted?", _soon(anonymous, study.head.parameters)),
        ]


def _fate(facts: Mapping[str, str | int]) -> str:
    if facts["queue"] == "gone":
        return "gone, locked (405) until then" if facts["meanwhile"] == "405" else "gone"
    if facts["queue"] == "locked":
        return "there, locked (405)"
    return "there, open to all"


def _messages(facts: Mapping[str, str | int]) -> str:
    back, total = facts["back"], facts["sent"]
    parts = []
    if back:
        parts.append(f"{back} of {total} back, {facts['redelivered']} redelivered")
    if facts["same"]:
        parts.append(f"{facts['same']} of {total} back for the same connection")
    if facts["held"]:
        parts.append(f"{facts['held']} held until the old connection ends")
    if facts["lost"]:
        later = "" if facts["queue"] == "gone" else " when the old connection ends"
        parts.append(f"{facts['lost']} of {total} lost{later}")
    return ", ".join(parts)


def _later(facts: Mapping[str, str | int]) -> str:
    """What became of those that were published while the client was away."""
    published = facts["away"]
    if facts["returned"]:
        return f"meanwhile: {facts['returned']} of {published} returned"
    if facts["away lost"]:
        return f"meanwhile: {facts['away lost']} of {published} lost"
    return f"meanwhile: {published} of {published} kept"


def _deleted(cells: list[Cell]) -> str:
    """By kind and variant: over restarts of the client, then over those of the broker."""
    sentences = [_by_fate([cell for cell in cells if cell.column in RESTARTS])]
    unheard = [c for c in cells if c.column == UNHEARD]
    if unheard:
        stayed = sum(1 for c in unheard if c.facts["queue"] != "gone")
        sentences.append(
            f"Without heartbeats a client that vanished is not noticed: {stayed} of {len(unheard)}"
            " queues stayed for as long as they were watched."
        )
    restarts = [c for c in cells if c.column in BROKER_RESTARTS]
    if restarts:
        sentences.append(f"When the broker restarts: {_lower(_by_fate(restarts))}")
    return " ".join(sentences)


def _soon(cells: list[Cell], parameters: Mapping[str, float]) -> str:
    """The times of deletions, over connections that end and over those that fall silent."""
    sentences = []
    sudden = [c.times["gone"] for c in cells if c.column in SUDDEN and "gone" in c.times]
    if sudden:
        sentences.append(f"When its connection ends: within {max(sudden):.2f} s.")
    silent = [c.times["gone"] for c in cells if c.column in SILENT and "gone" in c.times]
    if silent:
        beats = [seconds / parameters["heartbeat"] for seconds in silent]
        sentences.append(
            f"When the client only falls silent: after {min(silent):.1f} to {max(silent):.1f} s,"
            f" which is {min(beats):.1f} to {max(beats):.1f} heartbeat intervals."
        )
    return " ".join(sentences) or "No queue was deleted."


def _reached(cells: list[Cell]) -> str:
    """Who is locked out and while what lasts; how a queue that stayed is reached."""
    sentences = []
    locked = [c for c in cells if c.facts["meanwhile"] == "405"]
    if locked:
        columns = "; ".join(dict.fromkeys(c.column for c in locked))
        sentences.append(
            f"While the broker believes in the old connection ({columns}), every other one is"
            f" refused a queue of the kind {_kinds(locked)} with 405 RESOURCE_LOCKED."
        )
    same = [c for c in cells if c.facts["same"]]
    if same:
        sentences.append("The same connection reaches it by a new channel.")
    stayed = [c for c in cells if c.facts["queue"] == "there"]
    if not stayed:
        return " ".join([*sentences, "No queue stayed that others could reach."])
    codes = sorted({str(c.facts["declared"]) for c in stayed})
    sentences.append(
        f"A queue that stayed ({_kinds(stayed)}) is open to whoever knows its name: a passive"
        f" declare, basic.get and basic.consume work; declaring it again by that name is answered"
        f" with {' or '.join(codes)}."
    )
    declared = {str(c.facts["declared"]) for c in cells if c.facts["queue"] == "gone"}
    if "403" in declared:
        sentences.append(
            "A deleted one cannot be made again: its name begins with amq., which is refused with"
            " 403 ACCESS_REFUSED."
        )
    return " ".join(sentences)


def _lost(cells: list[Cell]) -> str:
    """With the queue, or not at all; and what was published meanwhile."""
    gone = [c for c in cells if c.facts["queue"] == "gone"]
    stayed = [c for c in cells if c.facts["queue"] == "there" and c.column in RESTARTS]
    sentences = []
    if gone:
        total = sum(int(c.facts["sent"]) for c in gone)
        lost = sum(int(c.facts["lost"]) for c in gone)
        sentences.append(
            f"They share the fate of the queue. Where it was deleted, {lost} of {total} messages"
            f" were lost ({len(gone)} cells), though they were persistent."
        )
    if stayed:
        total = sum(int(c.facts["sent"]) for c in stayed)
        lost = sum(int(c.facts["lost"]) for c in stayed)
        again = sum(int(c.facts["redelivered"]) for c in stayed)
        sentences.append(
            f"Where it stayed over a restart of the client, {lost} of {total} were lost"
            f" ({len(stayed)} cells); those that had been delivered and not acknowledged came"
            f" again, flagged as redelivered ({again / len(stayed):g} in each)."
        )
    returned = sum(1 for c in gone if c.facts["returned"])
    swallowed = sum(1 for c in gone if c.facts["away lost"])
    if returned or swallowed:
        sentences.append(
            "What was published while the client was away: returned as unroutable where the queue"
            f" was gone already ({returned} cells), accepted and then lost where the broker had"
            f" not noticed yet ({swallowed} cells)."
        )
    return " ".join(sentences)


def _by_fate(cells: list[Cell]) -> str:
    """As in `Deleted: a, b. Deleted only after FIN: c. Kept: d.`."""
    kinds: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        kinds.setdefault((cell.row, cell.variant), []).append(cell)
    groups: dict[str, dict[str, list[str]]] = {}
    for (row, variant), mine in kinds.items():
        gone = [cell.column for cell in mine if cell.facts["queue"] == "gone"]
        some = f"Deleted only after {', '.join(gone)}"
        word = "Kept" if not gone else "Deleted" if len(gone) == len(mine) else some
        groups.setdefault(word, {}).setdefault(row.removeprefix(f"{ANONYMOUS} "), []).append(
            variant
        )
    return " ".join(f"{word}: {_listed(rows)}." for word, rows in sorted(groups.items()))


def _listed(rows: Mapping[str, list[str]]) -> str:
    """Each row once, with its variant where the other has another fate."""
    whole = len(AnonymousQueues.variants)
    return ", ".join(
        row if len(variants) == whole else f"{row} ({', '.join(variants)})"
        for row, variants in sorted(rows.items())
    )


def _kinds(cells: list[Cell]) -> str:
    return " or ".join(dict.fromkeys(cell.row.removeprefix(f"{ANONYMOUS} ") for cell in cells))


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


QUESTION = AnonymousQueues()
