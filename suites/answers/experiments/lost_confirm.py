"""Cut the link at every frame from publish to confirm, then publish again what failed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from faults import when
from faults.toxics import Fin
from reports.answers.model import Cell, Fact
from reports.answers.questions.lost_confirm import (
    COMMITTED,
    CONFIRMED,
    CONFIRMS,
    NOTHING,
    QUESTION,
    REST,
    RETURN_ARRIVED,
    RETURNED,
    SOME,
    TRANSACTION,
    UNROUTABLE,
    WRITTEN,
)
from suites.answers import errors
from suites.answers.experiment import Experiment, Place, Stage
from suites.answers.messages import PATIENCE, drained, new_name, ready
from suites.clients.process import ClientError
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.clients.transcript import SENT, Transcript
from suites.verify import Mismatch

BODIES = [f"message {number}" for number in range(5)]
UP, DOWN, EVERY = "up", "down", tuple(QUESTION.columns)
ANSWERED = {CONFIRMS: "basic.ack", UNROUTABLE: "basic.ack", TRANSACTION: "tx.commit-ok"}


@dataclass(frozen=True, slots=True)
class Cutting:
    """Where: `kind` is the frame's, by column where it differs; only these columns have it."""

    kind: str
    place: Literal["before", "inside", "after", "later"]
    way: Literal["up", "down"] = "up"
    columns: tuple[str, ...] = EVERY

    def during(self, client: RemoteClient, column: str, publish: Callable[[], str]) -> str:
        """Publish, and have the link cut; what the client was told."""
        if self.place == "later":
            told = publish()
            client.fault(Fin()).start()
            return told
        cut = when(self.kind or ANSWERED[column], direction=self.way).cut(self.place)
        with client.fault(cut):
            told = publish()
            if not cut.wait(PATIENCE):
                raise Mismatch("a frame that cuts the link", f"none within {PATIENCE:g} s")
        return told


CUTTINGS: Mapping[str, Cutting] = {
    "before basic.publish": Cutting("basic.publish", "before"),
    "inside basic.publish": Cutting("basic.publish", "inside"),
    "after basic.publish": Cutting("basic.publish", "after"),
    "inside the header": Cutting("header", "inside"),
    "after the header": Cutting("header", "after"),
    "inside the body": Cutting("body", "inside"),
    "after the body": Cutting("body", "after"),
    "inside tx.commit": Cutting("tx.commit", "inside", columns=(TRANSACTION,)),
    "after tx.commit": Cutting("tx.commit", "after", columns=(TRANSACTION,)),
    "before the return": Cutting("basic.return", "before", "down", (UNROUTABLE,)),
    "inside the return": Cutting("basic.return", "inside", "down", (UNROUTABLE,)),
    RETURN_ARRIVED: Cutting("body", "after", "down", (UNROUTABLE,)),
    "before the confirm": Cutting("", "before", "down", tuple(ANSWERED)),
    "inside the confirm": Cutting("", "inside", "down", tuple(ANSWERED)),
    # A confirm whose frame arrives together with the end of the link is often lost on pika, which
    # sees both at once; so the control waits for the client.
    "after the answer": Cutting("", "later", "down", tuple(ANSWERED)),
}
assert CUTTINGS.keys() == QUESTION.rows.keys()

SELECT = {CONFIRMS: "confirm", UNROUTABLE: "confirm", TRANSACTION: "transact"}
TOLD = {CONFIRMS: CONFIRMED, UNROUTABLE: CONFIRMED, TRANSACTION: COMMITTED, NOTHING: WRITTEN}
ANSWERS = (CONFIRMED, COMMITTED, RETURNED)


RACES = {
    ("after the body", CONFIRMS),
    ("after the body", NOTHING),
    ("after tx.commit", TRANSACTION),
}
"""The broker has all that it needs, and the end of the link right behind it. RabbitMQ's channel may
learn of that end before it comes to what stands in its mailbox."""


class Publisher:
    """One cell: a client that publishes, and a witness that looks into the queue.

    The client also consumes from a queue of no messages: when its consumer is gone, the broker has
    done with that connection whatever it will do.
    """

    def __init__(self, stage: Stage, place: Place) -> None:
        self._stage = stage
        self._place = place
        self._queue, self._presence = new_name(), new_name()
        self._key = new_name() if place.column == UNROUTABLE else self._queue
        self._transcript = Transcript()
        self._client = RemoteClient(stage.endpoint, self._transcript, "C")
        self._witness = RawClient.open(stage.endpoint)

    def cell(self) -> Cell:
        """Publish, and see what comes of it; leave nothing."""
        try:
            self._witness.open_channel(1)
            for queue in (self._queue, self._presence):
                self._witness.call(1, "queue.declare", queue=queue, durable=True)
            told = {body: self._cut_while(body) for body in BODIES}
            facts = self._facts(told)
        finally:
            self._client.close()
            for queue in (self._queue, self._presence):
                self._witness.send(1, "queue.delete", queue=queue)
            self._witness.close()
        figures: dict[str, float] = {}
        if self._place.column == NOTHING:
            written = sum(1 for answer in told.values() if answer == WRITTEN)
            figures["calls without an error"] = written
        if (self._place.row, self._place.column) in RACES:
            facts, figures = _loosely(facts), {**figures, "stored": float(facts["stored"])}
        seen = {"facts": facts, "figures": figures}
        return self._stage.cell(self._place, **seen, transcript=self._transcript.lines)

    def _facts(self, told: Mapping[str, str]) -> dict[str, Fact]:
        """Look, publish again, look again."""
        stored = self._copies()
        failed = [body for body in BODIES if told[body] not in ANSWERS]
        if self._place.column == NOTHING:
            answers, failed = {WRITTEN}, []
        else:
            answers = set(told.values())
        if failed:
            self._publish_again(failed)
        copies = stored + self._copies()
        routed = self._place.column != UNROUTABLE
        return {
            "tries": len(BODIES),
            "client": " or ".join(sorted(answers)),
            "stored": sum(1 for body in BODIES if stored[body]),
            "retried": len(failed),
            "duplicates": sum(copies[body] - 1 for body in BODIES if copies[body]),
            "lost": sum(1 for body in BODIES if routed and not copies[body]),
        }

    def _cut_while(self, body: str) -> str:
        """Publish while the link is cut; what the client was told."""
        self._join()
        cutting = CUTTINGS[self._place.row]
        told = cutting.during(self._client, self._place.column, lambda: self._publish(body))
        ready(self._witness, self._presence)
        self._transcript.note("*", SENT, f"the link was cut; the client was told: {told}")
        return told

    def _join(self) -> None:
        self._client.join(heartbeat=0)
        select = SELECT.get(self._place.column)
        if select:
            self._client.call(select)
        self._client.call("consume", queue=self._presence)

    def _publish(self, body: str) -> str:
        """Publish one message as the column says: what the client takes for the answer."""
        try:
            self._client.call("publish", key=self._key, bodies=[body])
            if self._place.column == TRANSACTION:
                self._client.call("commit")
        except ClientError as error:
            return RETURNED if error.actual == "UnroutableError" else errors.word(error.actual)
        return TOLD[self._place.column]

    def _publish_again(self, bodies: list[str]) -> None:
        self._join()
        expected = RETURNED if self._place.column == UNROUTABLE else TOLD[self._place.column]
        for body in bodies:
            told = self._publish(body)
            if told != expected:
                raise Mismatch(f"{expected} after the retry", told)

    def _copies(self) -> Counter[str]:
        """Take what is in the queue: how often each body."""
        return Counter(message.body.decode() for message in drained(self._witness, self._queue))


def _loosely(facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """Counts of a race in words that hold in every run."""
    if not facts["stored"]:
        return dict(facts)
    loose: dict[str, Fact] = {"stored": SOME}
    if facts["duplicates"]:
        loose["duplicates"] = SOME
    if not facts["retried"]:
        loose["lost"] = REST
    return {**facts, **loose}


class LostConfirm(Experiment):
    """All cells are under way at the same time."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Every frame that there is in a column."""
        places = [
            Place(row, column) for row, cutting in CUTTINGS.items() for column in cutting.columns
        ]
        stage.progress(f"{len(places)} cells")

        def publish(place: Place) -> Cell:
            return stage.attempt(place, lambda: Publisher(stage, place).cell())

        yield from stage.side_by_side(publish, stage.shuffled(places))


EXPERIMENT = LostConfirm()
