"""The queue against a simple model of it: a sorted list, and what is out."""

from typing import Any, NamedTuple

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from reference_broker.broker.message import Message
from reference_broker.broker.queue import Outcome, Queue
from suites.unit.doubles import FakeClock, FakeConsumer, MemoryStore, body_of, message


class Held(NamedTuple):
    """A message as the model knows it; sorts in the order of delivery."""

    rank: int
    number: int
    size: int
    deadline: float
    persistent: bool
    redelivered: bool = False


NEVER = float("inf")
ARGUMENTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "priorities": {"x-max-priority": 3},
    "short": {"x-max-length": 3},
    "small": {"x-max-length-bytes": 4},
    "rejecting": {"x-max-length": 3, "x-overflow": "reject-publish"},
    "short with priorities": {"x-max-length": 3, "x-max-priority": 3},
    "dying": {"x-message-ttl": 50},
}


class QueueMachine(RuleBasedStateMachine):
    """Puts, takes, settles, requeues, purges, consumers that come, go and have room."""

    arguments: dict[str, Any]

    @initialize()
    def declare(self) -> None:
        """A queue, kept in a store."""
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.queue = Queue("q", self.clock, durable=True, arguments=self.arguments)
        self.queue.keep_in(self.store, 1)
        self.queue.bury = lambda _queue, dead, _reason: self.buried.append(number_of(dead))
        self.consumers: list[FakeConsumer] = []
        self.seen: dict[FakeConsumer, int] = {}
        self.out: dict[int, tuple[int, Message, FakeConsumer | None]] = {}  # number -> …
        self.buried: list[int] = []
        self.ready: list[Held] = []
        self.known: dict[int, Held] = {}
        self.dead: list[int] = []

    # the model

    def count(self) -> tuple[int, int]:
        """How many messages are ready, and their octets."""
        return len(self.ready), sum(held.size for held in self.ready)

    def over(self, count: int, size: int) -> bool:
        """Whether that is too much."""
        most: float = self.arguments.get("x-max-length", NEVER)
        most_octets: float = self.arguments.get("x-max-length-bytes", NEVER)
        return count > most or size > most_octets

    def bury_expired(self) -> None:
        """What is first in line and has expired goes."""
        while self.ready and self.ready[0].deadline <= self.clock.now():
            self.dead.append(self.ready.pop(0).number)

    def trim(self) -> None:
        """What is too much goes, from the head, unless the queue rejects what comes instead."""
        if self.arguments.get("x-overflow", "drop-head") != "drop-head":
            return
        while self.ready and self.over(*self.count()):
            self.dead.append(self.ready.pop(0).number)

    def serve(self) -> None:
        """What consumers got since the last look must be what the model gives them."""
        self.bury_expired()
        fresh = [
            (consumer, delivery)
            for consumer in self.consumers
            for delivery in consumer.got[self.seen[consumer] :]
        ]
        fresh.sort(key=lambda pair: self.order(pair[1]))
        for consumer, (position, taken, redelivered) in fresh:
            self.seen[consumer] += 1
            self.bury_expired()
            self.expect(taken, redelivered)
            self.out[number_of(taken)] = position, taken, consumer
        self.bury_expired()
        assert not self.ready or not any(consumer.room for consumer in self.consumers)

    def order(self, delivery: tuple[int, Message, bool]) -> Held:
        """Where a delivered message stood in line."""
        return self.known[number_of(delivery[1])]

    def expect(self, taken: Message, redelivered: bool) -> None:
        """The message is the first in line."""
        held = self.ready.pop(0)
        assert (number_of(taken), redelivered) == (held.number, held.redelivered)

    # what may happen

    @rule(
        size=st.integers(0, 3),
        priority=st.integers(0, 5),
        ttl=st.none() | st.none() | st.integers(0, 100),
        mode=st.sampled_from((1, 2)),
    )
    def put(self, size: int, priority: int, ttl: int | None, mode: int) -> None:
        """A message comes."""
        number = len(self.known)
        expiration = {} if ttl is None else {"expiration": str(ttl)}
        came = message(
            bytes(size), str(number), priority=priority, delivery_mode=mode, **expiration
        )
        lives = [t for t in (ttl, self.arguments.get("x-message-ttl")) if t is not None]
        deadline = self.clock.now() + min(lives) * 0.001 if lives else NEVER
        rank = -min(priority, self.arguments.get("x-max-priority", 0))
        held = self.known[number] = Held(rank, number, size, deadline, mode == 2)
        count, octets = self.count()
        rejects = "x-overflow" in self.arguments and self.over(count + 1, octets + size)
        outcome = self.queue.put(came)
        assert (outcome is Outcome.REJECTED) == rejects
        if rejects:
            return
        assert outcome is (Outcome.STORED if mode == 2 else Outcome.QUEUED)
        self.ready = sorted([*self.ready, held])
        if not self.delivered_at_once(number):
            self.trim()
        self.serve()

    def delivered_at_once(self, number: int) -> bool:
        """Whether a consumer took the message that was put last, so that it never stood in line."""
        took = [c for c in self.consumers if len(c.got) > self.seen[c]]
        if not took:
            return False
        (consumer,) = took
        best = max(c.priority for c in self.consumers if c is consumer or c.room)
        assert consumer.priority == best
        position, taken, redelivered = consumer.got[-1]
        assert (number_of(taken), redelivered) == (number, False)
        self.seen[consumer] += 1
        self.ready = [held for held in self.ready if held.number != number]
        self.out[number] = position, taken, consumer
        return True

    @rule()
    def get(self) -> None:
        """The first message is fetched."""
        self.bury_expired()
        taken = self.queue.take()
        if taken is None:
            assert not self.ready
            return
        position, held, redelivered = taken
        self.expect(held, redelivered)
        self.out[number_of(held)] = position, held, None
        self.bury_expired()

    @precondition(lambda self: self.out)
    @rule(data=st.data(), refuse=st.booleans())
    def settle(self, data: st.DataObject, refuse: bool) -> None:
        """A message that is out is acked, or refused for good."""
        number = data.draw(st.sampled_from(sorted(self.out)))
        position, held, consumer = self.out.pop(number)
        if refuse:
            self.queue.reject(position, held)
            self.dead.append(number)
        else:
            self.queue.settle(position, held)
        self.give_room(consumer)

    @precondition(lambda self: self.out)
    @rule(data=st.data())
    def requeue(self, data: st.DataObject) -> None:
        """Messages that are out come back, in any order."""
        numbers = data.draw(st.lists(st.sampled_from(sorted(self.out)), min_size=1, unique=True))
        taken = [self.out.pop(number) for number in numbers]
        back = [self.known[number]._replace(redelivered=True) for number in numbers]
        for held in back:
            self.known[held.number] = held
        self.ready = sorted([*self.ready, *back])
        self.trim()
        self.queue.requeue([(position, held) for position, held, _consumer in taken])
        self.serve()
        for _position, _held, consumer in taken:
            self.give_room(consumer)

    def give_room(self, consumer: FakeConsumer | None) -> None:
        """A consumer may take one more, if it is still there."""
        if consumer in self.consumers and consumer is not None:
            consumer.more(1)
            self.serve()

    @rule()
    def purge(self) -> None:
        """All that is ready goes."""
        assert self.queue.purge() == len(self.ready)
        self.ready.clear()

    @precondition(lambda self: len(self.consumers) < 4)
    @rule(room=st.integers(0, 3), priority=st.sampled_from((0, 0, 1, -1)))
    def join(self, room: int, priority: int) -> None:
        """A consumer comes."""
        consumer = FakeConsumer(self.queue, room=room, priority=priority)
        self.consumers.append(consumer)
        self.seen[consumer] = 0
        consumer.start()
        self.serve()

    @precondition(lambda self: self.consumers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A consumer goes; what it has stays out."""
        consumer = data.draw(st.sampled_from(self.consumers))
        self.consumers.remove(consumer)
        self.queue.remove_consumer(consumer)
        self.serve()

    @rule(milliseconds=st.integers(1, 60))
    def wait(self, milliseconds: int) -> None:
        """Time passes."""
        self.clock.advance(milliseconds * 0.001)
        self.serve()

    # what always holds

    @invariant()
    def the_counts_agree(self) -> None:
        """Ready and unacked are as many as the model has."""
        assert len(self.queue) == len(self.ready)
        assert self.queue.unacked == len(self.out)

    @invariant()
    def the_dead_agree(self) -> None:
        """What expired, was too much or was refused has been buried, once each."""
        assert sorted(self.buried) == sorted(self.dead)

    @invariant()
    def the_store_holds_what_lives(self) -> None:
        """The store has each persistent message that is ready or out, and no other."""
        living = {held.number for held in self.ready} | self.out.keys()
        kept = {number_of(held) for held in self.store.messages.values()}
        assert kept == {number for number in living if self.known[number].persistent}


def number_of(held: Message) -> int:
    """The number that `put` gave the message, which is its routing key."""
    assert body_of(held) == bytes(held.body_size)
    return int(held.routing_key)


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_the_queue_behaves_as_its_model(kind: str) -> None:
    """Whatever happens to a queue of this kind, it and the model agree at every step."""
    machine = type("Machine", (QueueMachine,), {"arguments": ARGUMENTS[kind]})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=30, stateful_step_count=30, deadline=None)
    )
