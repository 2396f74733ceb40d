from collections.abc import Callable
from typing import Any

import pytest

from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.wire.errors import AmqpError
from suites.unit.doubles import FakeClock, FakeConsumer, FakeTimer, MemoryStore, message

ME, YOU = "me", "you"  # connections
EXCHANGE: dict[str, Any] = {
    "durable": False,
    "auto_delete": False,
    "internal": False,
    "arguments": {},
}
QUEUE: dict[str, Any] = {
    "durable": False,
    "auto_delete": False,
    "owner": None,
    "arguments": {},
}


@pytest.fixture
def vhost() -> VHost:
    """An empty virtual host."""
    return VHost("/", FakeClock())


def queue(vhost: VHost, name: str = "q", **options: Any) -> Queue:
    """A queue as declared with these options."""
    return vhost.declare_queue(name, **{**QUEUE, **options})


def code_of(call: Callable[..., Any], *arguments: Any, **options: Any) -> int:
    """The reply code that a call raises."""
    with pytest.raises(AmqpError) as caught:
        call(*arguments, **options)
    return caught.value.code


def test_what_is_there_from_the_start(vhost: VHost) -> None:
    """The default exchange and RabbitMQ's predeclared ones, all durable."""
    assert {name: exchange.type for name, exchange in vhost.exchanges.items()} == {
        "": "direct",
        "amq.direct": "direct",
        "amq.fanout": "fanout",
        "amq.topic": "topic",
        "amq.headers": "headers",
        "amq.match": "headers",
        "amq.rabbitmq.trace": "topic",
    }
    assert all(exchange.durable for exchange in vhost.exchanges.values())
    assert vhost.exchanges["amq.rabbitmq.trace"].internal


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"kind": "topic"}, 406),
        ({"durable": True}, 406),
        ({"auto_delete": True}, 406),
        ({"internal": True}, 406),
        ({"arguments": {"alternate-exchange": "x"}}, 406),
        ({"arguments": {"unknown": 1}}, 0),
        ({"kind": "nonsense"}, 503),
    ],
    ids=str,
)
def test_redeclaring_an_exchange(vhost: VHost, changed: dict[str, Any], code: int) -> None:
    """The same again is the same exchange; any difference that counts is 406."""
    made = vhost.declare_exchange("e", "direct", **EXCHANGE)
    asked = {"kind": "direct", **EXCHANGE, **changed}
    if code:
        assert code_of(vhost.declare_exchange, "e", **asked) == code
    else:
        assert vhost.declare_exchange("e", **asked) is made


@pytest.mark.parametrize(
    ("name", "options", "code"),
    [
        ("", {}, 403),
        ("amq.mine", {}, 403),
        ("e", {"arguments": {"alternate-exchange": 5}}, 406),
        ("e", {"kind": "x-nonsense"}, 503),
    ],
    ids=str,
)
def test_exchanges_that_cannot_be_declared(
    vhost: VHost, name: str, options: dict[str, Any], code: int
) -> None:
    """The default name, reserved names, unknown types and unusable arguments are refused."""
    asked = {"kind": "direct", **EXCHANGE, **options}
    assert code_of(vhost.declare_exchange, name, **asked) == code
    assert name not in vhost.exchanges or not name


def test_deleting_exchanges(vhost: VHost) -> None:
    """A missing one is no error, a used one may be protected, a system one always is."""
    exchange = vhost.declare_exchange("e", "direct", **EXCHANGE)
    vhost.bind(exchange, queue(vhost), "k", {})
    assert code_of(vhost.delete_exchange, "e", if_unused=True) == 406
    vhost.delete_exchange("e")
    vhost.delete_exchange("e")
    assert code_of(vhost.exchange, "e") == 404
    assert code_of(vhost.delete_exchange, "") == 403
    assert code_of(vhost.delete_exchange, "amq.topic") == 403


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({}, 0),
        ({"durable": True}, 406),
        ({"auto_delete": True}, 406),
        ({"owner": ME}, 405),
        ({"arguments": {"x-max-length": 5}}, 406),
        ({"arguments": {"x-max-length": -5}}, 406),
        ({"arguments": {"unknown": 5}}, 0),
        ({"arguments": {"x-queue-type": "classic"}}, 0),
    ],
    ids=str,
)
def test_redeclaring_a_queue(vhost: VHost, changed: dict[str, Any], code: int) -> None:
    """The same again is the same queue; any difference that counts is 406."""
    made = queue(vhost)
    if code:
        assert code_of(queue, vhost, "q", **changed) == code
    else:
        assert queue(vhost, "q", **changed) is made


def test_an_exclusive_queue_is_its_owner_s_alone(vhost: VHost) -> None:
    """Another connection is locked out of it, and it goes with its owner."""
    made = queue(vhost, owner=ME)
    queue(vhost, "other")
    assert made.exclusive
    assert vhost.queue("q", ME) is made
    assert code_of(vhost.queue, "q", YOU) == 405
    assert code_of(queue, vhost, owner=YOU) == 405
    vhost.drop_owner(YOU)
    assert "q" in vhost.queues
    vhost.drop_owner(ME)
    assert set(vhost.queues) == {"other"}
    assert made.deleted


def test_names(vhost: VHost) -> None:
    """Reserved names are refused unless the broker made them; invented ones differ."""
    assert code_of(queue, vhost, "amq.mine") == 403
    names = {vhost.invent_name("amq.gen-") for _ in range(100)}
    assert len(names) == 100
    assert all(len(name) == len("amq.gen-") + 22 for name in names)
    assert queue(vhost, names.pop(), invented=True).name in vhost.queues


def test_deleting_queues(vhost: VHost) -> None:
    """Guards hold, the count of ready messages comes back, bindings go, consumers are told."""
    exchange = vhost.declare_exchange("e", "direct", **EXCHANGE)
    doomed = queue(vhost)
    vhost.bind(exchange, doomed, "k", {})
    consumer = FakeConsumer(doomed, room=0).start()
    doomed.put(message())
    assert code_of(vhost.delete_queue, doomed, if_unused=True) == 406
    assert code_of(vhost.delete_queue, doomed, if_empty=True) == 406
    assert vhost.delete_queue(doomed) == 1
    assert code_of(vhost.queue, "q", ME) == 404
    assert consumer.gone
    assert not exchange.bindings
    assert vhost.route(vhost.exchange(""), ("q",), {}) == ([], True)


def test_an_auto_delete_queue_goes_with_its_last_consumer(vhost: VHost) -> None:
    """Not before it had one, not while it has one."""
    made = queue(vhost, auto_delete=True)
    one, two = FakeConsumer(made).start(), FakeConsumer(made).start()
    for consumer in (one, two):
        assert "q" in vhost.queues
        made.remove_consumer(consumer)
        vhost.consumer_left(made)
    assert "q" not in vhost.queues
    vhost.consumer_left(made)  # a second notice is harmless


@pytest.mark.parametrize("how", ["unbind", "delete queue", "delete exchange"])
def test_auto_delete_exchanges_go_with_their_last_binding(vhost: VHost, how: str) -> None:
    """A chain of them falls as a whole, whatever took the last binding away."""
    options = {**EXCHANGE, "auto_delete": True}
    first = vhost.declare_exchange("first", "fanout", **options)
    second = vhost.declare_exchange("second", "fanout", **options)
    last = vhost.declare_exchange("last", "fanout", **EXCHANGE)
    end = queue(vhost)
    vhost.bind(first, second, "", {})
    vhost.bind(second, last if how == "delete exchange" else end, "", {})
    if how == "unbind":
        vhost.unbind(second, end, "", {}, None)
    elif how == "delete queue":
        vhost.delete_queue(end)
    else:
        vhost.delete_exchange("last")
    assert not {"first", "second"} & vhost.exchanges.keys()


@pytest.mark.parametrize("name", ["one", "two", "three"])
def test_a_ring_of_auto_delete_exchanges(vhost: VHost, name: str) -> None:
    """Deleting any exchange of a ring, one bound to itself included, ends without error."""
    options = {**EXCHANGE, "auto_delete": True}
    ring = [vhost.declare_exchange(n, "fanout", **options) for n in ("one", "two", "three")]
    for source, destination in zip(ring, [*ring[1:], ring[0]], strict=True):
        vhost.bind(source, destination, "", {})
    vhost.bind(ring[0], ring[0], "self", {})
    vhost.delete_exchange(name)
    for other in list(vhost.exchanges):
        if not other.startswith("amq.") and other:
            vhost.delete_exchange(other)
    assert not {"one", "two", "three"} & vhost.exchanges.keys()


def test_every_change_of_routes_raises_the_version(vhost: VHost) -> None:
    """Whoever remembers a route learns of each change, and of nothing else."""
    seen = [vhost.version]

    def changed() -> bool:
        seen.append(vhost.version)
        return seen[-1] > seen[-2]

    exchange = vhost.declare_exchange("e", "direct", **EXCHANGE)
    assert changed()
    made = queue(vhost)
    assert changed()
    vhost.bind(exchange, made, "k", {})
    assert changed()
    vhost.bind(exchange, made, "k", {})
    queue(vhost)
    vhost.unbind(exchange, made, "other", {}, None)
    made.put(message())
    assert not changed()
    vhost.unbind(exchange, made, "k", {}, None)
    assert changed()
    vhost.delete_queue(made)
    assert changed()
    vhost.delete_exchange("e")
    assert changed()


def test_exclusive_consumers(vhost: VHost) -> None:
    """An exclusive consumer is alone: it neither joins others nor is joined."""
    made = queue(vhost)
    vhost.add_consumer(made, FakeConsumer(made))
    assert code_of(vhost.add_consumer, made, FakeConsumer(made, exclusive=True)) == 403
    alone = queue(vhost, "alone")
    vhost.add_consumer(alone, FakeConsumer(alone, exclusive=True))
    assert code_of(vhost.add_consumer, alone, FakeConsumer(alone)) == 403


def test_only_what_is_durable_is_stored() -> None:
    """Durable exchanges, queues and bindings between them reach the store, and leave it again."""
    store = MemoryStore()
    vhost = VHost("/", FakeClock(), store)
    durable = {"durable": True}
    for prefix, options in (("d", durable), ("t", {})):
        vhost.declare_exchange(f"{prefix}e", "direct", **{**EXCHANGE, **options})
        queue(vhost, f"{prefix}q", **options)
    queue(vhost, "mine", durable=True, owner=ME)
    for source in ("de", "te"):
        for destination in ("dq", "tq", "mine"):
            vhost.bind(vhost.exchange(source), vhost.queues[destination], "k", {})
    expected = [("exchange", "/", "de"), ("queue", "/", "dq"), ("binding", "/", "de", "dq")]
    assert store.calls == [(f"save {kind}", *rest) for kind, *rest in expected]
    store.commit()
    vhost.delete_exchange("de")
    vhost.delete_queue(vhost.queues["dq"])
    vhost.delete_queue(vhost.queues["tq"])
    vhost.drop_owner(ME)
    assert sorted(call[0] for call in store.calls) == [
        "drop binding",
        "drop exchange",
        "drop queue",
    ]


def test_a_lease_ends_when_nobody_uses_the_queue() -> None:
    """x-expires deletes a queue that had no consumer and no use for so long."""
    clock = FakeClock()
    vhost = VHost("/", clock)
    made = queue(vhost, arguments={"x-expires": 1000})
    clock.advance(0.9)
    queue(vhost, arguments={"x-expires": 1000})  # a redeclare is a use
    clock.advance(0.9)
    assert set(vhost.queues) == {"q"}
    consumer = FakeConsumer(made).start()
    clock.advance(5)
    assert set(vhost.queues) == {"q"}
    made.remove_consumer(consumer)
    clock.advance(0.9)
    assert set(vhost.queues) == {"q"}
    clock.advance(0.2)
    assert not vhost.queues
    assert clock.waiting == 0


class CountingClock(FakeClock):
    """Counts what it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.delays: list[float] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> FakeTimer:
        """Note the delay."""
        self.delays.append(delay)
        return super().call_later(delay, call)


def test_a_short_lease_of_a_queue_in_use_costs_little() -> None:
    """However short a lease is, a queue in use is looked at a hundred times a second at most."""
    clock = CountingClock()
    vhost = VHost("/", clock)
    consumer = FakeConsumer(queue(vhost, arguments={"x-expires": 1})).start()
    clock.advance(1)
    assert 10 < len(clock.delays) < 110
    assert min(clock.delays) >= 0.001
    consumer.queue.remove_consumer(consumer)
    clock.advance(0.02)
    assert not vhost.queues
