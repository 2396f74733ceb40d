from collections.abc import Callable
from typing import Any

import pytest

from reference_broker.broker.choosy import ChoosyQueue
from reference_broker.broker.queue import Outcome
from reference_broker.semantics import SPEC
from suites.unit.doubles import FakeClock, FakeConsumer, MemoryStore, body_of, message

Make = Callable[..., ChoosyQueue]


@pytest.fixture
def make() -> Make:
    """Makes a queue by the specification with these x-arguments, and messages a, b, … in it."""

    def _make(bodies: str = "", **arguments: Any) -> ChoosyQueue:
        named = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
        queue = ChoosyQueue("q", FakeClock(), semantics=SPEC, durable=True, arguments=named)
        for body in bodies:
            queue.put(message(body.encode()))
        return queue

    return _make


def drain(queue: ChoosyQueue) -> str:
    """The bodies of all that is ready, in order."""
    bodies = b""
    while (taken := queue.take()) is not None:
        bodies += body_of(taken[1])
    return bodies.decode()


def test_what_one_declines_another_gets(make: Make) -> None:
    """A message that the first consumer declines does not hold up those behind it."""
    queue = make()
    picky = FakeConsumer(queue, room=9, declined={0}).start()
    for body in (b"a", b"b"):
        queue.put(message(body))
    assert (picky.bodies, len(queue)) == ([b"b"], 1)
    other = FakeConsumer(queue, room=9).start()
    assert (other.bodies, len(queue)) == ([b"a"], 0)


def test_consumers_take_turns(make: Make) -> None:
    """What all accept is shared out in turn."""
    queue = make()
    consumers = [FakeConsumer(queue, room=9).start() for _ in range(2)]
    for body in (b"a", b"b", b"c", b"d"):
        queue.put(message(body))
    assert [consumer.bodies for consumer in consumers] == [[b"a", b"c"], [b"b", b"d"]]


def test_a_higher_priority_goes_first_while_it_accepts(make: Make) -> None:
    """Consumer priorities hold among those that do not decline."""
    queue = make()
    low = FakeConsumer(queue, room=9).start()
    high = FakeConsumer(queue, room=9, priority=1, declined={1}).start()
    for body in (b"a", b"b", b"c"):
        queue.put(message(body))
    assert (high.bodies, low.bodies) == ([b"a", b"c"], [b"b"])


def test_a_single_active_consumer_is_alone(make: Make) -> None:
    """The next in line does not get what the active one declines."""
    queue = make(single_active_consumer=True)
    first = FakeConsumer(queue, room=9, declined={0}).start()
    second = FakeConsumer(queue, room=9).start()
    queue.put(message(b"a"))
    assert (first.bodies, second.bodies, len(queue)) == ([], [], 1)
    queue.remove_consumer(first)
    assert second.bodies == [b"a"]


def test_a_refusal_is_remembered_until_the_message_is_settled(make: Make) -> None:
    """The channel that sent a message back is known, and forgotten with the message."""
    queue, channel = make("a"), FakeConsumer(make())
    taken = queue.take()
    assert taken is not None
    queue.refused(taken[0], channel)
    assert queue.refuses(taken[0], channel)
    assert not queue.refuses(taken[0], FakeConsumer(make()))
    queue.settle(taken[0], taken[1])
    assert not queue.refuses(taken[0], channel)


def test_every_queue_knows_ten_priorities(make: Make) -> None:
    """A higher priority goes first without any argument; equal ones keep their order."""
    queue = make()
    for body, priority in ((b"a", 0), (b"b", 9), (b"c", 5), (b"d", 9), (b"e", 200)):
        queue.put(message(body, priority=priority))
    assert drain(queue) == "bdeca"


def test_a_full_queue_drops_transient_messages_alone(make: Make) -> None:
    """Persistent ones stay, above the limit where there is nothing else to drop."""
    queue = make(max_length=2)
    for body, mode in ((b"a", 2), (b"b", 1), (b"c", 2), (b"d", 2)):
        assert queue.put(message(body, delivery_mode=mode)) is not Outcome.REJECTED
    assert drain(queue) == "acd"


def test_who_could_take_an_immediate_message(make: Make) -> None:
    """Somebody with room who does not decline it."""
    queue = make("a")
    assert not queue.can_deliver(message(b"b"))
    FakeConsumer(queue, room=1, declined={1}).start()
    assert not queue.can_deliver(message(b"b"))
    FakeConsumer(queue, room=2).start()
    assert queue.can_deliver(message(b"b"))


def test_the_store_learns_of_what_is_out(make: Make) -> None:
    """Persistent messages are stored, and removed when they are settled."""
    queue, store = make(), MemoryStore()
    queue.keep_in(store, 1)
    consumer = FakeConsumer(queue, room=9, declined={0}).start()
    for body in (b"a", b"b"):
        assert queue.put(message(body, delivery_mode=2)) is Outcome.STORED
    [(position, taken, _redelivered)] = consumer.got
    queue.settle(position, taken)
    assert drain(queue) == "a"
