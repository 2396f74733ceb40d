"""A quorum queue: counts, order of what comes back, limits, and what its store is told."""

from collections.abc import Callable
from typing import Any

import pytest

from reference_broker.broker.message import Message
from reference_broker.broker.queue import Outcome
from reference_broker.broker.queues import make_queue
from reference_broker.broker.quorum import QuorumQueue
from suites.unit.doubles import FakeClock, FakeConsumer, MemoryStore, body_of, message

Make = Callable[..., QuorumQueue]
Taken = tuple[int, Message, bool]

COUNT = "x-delivery-count"


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
def make(clock: FakeClock) -> Make:
    """Makes a quorum queue with these x-arguments, and messages a, b, … in it."""

    def _make(bodies: str = "", store: MemoryStore | None = None, **arguments: Any) -> QuorumQueue:
        named = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
        queue = make_queue("q", clock, durable=True, arguments={"x-queue-type": "quorum", **named})
        assert isinstance(queue, QuorumQueue)
        if store is not None:
            queue.keep_in(store, 1)
        for body in bodies:
            queue.put(message(body.encode()))
        return queue

    return _make


def take(queue: QuorumQueue) -> Taken:
    """The first message, which is out from now on."""
    taken = queue.take()
    assert taken is not None
    return taken


def refuse(queue: QuorumQueue, *taken: Taken) -> None:
    """The messages come back, refused."""
    queue.requeue([(position, held) for position, held, _redelivered in taken])


def drain(queue: QuorumQueue) -> list[tuple[str, int]]:
    """All that is ready, in order, with what each is told to have come back."""
    found = []
    while (taken := queue.take()) is not None:
        found.append((body_of(taken[1]).decode(), taken[1].headers.get(COUNT, 0)))
        assert taken[2] is bool(found[-1][1])
    return found


def test_make_queue_knows_the_types(clock: FakeClock) -> None:
    """A queue is of the type that its arguments name, classic without one."""
    made = make_queue("q", clock, durable=True, arguments={})
    assert type(made).kind == "classic"


def test_refused_goes_to_the_end(make: Make) -> None:
    """Without a limit: behind what was never out, with its count."""
    queue = make("abc")
    refuse(queue, take(queue))
    assert drain(queue) == [("b", 0), ("c", 0), ("a", 1)]


def test_refused_goes_to_the_front_with_a_limit(make: Make) -> None:
    """In order of return, whatever the places before."""
    queue = make("abcd", delivery_limit=5)
    first, second = take(queue), take(queue)
    refuse(queue, second)
    refuse(queue, first)
    assert drain(queue) == [("b", 1), ("a", 1), ("c", 0), ("d", 0)]


@pytest.mark.parametrize("arguments", [{}, {"delivery_limit": 5}], ids=str)
def test_left_behind_goes_to_the_front(make: Make, arguments: dict[str, Any]) -> None:
    """In the order in which it was out."""
    queue = make("abc", **arguments)
    queue.take_back([taken[:2] for taken in (take(queue), take(queue))])
    assert drain(queue) == [("a", 1), ("b", 1), ("c", 0)]


def test_beyond_the_limit_is_buried(make: Make) -> None:
    """The message as it was published, by its reason; nothing of it stays."""
    queue = make("a", delivery_limit=1)
    buried: list[tuple[bytes, str, bool, bool]] = []
    queue.bury = lambda _queue, dead, reason: buried.append(
        (body_of(dead), reason, COUNT in dead.headers, dead.traits.persistent)
    )
    refuse(queue, take(queue))
    assert (len(queue), queue.unacked, buried) == (1, 0, [])
    refuse(queue, take(queue))
    assert (len(queue), queue.unacked) == (0, 0)
    assert buried == [(b"a", "delivery_limit", False, False)]


@pytest.mark.parametrize("limit", ["3", None, [1]], ids=str)
def test_a_limit_that_is_no_number_is_never_reached(make: Make, limit: object) -> None:
    """As in RabbitMQ, which compares without looking at the type."""
    queue = make("a", delivery_limit=limit)
    for _ in range(9):
        refuse(queue, take(queue))
    assert drain(queue) == [("a", 9)]


def test_settled_and_rejected_are_forgotten(make: Make) -> None:
    """Afterwards the queue knows nothing of them."""
    store = MemoryStore()
    queue = make("ab", store)
    first, second = take(queue), take(queue)
    queue.settle(*first[:2])
    queue.reject(*second[:2])
    assert (len(queue), queue.unacked, store.messages) == (0, 0, {})


def test_a_fetched_message_says_zero(make: Make) -> None:
    """To whom fetches it the count is told from the beginning; a consumer gets what came."""
    queue = make("ab")
    fetched = queue.fetch()
    consumer = FakeConsumer(queue).start()
    assert fetched is not None
    assert fetched[1].headers == {COUNT: 0}
    assert consumer.got[0][1].headers == {}


def test_a_waiting_consumer_is_served_at_once(make: Make) -> None:
    """What it was given comes back with a count."""
    queue = make()
    consumer = FakeConsumer(queue).start()
    queue.put(message(b"a"))
    consumer.room = 0
    queue.take_back([consumer.got[0][:2]])
    assert drain(queue) == [("a", 1)]


def test_publishes_are_refused_above_the_limit_and_until_a_fifth_is_gone(make: Make) -> None:
    """One more than the limit is taken; what comes back may go above it."""
    queue = make(max_length=5, overflow="reject-publish")
    outcomes = [queue.put(message(b"m")) for _ in range(7)]
    assert outcomes == [Outcome.QUEUED] * 6 + [Outcome.REJECTED]
    first = take(queue)
    assert queue.put(message(b"m")) is Outcome.REJECTED
    take(queue)
    assert queue.put(message(b"m")) is Outcome.QUEUED
    assert queue.put(message(b"m")) is Outcome.QUEUED
    assert queue.put(message(b"m")) is Outcome.REJECTED
    refuse(queue, first)
    assert len(queue) == 7


def test_all_is_stored(make: Make) -> None:
    """Also what is not persistent, until it is settled."""
    store = MemoryStore()
    queue = make("a", store)
    assert [body_of(held) for held in store.messages.values()] == [b"a"]
    assert queue.put(message(b"b", delivery_mode=2)) is Outcome.STORED


def test_the_store_is_told_of_counts(make: Make, clock: FakeClock) -> None:
    """A message that moves to the end takes its count and its deadline along."""
    store = MemoryStore()
    queue = make(store=store, message_ttl=10_000)
    queue.put(message(b"a"))
    queue.put(message(b"b"))
    clock.advance(4)
    refuse(queue, take(queue))
    assert set(store.messages) == {(1, 1), (1, 2)}
    assert store.deliveries == {(1, 2): 1}
    assert store.expiries[1, 2] == store.expiries[1, 1]
    take(queue)
    take(queue)
    assert store.deliveries == {(1, 2): 2}


def test_recovered(make: Make) -> None:
    """What was out comes first and has come back once more; new returns stand behind it."""
    queue = make()
    kept = [
        (at, message(b"%d" % at), None, count) for at, count in ((1, 0), (3, 4), (5, 0), (6, 2))
    ]
    queue.recover(5, kept)
    queue.put(message(b"new"))
    first = take(queue)
    queue.take_back([first[:2]])
    assert drain(queue) == [("3", 4), ("1", 2), ("5", 0), ("6", 2), ("new", 0)]


def test_purged(make: Make) -> None:
    """What is ready goes with its counts; what is out comes back with its own."""
    queue = make("abc")
    refuse(queue, take(queue))
    out = take(queue)
    assert queue.purge() == 2
    queue.put(message(b"n"))
    queue.take_back([out[:2]])
    assert drain(queue) == [("b", 1), ("n", 0)]


def test_deleted(make: Make) -> None:
    """What is out may come back or be settled, and nothing happens."""
    queue = make("ab")
    first, second = take(queue), take(queue)
    queue.drop()
    refuse(queue, first)
    queue.settle(*second[:2])
    assert len(queue) == 0
