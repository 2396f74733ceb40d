"""Routing by the default, direct and fanout exchanges, and the order of what they route."""

import pytest

from suites import verify
from suites.amqp.steps import drain, take
from suites.amqp.topology import (
    EXCHANGE_TYPES,
    bind,
    bound_queue,
    new_exchange,
    own_queue,
    publish_keys,
)
from suites.clients.raw import RawClient
from suites.harness.names import Names

NO_ROUTE = 312
PERSISTENT = 2
MANY = 500


@pytest.mark.requirement("route/default-by-name")
def test_default_by_name(client: RawClient, names: Names) -> None:
    """Every queue is reached through the default exchange by its name, with no bind."""
    queue, other = own_queue(client, names), own_queue(client, names)
    client.publish(1, "", queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")
    verify.equal(drain(client, other), [], "arrived at another queue")


@pytest.mark.requirement("route/default-no-match")
def test_default_no_match(client: RawClient, names: Names) -> None:
    """What the default exchange has no queue for is dropped, or returned if mandatory."""
    missing = names()
    client.publish(1, "", missing, b"dropped")
    client.expect_nothing(1)
    client.publish(1, "", missing, b"returned", mandatory=True)
    returned = client.expect_content(1, "basic.return", b"returned")
    verify.equal(returned["reply_code"], NO_ROUTE, "reply code")


@pytest.mark.requirement("route/default-after-delete")
def test_default_after_delete(client: RawClient, names: Names) -> None:
    """The default exchange routes nothing to a queue that was deleted."""
    queue = own_queue(client, names)
    client.publish(1, "", queue, b"routed", mandatory=True)
    client.expect_nothing(1)
    client.call(1, "queue.delete", queue=queue)
    client.publish(1, "", queue, b"late", mandatory=True)
    client.expect_content(1, "basic.return", b"late")


@pytest.mark.requirement("route/direct-exact")
def test_direct_exact(client: RawClient, names: Names) -> None:
    """A direct exchange routes to the queues whose binding key equals the routing key."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "a.b")
    publish_keys(client, exchange, ["a", "a.b.c", "a.*", "#", "", " a.b", "a.b ", "a.b"])
    verify.equal(drain(client, queue), [b"a.b"], "arrived")


@pytest.mark.requirement("route/direct-exact")
def test_direct_wildcards(client: RawClient, names: Names) -> None:
    """A direct exchange knows no wildcards."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "#")
    publish_keys(client, exchange, ["a", "", "#"])
    verify.equal(drain(client, queue), [b"#"], "arrived")


@pytest.mark.requirement("route/direct-case-sensitive")
def test_direct_case_sensitive(client: RawClient, names: Names) -> None:
    """Keys that differ in case are different keys."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "Key")
    publish_keys(client, exchange, ["key", "KEY", "Key"])
    verify.equal(drain(client, queue), [b"Key"], "arrived")


@pytest.mark.requirement("route/direct-empty-key")
def test_direct_empty_key(client: RawClient, names: Names) -> None:
    """An empty binding key is equal to an empty routing key, and to no other."""
    exchange, queue = new_exchange(client, names), own_queue(client, names)
    bind(client, queue, exchange, "")
    client.publish(1, exchange, "key", b"with a key")
    client.publish(1, exchange, queue, b"with the name")
    client.publish(1, exchange, "", b"without a key")
    verify.equal(drain(client, queue), [b"without a key"], "arrived")


@pytest.mark.requirement("route/direct-multi-queue")
def test_direct_multi_queue(client: RawClient, names: Names) -> None:
    """Each queue that is bound with the key has its own copy."""
    exchange = new_exchange(client, names)
    queues = [bound_queue(client, names, exchange, "key") for _ in range(3)]
    other = bound_queue(client, names, exchange, "other")
    client.publish(1, exchange, "key", b"copied")
    for queue in queues:
        verify.equal(drain(client, queue), [b"copied"], "arrived")
    verify.equal(drain(client, other), [], "arrived by another key")


@pytest.mark.requirement("route/direct-args-ignored")
def test_direct_args_ignored(client: RawClient, names: Names) -> None:
    """The arguments of a binding to a direct exchange filter nothing."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key", **{"x-match": "all", "a": 1})
    client.publish(1, exchange, "key", b"no header")
    client.publish(1, exchange, "key", b"other header", headers={"a": 2})
    client.publish(1, exchange, "other", b"other key", headers={"a": 1})
    verify.equal(drain(client, queue), [b"no header", b"other header"], "arrived")


@pytest.mark.requirement("route/fanout-all")
def test_fanout_all(client: RawClient, names: Names) -> None:
    """A fanout exchange reaches every bound queue, whatever the keys."""
    exchange = new_exchange(client, names, "fanout")
    queues = [bound_queue(client, names, exchange, key) for key in ("", "one", "#")]
    unbound = own_queue(client, names)
    publish_keys(client, exchange, ["two", ""])
    for queue in queues:
        verify.equal(drain(client, queue), [b"two", b""], "arrived")
    verify.equal(drain(client, unbound), [], "arrived without a binding")


@pytest.mark.requirement("route/one-copy-per-queue")
@pytest.mark.parametrize("kind", ["fanout", "topic", "headers"])
def test_one_copy_per_queue(client: RawClient, names: Names, kind: str) -> None:
    """A queue with several bindings that match has one copy."""
    exchange = new_exchange(client, names, kind)
    queue = own_queue(client, names)
    for key in ("a.b", "a.*", "#"):
        bind(client, queue, exchange, key)
    client.publish(1, exchange, "a.b", b"once")
    verify.equal(drain(client, queue), [b"once"], "arrived")


@pytest.mark.requirement("route/order-per-path")
def test_order_per_path(client: RawClient, names: Names) -> None:
    """One publisher's messages reach one consumer in the order they were published."""
    exchange = new_exchange(client, names, "topic")
    queue = bound_queue(client, names, exchange, "#")
    client.open_channel(2)
    client.consume(2, queue, no_ack=True)
    bodies = [b"%d" % number for number in range(MANY)]
    for body in bodies:
        client.publish(1, exchange, "any.key", body)
    take(client, *bodies, channel=2)


@pytest.mark.requirement("route/order-mixed-persistence")
@pytest.mark.parametrize("durable", [True, False])
def test_order_mixed_persistence(client: RawClient, names: Names, durable: bool) -> None:
    """Persistent and transient messages stay in the order they were published."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, durable=durable, exclusive=not durable)
    bodies = [b"%d" % number for number in range(MANY)]
    for number, body in enumerate(bodies):
        client.publish(1, "", queue, body, delivery_mode=1 + number % PERSISTENT)
    client.consume(1, queue, no_ack=True)
    take(client, *bodies)


@pytest.mark.requirement("route/mandatory-across-types")
@pytest.mark.parametrize("kind", EXCHANGE_TYPES)
def test_mandatory_across_types(client: RawClient, names: Names, kind: str) -> None:
    """An exchange of any type gives back a mandatory message that matches no binding."""
    exchange = new_exchange(client, names, kind)
    if kind != "fanout":
        bound_queue(client, names, exchange, "other", **{"x-match": "all", "a": 1})
    client.publish(1, exchange, "key", b"unroutable", mandatory=True)
    returned = client.expect_content(1, "basic.return", b"unroutable")
    said = (returned["reply_code"], returned["exchange"], returned["routing_key"])
    verify.equal(said, (NO_ROUTE, exchange, "key"), "returned")
