"""What an acknowledgement does that comes after a reconnect."""

from collections.abc import Mapping
from typing import ClassVar

from reports.answers.model import Cell, Fact, Study
from reports.answers.question import Plain, Question, Tone

SAME, TWICE = "same channel", "same channel, a second time"
CHANNEL, CONNECTION = "new channel", "new connection"
ELSEWHERE, IDLE = "new connection, messages elsewhere", "new connection, no consumer"
ACCEPTED = "accepted"
AT_ONCE, LATER, NEVER = RAISED = "by the call", "by the next call", "never"
ANEW = (CHANNEL, CONNECTION, ELSEWHERE, IDLE)
"""Where a channel is another one than that which the tag came from."""


class OldDeliveryTag(Question):
    """Whose message it is that an old tag names."""

    id = "old-delivery-tag"
    order = 80
    title = "What happens if an old delivery tag is acknowledged after a reconnect?"
    method = (
        "A client, a process of its own that uses pika behind a proxy, consumes with a prefetch of"
        " 8 from a durable queue of 12 persistent messages, m1 to m12. It is delivered m1 to m8 by"
        " the tags 1 to 8, acknowledges the first three, and so holds m4 to m11 by the tags 4 to"
        " 11. Then the channel or the connection ends, and when all that was held is back in the"
        " queue the same client consumes again, as before. Only now it says what it did not get to"
        " say before: that it has done the message of the old tag 6 or 10, in the way of the"
        " column. A round trip shows how the broker takes it. Then the client's connection is"
        " closed, and what is left in the queue tells which messages were settled."
    )
    rows: ClassVar[Mapping[str, str]] = {
        SAME: "nothing ended: the control",
        TWICE: "nothing ended, but the tag was acknowledged already",
        CHANNEL: "the channel was closed, and another opened on the same connection",
        CONNECTION: "the link was cut, and the client connected again",
        ELSEWHERE: "the same, but another client has taken m4 to m11 by then; the new consumer was"
        " delivered m12 alone",
        IDLE: "the same, but it does not consume again",
    }
    columns: ClassVar[Mapping[str, str]] = {
        "ack 6": "basic.ack of the tag 6, which was that of m6",
        "ack 6, multiple": "basic.ack of all tags up to 6, which were those of m4, m5 and m6",
        "nack 6, requeue": "basic.nack of the tag 6, with requeue",
        "nack 6, discard": "basic.nack of the tag 6, without requeue",
        "ack 10": "basic.ack of the tag 10, which was that of m10",
        "ack 10, multiple": "basic.ack of all tags up to 10, which were those of m4 to m10",
    }
    legend: ClassVar[Mapping[Tone, str]] = {
        Tone.GOOD: "what was meant is what was done",
        Tone.MIXED: "refused: nothing is lost, but what was done is done again",
        Tone.BAD: "accepted silently, for other messages than were meant",
    }

    def told(self, cell: Cell) -> str:
        """What the broker answered, and what became of which messages."""
        facts = cell.facts
        if facts["answer"] != ACCEPTED:
            lines = [f"refused: {facts['answer']}"]
            if facts["returned"]:
                lines.append(f"messages taken back with the channel: {facts['returned']}")
            return "\n".join(lines)
        lines = ["accepted", f"meant: {facts['meant']}"]
        lines += [f"settled: {facts['settled']}"] if facts["settled"] else []
        lines += [f"requeued: {facts['requeued']}"] if facts["requeued"] else []
        return "\n".join(lines)

    def tone(self, cell: Cell) -> Tone:
        """Bad where the broker did to others what was meant for some."""
        if cell.facts["answer"] != ACCEPTED:
            return Tone.MIXED
        return Tone.GOOD if _as_meant(cell.facts) else Tone.BAD

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """The answers, from what new channels did; the controls say what the rule is."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        anew = [c for c in cells if c.row in ANEW]
        if not anew:
            return []
        accepted = [c for c in anew if c.facts["answer"] == ACCEPTED]
        refused = [c for c in anew if c.facts["answer"] != ACCEPTED]
        return [
            Plain("Does the old tag still mean the old message?", _meaning(accepted)),
            Plain("What if the new channel has no such tag?", _refusals(refused)),
            Plain("What is lost, and what is done twice?", _damage(accepted, refused)),
            Plain("What does the client notice?", _noticed(anew)),
        ]


def _as_meant(facts: Mapping[str, Fact]) -> bool:
    return facts["meant"] in {facts["settled"], facts["requeued"]}


def _meaning(accepted: list[Cell]) -> str:
    wrong = [c for c in accepted if not _as_meant(c.facts)]
    if not accepted:
        return "No old tag was accepted on a new channel."
    if not wrong:
        return f"Yes: each of the {len(accepted)} that were accepted did what was meant."
    order = QUESTION.places()
    one = min(wrong, key=lambda cell: order.index(cell.place))
    done = one.facts["settled"] or one.facts["requeued"]
    return (
        f"No: {len(wrong)} of the {len(accepted)} that were accepted on a new channel struck other"
        " messages than were meant, since each channel counts its deliveries from 1. For instance,"
        f" {one.column} on a {one.row} was meant for {one.facts['meant']} and struck {done}."
    )


def _refusals(refused: list[Cell]) -> str:
    if not refused:
        return "No old tag was refused."
    answers = " or ".join(sorted({str(c.facts["answer"]) for c in refused}))
    held = [c for c in refused if c.facts["returned"]]
    sentences = [f"It is refused with {answers} ({len(refused)} cells): the channel is closed."]
    if held:
        most = max(int(c.facts["returned"]) for c in held)
        sentences.append(
            "With it goes the consumer, and what it was delivered and had not acknowledged goes"
            f" back to the queue: up to {most} messages here, though only one tag was wrong."
        )
    return " ".join(sentences)


def _damage(accepted: list[Cell], refused: list[Cell]) -> str:
    sentences = []
    lost = sum(int(c.facts["unprocessed"]) for c in accepted)
    if lost:
        cells = sum(1 for c in accepted if c.facts["unprocessed"])
        sentences.append(
            f"{lost} messages that no client had done were settled in {cells} of {len(accepted)}"
            " cells where the tag was accepted: they are lost, and nobody is told."
        )
    else:
        sentences.append("No message was settled that had not been done.")
    again = sum(int(c.facts["again"]) for c in [*accepted, *refused])
    if again:
        sentences.append(
            f"{again} messages that had been done stayed in the queue, to be done again. That is so"
            " whenever a connection is lost before the acknowledgement: it cannot be made up for"
            " later, so consumers must bear repetition, and must drop the tags of an old channel."
        )
    return " ".join(sentences)


def _noticed(cells: list[Cell]) -> str:
    raised = {when: sum(1 for c in cells if c.facts["raised"] == when) for when in RAISED}
    at_once = (
        f"The acknowledging call itself raised an error in {raised[AT_ONCE]} of {len(cells)} cells,"
        " for an acknowledgement has no answer."
    )
    sentences = [at_once]
    if raised[LATER]:
        sentences.append(f"The next call on the channel did in {raised[LATER]}.")
    if raised[NEVER]:
        sentences.append(f"Nothing ever did in {raised[NEVER]}.")
    return " ".join(sentences)


QUESTION = OldDeliveryTag()
