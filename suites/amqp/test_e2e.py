"""RabbitMQ's exchange-to-exchange bindings: exchange.bind and exchange.unbind."""

from itertools import pairwise
from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import (
    bind,
    bound_queue,
    expect_exchange,
    expect_no_exchange,
    new_exchange,
    own_queue,
    publish_keys,
)
from suites.brokers.base import Broker
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("exchange_exchange_bindings")

PERSISTENT = 2


def chain(
    client: RawClient, source: str, destination: str, key: str = "", **arguments: Any
) -> None:
    """Bind the destination exchange to the source on channel 1."""
    client.call(
        1,
        "exchange.bind",
        source=source,
        destination=destination,
        routing_key=key,
        arguments=arguments,
    )


def pair(client: RawClient, names: Names, **flags: Any) -> tuple[str, str]:
    """Two fanout exchanges, the second bound to the first; `flags` are both's."""
    source = new_exchange(client, names, "fanout", **flags)
    destination = new_exchange(client, names, "fanout", **flags)
    chain(client, source, destination)
    return source, destination


@pytest.mark.requirement("e2e/bind-routes")
def test_bind_routes(client: RawClient, names: Names) -> None:
    """A message passes from the source through the destination to its queues, and is itself."""
    source, destination = pair(client, names)
    queue = bound_queue(client, names, destination)
    beside = bound_queue(client, names, source)
    client.consume(1, queue, no_ack=True)
    client.publish(1, source, "my.key", b"through", mandatory=True)
    delivery = client.expect_content(1, "basic.deliver", b"through")
    verify.equal((delivery["exchange"], delivery["routing_key"]), (source, "my.key"), "origin")
    verify.equal(drain(client, beside), [b"through"], "at the source's own queue")
    client.expect_quiet(1)


@pytest.mark.requirement("e2e/bind-routes")
def test_one_way(client: RawClient, names: Names) -> None:
    """Nothing passes from the destination to the source."""
    source, destination = pair(client, names)
    queue = bound_queue(client, names, source)
    client.publish(1, destination, "", b"backwards")
    client.publish(1, source, "", b"forwards")
    verify.equal(drain(client, queue), [b"forwards"], "at the source's queue")


@pytest.mark.requirement("e2e/bind-routes")
def test_bind_nowait(client: RawClient, names: Names) -> None:
    """A bind with no-wait has no reply, and the binding routes."""
    source = new_exchange(client, names, "fanout")
    destination = new_exchange(client, names, "fanout")
    queue = bound_queue(client, names, destination)
    client.send(1, "exchange.bind", source=source, destination=destination, no_wait=True)
    client.expect_nothing(1)
    client.publish(1, source, "", b"through")
    verify.equal(drain(client, queue), [b"through"], "arrived")


@pytest.mark.requirement("e2e/unbind-stops")
def test_unbind_stops(client: RawClient, names: Names) -> None:
    """After exchange.unbind nothing passes by that binding; others of the pair stay."""
    source = new_exchange(client, names)
    destination = new_exchange(client, names, "fanout")
    queue = bound_queue(client, names, destination)
    for key in ("one", "two"):
        chain(client, source, destination, key)
    publish_keys(client, source, ["one", "two"])
    verify.equal(drain(client, queue), [b"one", b"two"], "arrived before")
    client.call(1, "exchange.unbind", source=source, destination=destination, routing_key="one")
    publish_keys(client, source, ["one", "two"])
    verify.equal(drain(client, queue), [b"two"], "arrived after")


@pytest.mark.requirement("e2e/missing-source")
def test_missing_source(client: RawClient, names: Names) -> None:
    """Binding to a source that is not there closes the channel with 404."""
    destination = new_exchange(client, names)
    client.send(1, "exchange.bind", source=names("exchange"), destination=destination)
    client.expect_channel_close(1, 404, method="exchange.bind")


@pytest.mark.requirement("e2e/missing-destination")
def test_missing_destination(client: RawClient, names: Names) -> None:
    """Binding a destination that is not there closes the channel with 404."""
    source = new_exchange(client, names)
    client.send(1, "exchange.bind", source=source, destination=names("exchange"))
    client.expect_channel_close(1, 404, method="exchange.bind")


@pytest.mark.requirement("e2e/default-source")
def test_default_source(client: RawClient, names: Names) -> None:
    """An empty name of the source stands for the default exchange."""
    destination, key = new_exchange(client, names, "fanout"), names()
    queue = bound_queue(client, names, destination)
    client.call(1, "exchange.bind", source="", destination=destination, routing_key=key)
    client.publish(1, "", key, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("e2e/default-destination")
def test_default_destination(client: RawClient, names: Names) -> None:
    """An empty name of the destination stands for the default exchange."""
    source, queue = new_exchange(client, names, "fanout"), own_queue(client, names)
    client.call(1, "exchange.bind", source=source, destination="", routing_key="key")
    client.publish(1, source, queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("e2e/default-unbind")
@pytest.mark.parametrize("end", ["source", "destination"])
def test_default_unbind(client: RawClient, names: Names, end: str) -> None:
    """In unbind, too, an empty name of either end stands for the default exchange."""
    ends: dict[str, Any] = {"source": "amq.direct", "destination": new_exchange(client, names)}
    ends[end] = ""
    client.call(1, "exchange.unbind", routing_key="key", **ends)


@pytest.mark.requirement("e2e/duplicate-bind")
def test_duplicate_bind(client: RawClient, names: Names) -> None:
    """The same binding may be made twice: it is one, gives one copy, and one unbind ends it."""
    source, destination = pair(client, names)
    chain(client, source, destination)
    queue = bound_queue(client, names, destination)
    client.publish(1, source, "", b"once")
    verify.equal(drain(client, queue), [b"once"], "arrived")
    client.call(1, "exchange.unbind", source=source, destination=destination)
    client.publish(1, source, "", b"unbound")
    verify.equal(drain(client, queue), [], "arrived after the unbind")


@pytest.mark.requirement("e2e/self-bind")
def test_self_bind(client: RawClient, names: Names) -> None:
    """An exchange may be bound to itself; its queues get one copy."""
    exchange = new_exchange(client, names, "fanout")
    chain(client, exchange, exchange)
    queue = bound_queue(client, names, exchange)
    client.publish(1, exchange, "", b"once")
    verify.equal(drain(client, queue), [b"once"], "arrived")


@pytest.mark.requirement("e2e/cycle")
def test_cycle(client: RawClient, names: Names) -> None:
    """Exchanges may be bound in a cycle; the queues of each get one copy."""
    ring = [new_exchange(client, names, "fanout") for _ in range(3)]
    for source, destination in zip(ring, ring[1:] + ring[:1], strict=True):
        chain(client, source, destination)
    queues = [bound_queue(client, names, exchange) for exchange in ring]
    client.publish(1, ring[0], "", b"once")
    for queue in queues:
        verify.equal(drain(client, queue), [b"once"], "arrived")


@pytest.mark.requirement("e2e/diamond")
def test_diamond(client: RawClient, names: Names) -> None:
    """A queue that two ways lead to gets one copy."""
    source = new_exchange(client, names, "fanout")
    queue = own_queue(client, names)
    for _ in range(2):
        way = new_exchange(client, names, "fanout")
        chain(client, source, way)
        bind(client, queue, way)
    client.publish(1, source, "", b"once")
    verify.equal(drain(client, queue), [b"once"], "arrived")


@pytest.mark.requirement("e2e/unbind-missing")
def test_unbind_missing(client: RawClient, names: Names) -> None:
    """Unbinding what is not bound succeeds."""
    source, destination = new_exchange(client, names), new_exchange(client, names)
    client.call(1, "exchange.unbind", routing_key="key", source=source, destination=destination)


@pytest.mark.requirement("e2e/unbind-missing-end")
@pytest.mark.parametrize("missing", ["source", "destination"])
def test_unbind_missing_end(client: RawClient, names: Names, missing: str) -> None:
    """Unbinding from or of an exchange that is not there closes the channel with 404."""
    ends = {end: new_exchange(client, names) for end in ("source", "destination")}
    ends[missing] = names("exchange")
    client.send(1, "exchange.unbind", routing_key="key", **ends)
    client.expect_channel_close(1, 404, method="exchange.unbind")


@pytest.mark.requirement("e2e/source-deleted")
def test_source_deleted(client: RawClient, names: Names) -> None:
    """A deleted source takes its bindings with it: its successor has none of them."""
    source, destination = pair(client, names)
    queue = bound_queue(client, names, destination)
    client.call(1, "exchange.delete", exchange=source)
    client.call(1, "exchange.declare", exchange=source, type="fanout")
    client.publish(1, source, "", b"unbound", mandatory=True)
    client.expect_content(1, "basic.return", b"unbound")
    chain(client, source, destination)
    client.publish(1, source, "", b"bound")
    verify.equal(drain(client, queue), [b"bound"], "arrived")


@pytest.mark.requirement("e2e/source-deleted")
def test_source_deleted_destination_stays(client: RawClient, names: Names) -> None:
    """An auto-delete destination stays without its source: it has lost none of its own bindings."""
    source = new_exchange(client, names, "fanout")
    destination = new_exchange(client, names, "fanout", auto_delete=True)
    chain(client, source, destination)
    client.call(1, "exchange.delete", exchange=source)
    expect_exchange(client, destination)


@pytest.mark.requirement("e2e/destination-deleted")
def test_destination_deleted(client: RawClient, names: Names) -> None:
    """A deleted destination takes the binding with it: an auto-delete source goes."""
    source = new_exchange(client, names, "fanout", auto_delete=True)
    destination = new_exchange(client, names, "fanout")
    chain(client, source, destination)
    expect_exchange(client, source)
    client.call(1, "exchange.delete", exchange=destination)
    expect_no_exchange(client, source)


@pytest.mark.requirement("e2e/destination-deleted")
def test_destination_redeclared(client: RawClient, names: Names) -> None:
    """A destination that is declared again has none of its former bindings."""
    source, destination = pair(client, names)
    client.call(1, "exchange.delete", exchange=destination)
    client.call(1, "exchange.declare", exchange=destination, type="fanout")
    bound_queue(client, names, destination)
    client.publish(1, source, "", b"unbound", mandatory=True)
    client.expect_content(1, "basic.return", b"unbound")


@pytest.mark.requirement("e2e/autodelete-chain")
def test_autodelete_chain(client: RawClient, names: Names) -> None:
    """Auto-delete exchanges that are bound in a chain go one after the other with the queue."""
    exchanges = [new_exchange(client, names, "fanout", auto_delete=True) for _ in range(3)]
    for source, destination in pairwise(exchanges):
        chain(client, source, destination)
    queue = bound_queue(client, names, exchanges[-1])
    for exchange in exchanges:
        expect_exchange(client, exchange)
    client.call(1, "queue.delete", queue=queue)
    for exchange in exchanges:
        expect_no_exchange(client, exchange)


@pytest.mark.needs("restart", "durable")
@pytest.mark.requirement("e2e/durable-survives")
def test_durable_survives(client: RawClient, raw: RawClients, broker: Broker, names: Names) -> None:
    """A binding between durable exchanges is there after a restart."""
    source, destination = pair(client, names, durable=True)
    queue = names()
    client.call(1, "queue.declare", queue=queue, durable=True)
    bind(client, queue, destination)
    client.close()
    broker.restart()
    after = raw()
    after.publish(1, source, "", b"through", delivery_mode=PERSISTENT)
    verify.equal(drain(after, queue), [b"through"], "arrived")


@pytest.mark.requirement("e2e/topic-patterns")
def test_topic_patterns(client: RawClient, names: Names) -> None:
    """A topic source matches its patterns for exchanges as it does for queues."""
    source = new_exchange(client, names, "topic")
    keys = ["a", "a.b", "a.b.c", "b.c"]
    patterns = {"a.*": [b"a.b"], "a.#": [b"a", b"a.b", b"a.b.c"], "#.c": [b"a.b.c", b"b.c"]}
    queues = {}
    for pattern in patterns:
        destination = new_exchange(client, names, "fanout")
        chain(client, source, destination, pattern)
        queues[pattern] = bound_queue(client, names, destination)
    publish_keys(client, source, keys)
    arrived = {pattern: drain(client, queue) for pattern, queue in queues.items()}
    verify.equal(arrived, patterns, "arrived")
