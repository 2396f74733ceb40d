"""Exclusive queues: whose they are, and when they go."""

from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import (
    bind,
    bound_queue,
    expect_no_queue,
    expect_queue,
    leave,
    new_exchange,
    own_queue,
)
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

MANY = 300


def refused_use(identifier: str, method: str, **arguments: Any) -> Any:
    """One use of another connection's exclusive queue, which decides this requirement."""
    name = identifier.removeprefix("queue/exclusive-").removesuffix("-other")
    mark = pytest.mark.requirement(identifier)
    return pytest.param(method, arguments, marks=mark, id=name)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        refused_use("queue/exclusive-declare-other", "queue.declare", exclusive=True),
        refused_use("queue/exclusive-passive-other", "queue.declare", passive=True),
        refused_use("queue/exclusive-bind-other", "queue.bind", exchange="amq.fanout"),
        refused_use("queue/exclusive-purge-other", "queue.purge"),
        refused_use("queue/exclusive-delete-other", "queue.delete"),
        refused_use("queue/exclusive-consume-other", "basic.consume"),
        refused_use("queue/exclusive-get-other", "basic.get"),
    ],
)
def test_other_connection(
    client: RawClient, raw: RawClients, names: Names, method: str, arguments: dict[str, Any]
) -> None:
    """Another connection that uses an exclusive queue has its channel closed with 405."""
    queue = own_queue(client, names)
    client.publish(1, "", queue, b"kept")
    other = raw()
    other.send(1, method, queue=queue, **arguments)
    other.expect_channel_close(1, 405, method=method)
    verify.equal(drain(client, queue), [b"kept"], "in the queue")


@pytest.mark.requirement("queue/exclusive-unbind-other")
def test_unbind_other(client: RawClient, raw: RawClients, names: Names) -> None:
    """Another connection that unbinds an exclusive queue has its channel closed with 405."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    other = raw()
    other.send(1, "queue.unbind", queue=queue, exchange=exchange, routing_key="key")
    other.expect_channel_close(1, 405, method="queue.unbind")
    client.publish(1, exchange, "key", b"bound")
    verify.equal(drain(client, queue), [b"bound"], "arrived")


@pytest.mark.requirement("queue/exclusive-own")
def test_own(client: RawClient, names: Names) -> None:
    """An exclusive queue can be used from every channel of its connection."""
    queue, exchange = own_queue(client, names), new_exchange(client, names)
    client.open_channel(2)
    client.call(2, "queue.declare", queue=queue, exclusive=True)
    client.call(2, "queue.bind", queue=queue, exchange=exchange)
    client.call(2, "queue.unbind", queue=queue, exchange=exchange)
    client.publish(2, "", queue, b"routed")
    verify.equal(drain(client, queue, channel=2), [b"routed"], "got on channel 2")
    client.consume(2, queue)
    client.call(2, "queue.purge", queue=queue)
    client.call(2, "queue.delete", queue=queue)


@pytest.mark.requirement("queue/exclusive-publish-other")
def test_publish_other(client: RawClient, raw: RawClients, names: Names) -> None:
    """Every connection may publish to an exclusive queue."""
    queue = own_queue(client, names)
    client.consume(1, queue, no_ack=True)
    other = raw()
    other.publish(1, "", queue, b"from the other", mandatory=True)
    client.expect_content(1, "basic.deliver", b"from the other")
    other.expect_nothing(1)


@pytest.mark.requirement("queue/exclusive-before-equivalence")
def test_before_equivalence(client: RawClient, raw: RawClients, names: Names) -> None:
    """Another connection that declares it otherwise hears 405 of the owner, not 406."""
    queue = own_queue(client, names)
    other = raw()
    other.send(1, "queue.declare", queue=queue, durable=True, auto_delete=True)
    other.expect_channel_close(1, 405, method="queue.declare")


@pytest.mark.requirement("queue/exclusive-survives-channel")
def test_survives_channel(client: RawClient, names: Names) -> None:
    """An exclusive queue belongs to the connection: closing the channel that made it keeps it."""
    client.open_channel(2)
    queue = names()
    client.call(2, "queue.declare", queue=queue, exclusive=True)
    client.call(2, "channel.close", reply_code=200)
    expect_queue(client, queue)


@pytest.mark.requirement("queue/exclusive-gone-on-close")
def test_gone_on_close(client: RawClient, raw: RawClients, names: Names) -> None:
    """When the owner hears Close-Ok its exclusive queues are gone."""
    owner = raw()
    queue = own_queue(owner, names)
    leave(owner)
    expect_no_queue(client, queue)


@pytest.mark.requirement("queue/exclusive-many-on-close")
def test_many_on_close(client: RawClient, raw: RawClients) -> None:
    """However many exclusive queues a connection has, all are gone when it hears Close-Ok."""
    owner = raw()
    queues = [owner.call(1, "queue.declare", exclusive=True)["queue"] for _ in range(MANY)]
    leave(owner)
    for queue in queues:
        client.publish(1, "", queue, queue.encode(), mandatory=True)
    for queue in queues:
        client.expect_content(1, "basic.return", queue.encode())


@pytest.mark.requirement("queue/exclusive-gone-on-drop")
def test_gone_on_drop(client: RawClient, raw: RawClients, names: Names) -> None:
    """When the owner's socket is lost its exclusive queues go soon after."""
    owner = raw()
    queue = own_queue(owner, names)
    owner.link.reset()
    verify.eventually(lambda: is_unrouted(client, queue), "gone after the drop")


def is_unrouted(client: RawClient, queue: str) -> bool:
    """Whether the default exchange has no queue of this name."""
    client.publish(1, "", queue, b"probe", mandatory=True)
    client.sync(1)
    try:
        client.expect_quiet(1)
    except verify.Mismatch:
        client.expect_content(1, "basic.return", b"probe")
        return True
    return False


@pytest.mark.requirement("queue/exclusive-redeclare-after-reconnect")
def test_redeclare_after_reconnect(raw: RawClients, names: Names) -> None:
    """An owner that lost its socket may declare its queue anew soon after, past some 405."""
    owner = raw()
    queue = own_queue(owner, names)
    owner.link.reset()
    heir = raw()
    verify.eventually(lambda: is_declared(heir, queue), "declared anew")
    heir.publish(1, "", queue, b"routed")
    verify.equal(drain(heir, queue), [b"routed"], "arrived")


def is_declared(client: RawClient, queue: str) -> bool:
    """Whether the exclusive queue can be declared now: not while another connection owns it."""
    client.send(1, "queue.declare", queue=queue, exclusive=True)
    try:
        client.expect(1, "queue.declare-ok")
    except verify.Mismatch as other:
        verify.equal(other.actual, "channel.close 405", "the answer that is no Declare-Ok")
        client.send(1, "channel.close-ok")
        client.open_channel(1)
        return False
    return True


@pytest.mark.requirement("queue/exclusive-durable")
def test_durable(client: RawClient, raw: RawClients, names: Names) -> None:
    """A queue may be exclusive and durable, and still goes with its connection."""
    owner = raw()
    queue = names()
    owner.call(1, "queue.declare", queue=queue, exclusive=True, durable=True)
    bind(owner, queue, "amq.fanout")
    leave(owner)
    expect_no_queue(client, queue)
