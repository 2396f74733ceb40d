"""Consume, lose the channel, consume again, and only then acknowledge."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from faults.toxics import Fin
from reports.answers.model import Cell, Fact
from reports.answers.questions.old_delivery_tag import (
    ACCEPTED,
    AT_ONCE,
    CHANNEL,
    ELSEWHERE,
    IDLE,
    LATER,
    NEVER,
    QUESTION,
    SAME,
    TWICE,
)
from suites.answers.experiment import Experiment, Place, Stage
from suites.answers.messages import PATIENCE, counts, drained, fill, new_name, ready
from suites.clients.process import ClientError
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.clients.transcript import SENT, Transcript

COUNT, PREFETCH, ACKED = 12, 8, 3
HELD = range(ACKED + 1, ACKED + PREFETCH + 1)  # the messages that are held, by the same tags


@dataclass(frozen=True, slots=True)
class Settling:
    """What the client says of a tag, and how."""

    command: str
    tag: int
    how: Mapping[str, bool]

    @property
    def meant(self) -> list[int]:
        """The messages that the tag named when it was new."""
        return [n for n in HELD if n <= self.tag] if self.how.get("multiple") else [self.tag]

    @property
    def requeues(self) -> bool:
        """Whether the message is to be delivered again."""
        return bool(self.how.get("requeue"))

    def say(self, client: RemoteClient) -> None:
        """Say it; ClientError if the call itself fails."""
        client.call(self.command, tag=self.tag, **self.how)


SETTLINGS: Mapping[str, Settling] = {
    "ack 6": Settling("ack", 6, {}),
    "ack 6, multiple": Settling("ack", 6, {"multiple": True}),
    "nack 6, requeue": Settling("nack", 6, {"requeue": True}),
    "nack 6, discard": Settling("nack", 6, {"requeue": False}),
    "ack 10": Settling("ack", 10, {}),
    "ack 10, multiple": Settling("ack", 10, {"multiple": True}),
}
assert SETTLINGS.keys() == QUESTION.columns.keys()


class Scene:
    """One cell: the client, whoever takes its messages meanwhile, and a witness."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self._stage = stage
        self._place = place
        self._settling = SETTLINGS[place.column]
        self._queue = new_name()
        self._transcript = Transcript()
        self._client = RemoteClient(stage.endpoint, self._transcript, "C")
        self._witness = RawClient.open(stage.endpoint)
        self._other: RawClient | None = None
        self._delivered = 0  # to the client, so far
        self._gone = set(range(1, ACKED + 1))  # settled before the old tag is said

    def cell(self) -> Cell:
        """Play it, and leave nothing."""
        try:
            self._witness.open_channel(1)
            bodies = [b"%d" % number for number in range(1, COUNT + 1)]
            fill(self._witness, self._queue, bodies)
            self._before()
            self._again()
            facts = self._said()
            self._end()
            facts |= self._damage({int(m.body) for m in drained(self._witness, self._queue)})
        finally:
            self._end()
            self._witness.send(1, "queue.delete", queue=self._queue)
            self._witness.close()
        lines = self._transcript.lines
        return self._stage.cell(self._place, facts=facts, transcript=lines)

    def _before(self) -> None:
        """Take the messages, and acknowledge the first of them."""
        self._client.join(heartbeat=0)
        self._consume(PREFETCH)
        for tag in range(1, ACKED + 1):
            self._client.call("ack", tag=tag)
        self._next(ACKED)

    def _again(self) -> None:
        """Come to the state of the row."""
        row = self._place.row
        if row == SAME:
            return
        if row == TWICE:
            self._settling.say(self._client)
            self._gone |= set() if self._settling.requeues else set(self._settling.meant)
            self._next(1)
            return
        if row == CHANNEL:
            self._client.call("close_channel")
            self._client.call("open_channel")
        else:
            self._reconnect()
        ready(self._witness, self._queue)
        if row == ELSEWHERE:
            self._take_elsewhere()
        if row != IDLE:
            self._consume(1 if row == ELSEWHERE else PREFETCH)

    def _reconnect(self) -> None:
        self._transcript.note("*", SENT, "the link is cut")
        self._client.fault(Fin()).start()
        self._client.wait("lost", PATIENCE)
        self._client.join(heartbeat=0)

    def _take_elsewhere(self) -> None:
        self._other = RawClient.open(self._stage.endpoint)
        self._other.open_channel(1)
        self._other.call(1, "basic.qos", prefetch_count=PREFETCH)
        self._other.consume(1, self._queue)
        for _ in HELD:
            self._other.find(1, "basic.deliver", timeout=PATIENCE)

    def _said(self) -> dict[str, Fact]:
        """Say the old tag: what was answered, at which call, and what came of it at once."""
        others = 0 if self._other is None else 1
        before = counts(self._witness, self._queue)[0]
        self._transcript.note("*", SENT, f"only now: {self._place.column}")
        raised = [
            _raises(lambda: self._settling.say(self._client)),
            _raises(lambda: self._client.call("sync")),
        ]
        facts: dict[str, Fact] = {
            "answer": self._client.call("channel_lost") or ACCEPTED,
            "raised": AT_ONCE if raised[0] else LATER if raised[1] else NEVER,
            "returned": 0,
            "requeued": "",
        }
        if facts["answer"] != ACCEPTED:
            facts["returned"] = ready(self._witness, self._queue, others) - before
        elif self._settling.requeues:
            facts["requeued"] = f"m{self._next(1)}"
        return facts

    def _damage(self, left: set[int]) -> dict[str, Fact]:
        """Compare what was meant with what is left when all clients are gone."""
        meant = set(self._settling.meant)
        settled = set(range(1, COUNT + 1)) - left - self._gone
        again = set() if self._settling.requeues else meant & left
        return {
            "meant": _listed(meant),
            "settled": _listed(settled),
            "unprocessed": len(settled - meant),
            "again": len(again),
        }

    def _consume(self, count: int) -> None:
        self._client.call("consume", queue=self._queue, prefetch=PREFETCH)
        self._next(count)

    def _next(self, count: int) -> int:
        """Wait for so many deliveries more; the message of the last."""
        self._delivered += count
        return int(self._client.wait("delivery", PATIENCE, self._delivered).told["body"])

    def _end(self) -> None:
        self._client.close()
        if self._other is not None:
            self._other.close()


def _raises(work: Callable[[], object]) -> bool:
    """Whether the client's call raised an error."""
    try:
        work()
    except ClientError:
        return True
    return False


def _listed(numbers: set[int]) -> str:
    """As `m4 to m6`: what is settled at once stands together."""
    if not numbers:
        return ""
    low, high = min(numbers), max(numbers)
    if len(numbers) == 1:
        return f"m{low}"
    together = len(numbers) == high - low + 1
    return f"m{low} to m{high}" if together else ", ".join(f"m{n}" for n in sorted(numbers))


class OldDeliveryTag(Experiment):
    """All cells are under way at the same time."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Every row with every column."""
        stage.progress(f"{len(QUESTION.places())} cells")
        places = [Place(row, column) for row, _variant, column in QUESTION.places()]

        def play(place: Place) -> Cell:
            return stage.attempt(place, lambda: Scene(stage, place).cell())

        yield from stage.side_by_side(play, stage.shuffled(places))


EXPERIMENT = OldDeliveryTag()
