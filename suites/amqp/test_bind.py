"""queue.bind and queue.unbind."""

from collections.abc import Callable

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import (
    bind,
    bound_queue,
    new_exchange,
    own_queue,
    publish_keys,
    shared_queue,
    unbind,
)
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

LEAST_BINDINGS = 4
ROUNDS = 50
MANY = 10_000
SLOW = 60.0  # seconds that so many bindings may take to make or to remove


@pytest.mark.requirement("bind/duplicate")
def test_duplicate(client: RawClient, names: Names) -> None:
    """The same binding may be made twice: it is one, gives one copy, and one unbind ends it."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    bind(client, queue, exchange, "key")
    client.publish(1, exchange, "key", b"once")
    verify.equal(drain(client, queue), [b"once"], "arrived")
    unbind(client, queue, exchange, "key")
    client.publish(1, exchange, "key", b"unbound")
    verify.equal(drain(client, queue), [], "arrived after the unbind")


@pytest.mark.requirement("bind/missing-queue")
def test_missing_queue(client: RawClient, names: Names) -> None:
    """Binding a queue that is not there closes the channel with 404."""
    exchange = new_exchange(client, names)
    client.send(1, "queue.bind", queue=names(), exchange=exchange)
    client.expect_channel_close(1, 404, method="queue.bind")


@pytest.mark.requirement("bind/missing-exchange")
def test_missing_exchange(client: RawClient, names: Names) -> None:
    """Binding to an exchange that is not there closes the channel with 404."""
    queue = own_queue(client, names)
    client.send(1, "queue.bind", queue=queue, exchange=names("exchange"))
    client.expect_channel_close(1, 404, method="queue.bind")


@pytest.mark.requirement("bind/default-exchange")
def test_default_exchange(client: RawClient, names: Names) -> None:
    """A queue may be bound to the default exchange, whose name is empty."""
    queue = own_queue(client, names)
    client.send(1, "queue.bind", queue=queue, exchange="", routing_key=f"{queue}.alias")
    client.expect(1, "queue.bind-ok")


@pytest.mark.requirement("bind/unbind-default-exchange")
def test_unbind_default_exchange(client: RawClient, names: Names) -> None:
    """A queue may be unbound from the default exchange, whose name is empty."""
    queue = own_queue(client, names)
    client.send(1, "queue.unbind", queue=queue, exchange="", routing_key=queue)
    client.expect(1, "queue.unbind-ok")


@pytest.mark.requirement("bind/unbind-stops-routing")
def test_unbind_stops_routing(client: RawClient, names: Names) -> None:
    """After an unbind the binding routes nothing; what it routed before stays."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    client.publish(1, exchange, "key", b"before")
    unbind(client, queue, exchange, "key")
    client.publish(1, exchange, "key", b"after")
    verify.equal(drain(client, queue), [b"before"], "arrived")


@pytest.mark.requirement("bind/unbind-missing-binding")
def test_unbind_missing_binding(
    client: RawClient, raw: RawClients, names: Names, observe: Callable[[str], None]
) -> None:
    """Unbinding what is not bound succeeds or is an exception, and leaves other bindings alone."""
    exchange = new_exchange(client, names)
    queue = names()
    maker = raw()
    maker.call(1, "queue.declare", queue=queue, durable=True)
    bind(maker, queue, exchange, "key")
    client.send(1, "queue.unbind", queue=queue, exchange=exchange, routing_key="other")
    answer = client.read_method(1)
    lawful = {"queue.unbind-ok", "channel.close 404", "connection.close 404"}
    verify.true(str(answer) in lawful, "unbind-ok or a 404", str(answer))
    maker.publish(1, exchange, "key", b"bound")
    verify.equal(drain(maker, queue), [b"bound"], "arrived")
    observe(str(answer))


@pytest.mark.requirement("bind/unbind-missing-queue")
def test_unbind_missing_queue(client: RawClient, names: Names) -> None:
    """Unbinding a queue that is not there closes the channel with 404."""
    exchange = new_exchange(client, names)
    client.send(1, "queue.unbind", queue=names(), exchange=exchange, routing_key="key")
    client.expect_channel_close(1, 404, method="queue.unbind")


@pytest.mark.requirement("bind/unbind-missing-exchange")
def test_unbind_missing_exchange(client: RawClient, names: Names) -> None:
    """Unbinding from an exchange that is not there closes the channel with 404."""
    queue = own_queue(client, names)
    client.send(1, "queue.unbind", queue=queue, exchange=names("exchange"), routing_key="key")
    client.expect_channel_close(1, 404, method="queue.unbind")


@pytest.mark.requirement("bind/unbind-exact-args")
def test_unbind_exact_args(client: RawClient, names: Names) -> None:
    """An unbind takes away the binding with the same key and arguments, and no other."""
    exchange = new_exchange(client, names, "headers")
    queue = bound_queue(client, names, exchange, "key", **{"x-match": "all", "a": 1})
    bind(client, queue, exchange, "key", **{"x-match": "all", "a": 2})
    client.call(
        1,
        "queue.unbind",
        queue=queue,
        exchange=exchange,
        routing_key="key",
        arguments={"x-match": "all", "a": 1},
    )
    client.publish(1, exchange, "", b"one", headers={"a": 1})
    client.publish(1, exchange, "", b"two", headers={"a": 2})
    verify.equal(drain(client, queue), [b"two"], "arrived")


@pytest.mark.requirement("bind/unbind-exact-args")
def test_unbind_exact_key(client: RawClient, names: Names) -> None:
    """An unbind with one of a queue's keys leaves the others."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "one")
    bind(client, queue, exchange, "two")
    unbind(client, queue, exchange, "one")
    publish_keys(client, exchange, ["one", "two"])
    verify.equal(drain(client, queue), [b"two"], "arrived")


@pytest.mark.requirement("bind/durable-to-transient")
def test_durable_to_transient(client: RawClient, names: Names) -> None:
    """A durable queue may be bound to a transient exchange."""
    exchange, queue = new_exchange(client, names, durable=False), shared_queue(client, names)
    bind(client, queue, exchange, "key")
    client.publish(1, exchange, "key", b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("bind/multiple-exchanges")
def test_multiple_exchanges(client: RawClient, names: Names) -> None:
    """One queue can have at least four bindings, each to another exchange."""
    queue = own_queue(client, names)
    exchanges = [new_exchange(client, names) for _ in range(LEAST_BINDINGS + 1)]
    for exchange in exchanges:
        bind(client, queue, exchange, "key")
    for exchange in exchanges:
        client.publish(1, exchange, "key", exchange.encode())
    verify.equal(drain(client, queue), [e.encode() for e in exchanges], "arrived")


@pytest.mark.requirement("bind/effect-after-bind-ok")
def test_effect_after_bind_ok(client: RawClient, raw: RawClients, names: Names) -> None:
    """What anyone publishes after Bind-Ok is routed by the binding."""
    exchange, queue = new_exchange(client, names), shared_queue(client, names)
    other = raw()
    keys = [f"key.{number}" for number in range(ROUNDS)]
    for key in keys:
        other.publish(1, exchange, key, b"too early", mandatory=True)
        other.expect_content(1, "basic.return", b"too early")
        bind(client, queue, exchange, key)
        other.publish(1, exchange, key, key.encode(), mandatory=True)
    other.expect_nothing(1)
    verify.equal(drain(other, queue), [key.encode() for key in keys], "arrived")


@pytest.mark.requirement("bind/effect-before-unbind-ok")
def test_effect_before_unbind_ok(client: RawClient, raw: RawClients, names: Names) -> None:
    """What anyone publishes after Unbind-Ok is no longer routed by the binding."""
    exchange, queue = new_exchange(client, names), shared_queue(client, names)
    keys = [f"key.{number}" for number in range(ROUNDS)]
    for key in keys:
        bind(client, queue, exchange, key)
    other = raw()
    for key in keys:
        unbind(client, queue, exchange, key)
        other.publish(1, exchange, key, key.encode(), mandatory=True)
    for key in keys:
        other.expect_content(1, "basic.return", key.encode())
    verify.equal(drain(other, queue), [], "arrived")


@pytest.mark.requirement("bind/many")
def test_many(raw: RawClients, names: Names) -> None:
    """Ten thousand bindings of one topic exchange route as a few do."""
    client = raw(timeout=SLOW)
    exchange, queue = new_exchange(client, names, "topic"), own_queue(client, names)
    for number in range(MANY):
        client.send(
            1,
            "queue.bind",
            queue=queue,
            exchange=exchange,
            routing_key=f"a.{number}.*",
            no_wait=True,
        )
    client.sync(1)
    keys = [f"a.{number}.b" for number in (0, 1, MANY // 2, MANY - 1)]
    publish_keys(client, exchange, [*keys, f"a.{MANY}.b", "a.0"])
    verify.equal(drain(client, queue), [key.encode() for key in keys], "arrived")
    client.call(1, "exchange.delete", exchange=exchange)


@pytest.mark.requirement("bind/concurrent")
def test_concurrent(client: RawClient, raw: RawClients, names: Names) -> None:
    """While a binding comes and goes, each message is routed once or not at all, and in order."""
    exchange, queue = new_exchange(client, names, "topic"), shared_queue(client, names)
    bind(client, queue, exchange, "steady.#")
    publisher = raw()
    for number in range(ROUNDS):
        change = "queue.bind" if number % 2 == 0 else "queue.unbind"
        client.send(1, change, queue=queue, exchange=exchange, routing_key="#")
        publisher.publish(1, exchange, "steady", b"steady %d" % number)
        publisher.publish(1, exchange, "fleeting", b"fleeting %d" % number)
        client.expect(1, f"{change}-ok")
    arrived = drain(publisher, queue)
    steady = [body for body in arrived if body.startswith(b"steady")]
    verify.equal(steady, [b"steady %d" % number for number in range(ROUNDS)], "steady messages")
    verify.equal(len(set(arrived)), len(arrived), "different messages")


@pytest.mark.requirement("bind/nowait")
def test_nowait(client: RawClient, names: Names) -> None:
    """A bind with no-wait has no reply, and the binding routes."""
    exchange, queue = new_exchange(client, names), own_queue(client, names)
    client.send(1, "queue.bind", queue=queue, exchange=exchange, routing_key="key", no_wait=True)
    client.expect_nothing(1)
    client.publish(1, exchange, "key", b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")
