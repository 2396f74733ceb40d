from collections.abc import Callable
from typing import Any

import pytest

from reference_broker.broker.queue import Outcome, Queue
from suites.unit.doubles import FakeClock, FakeConsumer, MemoryStore, body_of, message

Make = Callable[..., Queue]


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
def make(clock: FakeClock) -> Make:
    """Makes a queue with these x-arguments, and messages a, b, … in it."""

    def _make(bodies: str = "", **arguments: Any) -> Queue:
        named = {f"x-{name.replace('_', '-')}": value for name, value in arguments.items()}
        queue = Queue("q", clock, durable=True, arguments=named)
        for body in bodies:
            queue.put(message(body.encode()))
        return queue

    return _make


def take(queue: Queue) -> bytes | None:
    """The first message's body, the message being out from now on."""
    taken = queue.take()
    return None if taken is None else body_of(taken[1])


def drain(queue: Queue) -> str:
    """The bodies of all that is ready, in order."""
    bodies = b""
    while (body := take(queue)) is not None:
        bodies += body
    return bodies.decode()


def test_first_in_first_out(make: Make) -> None:
    """Messages come out in the order in which they went in."""
    queue = make("abc")
    assert len(queue) == 3
    assert drain(queue) == "abc"
    assert (len(queue), queue.unacked) == (0, 3)
    assert queue.take() is None


def test_what_comes_back_stands_in_its_old_place(make: Make) -> None:
    """Requeued in any order, messages come out in their original one, marked as redelivered."""
    queue = make("abcd")
    out = [queue.take() for _ in range(3)]
    queue.requeue([(taken[0], taken[1]) for taken in out[::-1] if taken])
    queue.put(message(b"e"))
    again = [queue.take() for _ in range(5)]
    assert [(body_of(t[1]), t[2]) for t in again if t] == [
        (b"a", True),
        (b"b", True),
        (b"c", True),
        (b"d", False),
        (b"e", False),
    ]


def test_settling_counts_down(make: Make) -> None:
    """A message that is out is counted as unacked until it is settled, refused or back."""
    queue = make("abc")
    first, second, third = queue.take(), queue.take(), queue.take()
    assert first
    assert second
    assert third
    queue.settle(*first[:2])
    queue.reject(*second[:2])
    queue.requeue([third[:2]])
    assert (len(queue), queue.unacked) == (1, 0)


def test_purging_leaves_what_is_out(make: Make) -> None:
    """Only ready messages go, those that came back among them; their number comes back."""
    queue = make("abcd")
    out = [queue.take(), queue.take()]
    assert out[1]
    queue.requeue([out[1][:2]])
    assert queue.purge() == 3
    assert (len(queue), queue.unacked) == (0, 1)
    assert queue.purge() == 0
    assert out[0]
    queue.requeue([out[0][:2]])
    queue.put(message(b"e"))
    assert drain(queue) == "ae"


def test_consumers_take_turns(make: Make) -> None:
    """Messages go round the consumers with room, each that has none is left out."""
    queue = make()
    consumers = [FakeConsumer(queue, room=room).start() for room in (3, 2, 3)]
    for body in b"abcdefgh":
        queue.put(message(bytes((body,))))
    assert [b"".join(c.bodies) for c in consumers] == [b"adg", b"be", b"cfh"]
    queue.put(message(b"i"))
    assert len(queue) == 1
    consumers[1].more(1)
    assert consumers[1].bodies[-1] == b"i"


def test_a_consumer_gets_what_waits(make: Make) -> None:
    """A newcomer is served at once, up to its room."""
    queue = make("abc")
    consumer = FakeConsumer(queue, room=2).start()
    assert consumer.bodies == [b"a", b"b"]
    consumer.more(5)
    assert consumer.bodies == [b"a", b"b", b"c"]
    assert len(queue) == 0


def test_a_consumer_that_left_gets_nothing(make: Make) -> None:
    """After it is removed all goes to the others."""
    queue = make()
    stays, leaves = FakeConsumer(queue, room=9).start(), FakeConsumer(queue, room=9).start()
    queue.remove_consumer(leaves)
    for body in b"abc":
        queue.put(message(bytes((body,))))
    assert (b"".join(stays.bodies), leaves.bodies) == (b"abc", [])
    assert queue.consumers == [stays]


def test_the_consumer_of_the_highest_priority_comes_first(make: Make) -> None:
    """Lower ones get what it has no room for; equal ones take turns."""
    queue = make()
    low = FakeConsumer(queue, room=9, priority=-1).start()
    high = [FakeConsumer(queue, room=2, priority=5).start() for _ in range(2)]
    for body in b"abcdef":
        queue.put(message(bytes((body,))))
    assert [b"".join(c.bodies) for c in (*high, low)] == [b"ac", b"bd", b"ef"]
    queue.remove_consumer(high[0])
    queue.remove_consumer(high[1])
    queue.put(message(b"g"))
    assert low.bodies[-1] == b"g"


def test_a_deleted_queue_tells_its_consumers(make: Make) -> None:
    """Each consumer is told, nothing is ready any more, and what was out does not come back."""
    queue = make("ab")
    taken = queue.take()
    consumer = FakeConsumer(queue, room=0).start()
    queue.drop()
    assert consumer.gone
    assert queue.deleted
    assert not queue.consumers
    assert taken
    queue.requeue([taken[:2]])
    assert len(queue) == 0


def test_one_active_consumer_at_a_time(make: Make) -> None:
    """x-single-active-consumer: the first alone gets messages until it leaves."""
    queue = make(single_active_consumer=True)
    first, second = FakeConsumer(queue, room=1).start(), FakeConsumer(queue, room=9).start()
    for body in b"abc":
        queue.put(message(bytes((body,))))
    assert (first.bodies, second.bodies) == ([b"a"], [])
    first.more(1)
    assert first.bodies == [b"a", b"b"]
    queue.remove_consumer(first)
    assert second.bodies == [b"c"]


def test_priorities_order_messages(make: Make) -> None:
    """x-max-priority: higher ones first, equal ones in order, and no more levels than declared."""
    queue = make(max_priority=5)
    for body, priority in ((b"a", 0), (b"b", 9), (b"c", 5), (b"d", 1), (b"e", 0), (b"f", 255)):
        queue.put(message(body, priority=priority))
    first = queue.take()
    assert first
    assert body_of(first[1]) == b"b"
    queue.requeue([first[:2]])
    assert drain(queue) == "bcfdae"


@pytest.mark.parametrize(
    ("arguments", "left", "dropped"),
    [
        ({"max_length": 2}, "cd", "ab"),
        ({"max_length_bytes": 2}, "cd", "ab"),
        ({"max_length": 9, "max_length_bytes": 3}, "bcd", "a"),
        ({"max_length": 0}, "", "abcd"),
        ({"max_length": 2, "overflow": "reject-publish"}, "ab", ""),
        ({"max_length": 2, "overflow": "reject-publish-dlx"}, "ab", "cd"),
        ({"max_length_bytes": 1, "overflow": "reject-publish"}, "a", ""),
    ],
    ids=str,
)
def test_limits_of_length(make: Make, arguments: dict[str, Any], left: str, dropped: str) -> None:
    """What is too much is dropped from the head, or refused; the dead are buried where asked."""
    queue = make(**arguments)
    buried: list[bytes] = []
    queue.bury = lambda _queue, dead, reason: buried.append(body_of(dead) + reason.encode())
    outcomes = [queue.put(message(body.encode())) for body in "abcd"]
    rejected = [
        at for at, outcome in zip("abcd", outcomes, strict=True) if outcome is Outcome.REJECTED
    ]
    assert drain(queue) == left
    assert buried == [body.encode() + b"maxlen" for body in dropped]
    assert bool(rejected) == ("overflow" in arguments)


def test_a_waiting_consumer_is_served_past_the_limit(make: Make) -> None:
    """Only what is ready counts: to a consumer at hand even a queue of length 0 passes messages."""
    queue = make(max_length=0)
    consumer = FakeConsumer(queue, room=2).start()
    for body in b"abc":
        queue.put(message(bytes((body,))))
    assert consumer.bodies == [b"a", b"b"]
    assert len(queue) == 0


def test_messages_expire_first_in_line(make: Make, clock: FakeClock) -> None:
    """A message goes when its time has come and it is the first; each is buried once."""
    queue = make(message_ttl=1000)
    buried: list[str] = []
    queue.bury = lambda _queue, dead, reason: buried.append(f"{body_of(dead).decode()} {reason}")
    queue.put(message(b"a"))
    clock.advance(0.6)
    queue.put(message(b"b"))
    queue.put(message(b"c", expiration="100"))  # stands behind b
    clock.advance(0.5)
    assert buried == ["a expired"]
    assert len(queue) == 2
    clock.advance(0.5)
    assert buried == ["a expired", "b expired", "c expired"]
    assert clock.waiting == 0


@pytest.mark.parametrize("how", ["get", "deliver"])
def test_a_message_expires_once_it_has_become_the_first(
    make: Make, clock: FakeClock, how: str
) -> None:
    """When the one before it leaves the line, its own time counts, with no further event."""
    queue = make()
    queue.put(message(b"a"))
    queue.put(message(b"b", expiration="100"))
    if how == "get":
        assert take(queue) == b"a"
    else:
        assert FakeConsumer(queue, room=1).start().bodies == [b"a"]
    clock.advance(0.2)
    assert len(queue) == 0


def test_expired_messages_are_never_delivered(make: Make, clock: FakeClock) -> None:
    """Expiration 0 is for consumers at hand alone; what is out does not expire until it is back."""
    queue = make()
    queue.put(message(b"a", expiration="0"))
    assert queue.take() is None
    consumer = FakeConsumer(queue, room=1).start()
    queue.put(message(b"b", expiration="0"))
    assert consumer.bodies == [b"b"]
    clock.advance(1)
    position, held, _redelivered = consumer.got[0]
    queue.requeue([(position, held)])
    assert (len(queue), queue.unacked) == (0, 0)


def test_only_persistent_messages_are_stored(make: Make) -> None:
    """The store learns of what is put, what was out, and what is settled or purged."""
    store, queue = MemoryStore(), make()
    queue.keep_in(store, 7)
    outcomes = [queue.put(message(delivery_mode=mode)) for mode in (2, 1, 2, 2)]
    assert outcomes == [Outcome.STORED, Outcome.QUEUED, Outcome.STORED, Outcome.STORED]
    assert set(store.messages) == {(7, 0), (7, 2), (7, 3)}
    taken = [queue.take() for _ in range(3)]
    assert store.head == {7: 3}
    assert taken[0]
    queue.settle(*taken[0][:2])
    assert set(store.messages) == {(7, 2), (7, 3)}
    assert taken[2]
    queue.requeue([taken[2][:2]])
    assert queue.purge() == 2
    assert store.messages == {}


def test_a_stored_message_goes_straight_to_a_consumer(make: Make) -> None:
    """It is stored, noted as delivered, and forgotten when acked."""
    store, queue = MemoryStore(), make()
    queue.keep_in(store, 1)
    consumer = FakeConsumer(queue, room=1).start()
    assert queue.put(message(delivery_mode=2)) is Outcome.STORED
    assert (store.head, set(store.messages)) == ({1: 1}, {(1, 0)})
    queue.settle(*consumer.got[0][:2])
    assert not store.messages


def test_a_deleted_queue_leaves_the_store(make: Make) -> None:
    """Its number is dropped, and settling afterwards does not matter."""
    store, queue = MemoryStore(), make()
    queue.keep_in(store, 1)
    queue.put(message(delivery_mode=2))
    taken = queue.take()
    queue.drop()
    assert taken
    queue.settle(*taken[:2])
    assert store.calls == [("drop queue", 1)]


def test_recovered_messages_keep_their_order(make: Make) -> None:
    """Those below the head come back as redelivered; new ones stand behind them all."""
    queue = make()
    queue.recover(4, [(at, message(str(at).encode()), None, 0) for at in (1, 3, 4, 9)])
    queue.put(message(b"n"))
    taken = [queue.take() for _ in range(5)]
    assert [(body_of(t[1]), t[2]) for t in taken if t] == [
        (b"1", True),
        (b"3", True),
        (b"4", False),
        (b"9", False),
        (b"n", False),
    ]
    positions = [t[0] for t in taken if t]
    assert positions == sorted(set(positions))


def test_a_restart_does_not_prolong_a_message_s_life(make: Make, clock: FakeClock) -> None:
    """The store knows when a message expires by the wall clock, and that still holds afterwards."""
    store, queue = MemoryStore(), make(message_ttl=1000)
    queue.keep_in(store, 1)
    queue.put(message(b"a", delivery_mode=2))
    assert store.expiries == {(1, 0): clock.epoch() + 1}
    clock.advance(0.7)
    again = make(message_ttl=1000)
    again.recover(0, [(0, store.messages[1, 0], store.expiries[1, 0], 0)])
    assert len(again) == 1
    clock.advance(0.4)
    assert len(again) == 0


def test_an_empty_recovery_goes_on_counting(make: Make) -> None:
    """Positions never start again below the head that the store remembers."""
    queue = make()
    queue.recover(12, [])
    queue.put(message())
    taken = queue.take()
    assert taken
    assert taken[0] == 12


def test_what_expired_while_it_was_out_takes_nobodys_turn(make: Make, clock: FakeClock) -> None:
    """It comes back and goes; the next message is for the consumer whose turn it was."""
    queue = make(message_ttl=10)
    first, second = (FakeConsumer(queue, room=9).start() for _ in range(2))
    queue.put(message(b"a"))
    queue.put(message(b"b"))
    clock.advance(1)
    queue.requeue([first.got[0][:2]])
    queue.put(message(b"c"))
    assert [body_of(got[1]) for got in first.got] == [b"a", b"c"]
    assert [body_of(got[1]) for got in second.got] == [b"b"]
