"""Random sequences of methods, and a model that says what each of them must answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import new_exchange
from suites.clients.raw import RawClient
from suites.harness.names import Names
from suites.stateful import queues
from suites.stateful.queues import Held, Message

STEPS = 150
KEYS = ("red", "green", "blue")
MOST_QUEUES = 4


@dataclass(eq=False, slots=True)
class Queue(queues.Queue):
    """What a queue holds, and the keys by which it is bound."""

    keys: set[str] = field(default_factory=set)


class Run:
    """A client, and beside it what the broker should hold."""

    def __init__(self, client: RawClient, names: Names, random: Random) -> None:
        self.client, self.names, self.random = client, names, random
        self.exchange = new_exchange(client, names)
        self.queues: list[Queue] = []
        self.out: dict[int, tuple[Queue, Held]] = {}
        self.published = self.fetched = 0
        client.call(1, "confirm.select")

    def step(self) -> None:
        """One method that is possible now, chosen at random."""
        self.random.choice(self._possible())()

    def _possible(self) -> list[Callable[[], None]]:
        possible = [self.publish] * 3
        if len(self.queues) < MOST_QUEUES:
            possible.append(self.declare)
        if self.queues:
            possible += [self.bind, self.bind, self.unbind, self.look, self.purge]
            possible += [self.get] * 3
        if len(self.queues) > 1:
            possible.append(self.delete)
        if self.out:
            possible += [self.ack, self.requeue, self.requeue, self.discard]
        return possible

    def _any(self) -> Queue:
        return self.random.choice(self.queues)

    def declare(self) -> None:
        """A new queue."""
        self.queues.append(Queue(self.names()))
        self.look(self.queues[-1])

    def look(self, queue: Queue | None = None) -> None:
        """Declare a queue again: it says how many messages are ready."""
        queue = queue or self._any()
        declared = self.client.call(1, "queue.declare", queue=queue.name)
        verify.equal(declared["message_count"], len(queue.ready), "messages ready")

    def delete(self) -> None:
        """A queue goes with what is ready in it; what is out stays with the client."""
        queue = self._any()
        deleted = self.client.call(1, "queue.delete", queue=queue.name)
        verify.equal(deleted["message_count"], len(queue.ready), "messages deleted")
        self.queues.remove(queue)

    def purge(self) -> None:
        """What is ready goes."""
        queue = self._any()
        purged = self.client.call(1, "queue.purge", queue=queue.name)
        verify.equal(purged["message_count"], queue.purge(), "messages purged")

    def bind(self) -> None:
        """By a key, which may be one that it has."""
        self._binding("queue.bind").add(self.key)

    def unbind(self) -> None:
        """By a key, which may be one that it lacks."""
        self._binding("queue.unbind").discard(self.key)

    def _binding(self, method: str) -> set[str]:
        queue, self.key = self._any(), self.random.choice(KEYS)
        arguments = {"queue": queue.name, "exchange": self.exchange, "routing_key": self.key}
        self.client.send(1, method, **arguments)
        self.client.expect(1, f"{method}-ok")
        return queue.keys

    def publish(self) -> None:
        """To each queue that is bound by the key, or back where there is none."""
        key, body = self.random.choice(KEYS), f"{self.published}"
        self.published += 1
        reached = [queue for queue in self.queues if key in queue.keys]
        self.client.publish(1, self.exchange, key, body.encode(), mandatory=True)
        if not reached:
            self.client.expect_content(1, "basic.return", body.encode())
        self.client.expect(1, "basic.ack")
        for queue in reached:
            queue.put(Message(body))

    def get(self) -> None:
        """The first in line."""
        queue = self._any()
        message = self.client.get(1, queue.name, no_ack=False)
        wanted = queue.fetch()
        seen = message and (message.body.decode(), message["redelivered"])
        verify.equal(
            seen, wanted and (wanted.message.body, wanted.redelivered), "body, redelivered"
        )
        if wanted is not None:
            self.fetched += 1
            self.out[self.fetched] = queue, wanted

    def ack(self) -> None:
        """One of those that are out is settled."""
        tag = self._settle()
        self.client.send(1, "basic.ack", delivery_tag=tag)

    def discard(self) -> None:
        """One is refused for good."""
        tag = self._settle()
        self.client.send(1, "basic.reject", delivery_tag=tag, requeue=False)

    def requeue(self) -> None:
        """One goes back, if its queue is there still."""
        tag = self.random.choice(list(self.out))
        queue, held = self.out.pop(tag)
        self.client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
        if queue in self.queues:
            queue.give_back([held])

    def _settle(self) -> int:
        tag = self.random.choice(list(self.out))
        del self.out[tag]
        return tag

    def finish(self) -> None:
        """What is left in each queue is what the model has."""
        for queue in self.queues:
            left = drain(self.client, queue.name)
            verify.equal(left, [held.message.body.encode() for held in queue.ready], "left")
        self.client.expect_nothing(1)


@pytest.mark.requirement("order/stateful-model")
@pytest.mark.parametrize("seed", range(8))
def test_model(client: RawClient, names: Names, seed: int) -> None:
    """The broker answers a random sequence of methods as a model of queues and bindings does."""
    run = Run(client, names, Random(seed))  # noqa: S311  a test's choices, repeatable
    for _ in range(STEPS):
        run.step()
    run.finish()
