"""What a publisher knows, and what is stored, when the link breaks before the confirm arrives."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Fact, Study
from reports.answers.question import Plain, Question, Tone

CONFIRMS, TRANSACTION = "publisher confirms", "transaction"
UNROUTABLE, NOTHING = "confirms, mandatory, no queue", "no confirms"
CONFIRMED, COMMITTED, RETURNED, WRITTEN = "confirmed", "committed", "unroutable", "written"
"""What a client takes for an answer; anything else is the error that it got."""
SOME, REST = "some or all", "none or some"
"""Counts where it is a race whether the broker still stores what has come."""
RETURN_ARRIVED = "after the return"


class LostConfirm(Question):
    """The link is cut at every frame between publish and confirm."""

    id = "lost-confirm"
    order = 70
    title = (
        "What if a confirm is lost in flight? Is the message stored, and does a retry double it?"
    )
    method = (
        "A client, a process of its own that uses pika behind a proxy that knows AMQP frames,"
        " publishes a persistent message of one body frame to a durable queue; the proxy cuts the"
        " link at the frame of the row: before it, in its middle, or after it. When the broker has"
        " let go of the connection, the queue is looked at. This is done five times in each cell,"
        " with five messages. Then the client connects again and publishes again those that it was"
        " told an error of, until they are confirmed, and the copies of each message are counted."
        " A client without confirms publishes nothing again: whether the call that wrote a message"
        " meets the end of the link is a matter of microseconds, and tells nothing of the message."
    )
    rows: ClassVar[Mapping[str, str]] = {
        "before basic.publish": "nothing of the message reaches the broker",
        "inside basic.publish": "half of the method frame does",
        "after basic.publish": "the method frame does",
        "inside the header": "the method frame and half of the content header do",
        "after the header": "all but the body does",
        "inside the body": "all but half of the body frame does",
        "after the body": "the whole message reaches the broker; its answer is not awaited",
        "inside tx.commit": "the message and half of the commit reach the broker",
        "after tx.commit": "the message and its commit do",
        "before the return": "the broker returns the message; the return is lost, and the confirm",
        "inside the return": "the broker returns the message; half of basic.return arrives",
        RETURN_ARRIVED: "the return arrives, and the confirm behind it is lost",
        "before the confirm": "the broker has answered by basic.ack, or tx.commit-ok; it is lost",
        "inside the confirm": "half of that frame arrives",
        "after the answer": "the client has its answer before the link is cut: the control",
    }
    columns: ClassVar[Mapping[str, str]] = {
        CONFIRMS: "confirm.select; each publish waits for its basic.ack",
        TRANSACTION: "tx.select; each publish is followed by tx.commit",
        UNROUTABLE: "confirm.select and the mandatory flag; the message matches no queue",
        NOTHING: "neither: a publish is over when it is written",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "in the end each message is there once, or is known to be unroutable",
        Tone.MIXED: "the retry makes duplicates, or was needed to learn that there is no queue",
        Tone.BAD: "messages are lost, and the client cannot know",
    }

    def told(self, cell: Cell) -> str:
        """What the client was told, what was stored then, what is there in the end."""
        facts = cell.facts
        lines = [f"client: {facts['client']}"]
        if cell.column == UNROUTABLE:
            return lines[0] if facts["client"] == RETURNED else f"{lines[0]}\nretry: {RETURNED}"
        lines.append(f"stored: {_of(facts, 'stored')}")
        if facts["retried"]:
            lines.append(f"after the retry: {facts['duplicates']} twice")
        if facts["lost"]:
            lines.append(f"lost: {_of(facts, 'lost')}")
        return "\n".join(lines)

    def tone(self, cell: Cell) -> Tone:
        """Bad when something is lost, mixed when something is there twice."""
        if cell.facts["lost"]:
            return Tone.BAD
        unknown = cell.column == UNROUTABLE and cell.facts["client"] != RETURNED
        return Tone.MIXED if cell.facts["duplicates"] or unknown else Tone.GOOD

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """Figures: what was stored in a race, and calls that met no error where none is due."""
        del parameters
        tries = cell.facts["tries"]
        return ", ".join(f"{name}: {count:g} of {tries}" for name, count in cell.figures.items())

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """What an error means, what a retry costs, and what the alternatives do."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        races = [c for c in cells if c.facts["stored"] == SOME]
        sure = [c for c in cells if c not in races]
        by = {column: [c for c in sure if c.column == column] for column in self.columns}
        if not by[CONFIRMS]:
            return []
        return [
            Plain(
                "Is a message stored whose confirm did not come?",
                f"{_unconfirmed(by[CONFIRMS])}{_race(races)}",
            ),
            Plain("Does a retry make duplicates?", _duplicates(by[CONFIRMS])),
            Plain("Do transactions know more?", _transactions(by[TRANSACTION])),
            Plain(
                "And without confirms, or without a queue?",
                f"{_unconfirming(by[NOTHING])} {_unroutable(by[UNROUTABLE])}".strip(),
            ),
        ]


def _of(facts: Mapping[str, Fact], name: str) -> str:
    count = facts[name]
    return count if isinstance(count, str) else f"{count} of {facts['tries']}"


def _sum(cells: list[Cell], fact: str) -> int:
    return sum(int(cell.facts[fact]) for cell in cells)


def _unconfirmed(cells: list[Cell]) -> str:
    """The errors, and what they were good for."""
    failed = [c for c in cells if c.facts["client"] != CONFIRMED]
    if not failed:
        return "Every message was confirmed."
    tries, stored = _sum(failed, "tries"), _sum(failed, "stored")
    errors = " or ".join(sorted({str(c.facts["client"]) for c in failed}))
    if stored in {0, tries}:
        word = "always" if stored else "never"
        return f"It was {word} stored: {stored} of {tries} messages whose client got an error."
    rows = ", ".join(c.row for c in _ordered(failed) if c.facts["stored"])
    return (
        f"Perhaps: {stored} of the {tries} whose client got an error were stored, and all that it"
        f" was told is: {errors}. Stored were those where the link was cut {rows}."
    )


def _race(cells: list[Cell]) -> str:
    rows = " or ".join(dict.fromkeys(c.row for c in _ordered(cells)))
    if not rows:
        return ""
    return (
        f" Where it was cut on both sides {rows}, it is a race between the message and the end of"
        " the link."
    )


def _duplicates(cells: list[Cell]) -> str:
    retried, twice, lost = (_sum(cells, fact) for fact in ("retried", "duplicates", "lost"))
    rows = ", ".join(c.row for c in _ordered(cells) if c.facts["duplicates"])
    if not twice:
        return (
            f"No: of {retried} messages that were published again none was in the queue twice;"
            f" {lost} were lost."
        )
    return (
        f"Yes: of {retried} messages that were published again {twice} were in the queue twice (cut"
        f" {rows}); {lost} were lost. So a message needs an id by which a consumer can tell a copy."
    )


def _transactions(cells: list[Cell]) -> str:
    failed = [c for c in cells if c.facts["client"] != COMMITTED]
    if not failed:
        return "Every transaction was committed."
    tries, stored, twice = _sum(failed, "tries"), _sum(failed, "stored"), _sum(cells, "duplicates")
    rows = ", ".join(c.row for c in _ordered(failed) if c.facts["stored"])
    if not stored:
        return f"Yes: none of the {tries} whose client got an error was stored."
    return (
        f"No: {stored} of the {tries} whose client got an error were stored (cut {rows}), and the"
        f" retry made {twice} duplicates. The gap is only elsewhere: between the commit and its"
        " answer."
    )


def _unconfirming(cells: list[Cell]) -> str:
    if not cells:
        return ""
    return (
        f"Without confirms {_sum(cells, 'lost')} of {_sum(cells, 'tries')} messages were lost, and"
        " nothing tells the client which."
    )


def _unroutable(cells: list[Cell]) -> str:
    unknown = _ordered([c for c in cells if c.facts["client"] != RETURNED])
    if not unknown:
        return ""
    arrived = [c.row for c in unknown if c.row == RETURN_ARRIVED]
    even = ", even of one whose return had arrived alone" if arrived else ""
    return (
        f"Of a mandatory message that no queue takes the client was told that it is {RETURNED} in"
        f" {_sum(cells, 'tries') - _sum(unknown, 'tries')} of {_sum(cells, 'tries')} cases before"
        f" the link was lost; of the others the retry told{even}."
    )


def _ordered(cells: list[Cell]) -> list[Cell]:
    """In the order of the rows."""
    rows = list(LostConfirm.rows)
    return sorted(cells, key=lambda cell: rows.index(cell.row))


QUESTION = LostConfirm()
