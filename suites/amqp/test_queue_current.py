"""The current queue: what an empty queue name means once a queue was declared on the channel."""

from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import (
    bind,
    bound_queue,
    expect_no_queue,
    expect_queue,
    new_exchange,
    own_queue,
)
from suites.clients.raw import RawClient
from suites.harness.names import Names

USES: dict[str, dict[str, Any]] = {
    "queue.bind": {"exchange": "amq.direct", "routing_key": "key"},
    "queue.unbind": {"exchange": "amq.direct", "routing_key": "key"},
    "queue.purge": {},
    "queue.delete": {},
    "basic.consume": {},
    "basic.get": {},
}


def two_queues(client: RawClient, names: Names) -> tuple[str, str]:
    """Two queues with a message in each; the second one is current on channel 1."""
    pair = own_queue(client, names), own_queue(client, names)
    for queue, body in zip(pair, (b"first", b"second"), strict=True):
        client.publish(1, "", queue, body)
    return pair


@pytest.mark.requirement("queue/current-queue")
def test_get(client: RawClient, names: Names) -> None:
    """basic.get without a name takes from the queue that was declared last."""
    two_queues(client, names)
    verify.equal(drain(client, ""), [b"second"], "got")


@pytest.mark.requirement("queue/current-queue")
def test_consume(client: RawClient, names: Names) -> None:
    """basic.consume without a name is served from the queue that was declared last."""
    two_queues(client, names)
    client.consume(1, "", no_ack=True)
    client.expect_content(1, "basic.deliver", b"second")
    client.expect_nothing(1)


@pytest.mark.requirement("queue/current-queue")
def test_purge(client: RawClient, names: Names) -> None:
    """queue.purge without a name empties the queue that was declared last."""
    first, second = two_queues(client, names)
    client.call(1, "queue.purge", queue="")
    verify.equal(drain(client, second), [], "in the second queue")
    verify.equal(drain(client, first), [b"first"], "in the first queue")


@pytest.mark.requirement("queue/current-queue")
def test_delete(client: RawClient, names: Names) -> None:
    """queue.delete without a name deletes the queue that was declared last."""
    first, second = two_queues(client, names)
    client.call(1, "queue.delete", queue="")
    expect_queue(client, first)
    expect_no_queue(client, second)


@pytest.mark.requirement("queue/current-queue")
def test_bind(client: RawClient, names: Names) -> None:
    """queue.bind without a name binds the queue that was declared last."""
    exchange = new_exchange(client, names)
    first, second = own_queue(client, names), own_queue(client, names)
    bind(client, "", exchange, "key")
    client.publish(1, exchange, "key", b"bound")
    verify.equal(drain(client, second), [b"bound"], "in the second queue")
    verify.equal(drain(client, first), [], "in the first queue")


@pytest.mark.requirement("queue/current-queue")
def test_bind_without_key(client: RawClient, names: Names) -> None:
    """queue.bind without a name and key binds by the name of the queue that was declared last."""
    exchange = new_exchange(client, names)
    queue = own_queue(client, names)
    bind(client, "", exchange, "")
    client.publish(1, exchange, "", b"by the empty key")
    client.publish(1, exchange, queue, b"by the name")
    verify.equal(drain(client, queue), [b"by the name"], "arrived")


@pytest.mark.requirement("queue/current-queue")
def test_unbind(client: RawClient, names: Names) -> None:
    """queue.unbind without a name unbinds the queue that was declared last."""
    exchange = new_exchange(client, names)
    first = bound_queue(client, names, exchange, "key")
    second = bound_queue(client, names, exchange, "key")
    client.call(1, "queue.unbind", queue="", exchange=exchange, routing_key="key")
    client.publish(1, exchange, "key", b"bound")
    verify.equal(drain(client, first), [b"bound"], "in the first queue")
    verify.equal(drain(client, second), [], "in the second queue")


@pytest.mark.requirement("queue/current-queue")
def test_is_of_the_channel(client: RawClient, names: Names) -> None:
    """Each channel has its own current queue."""
    first = own_queue(client, names)
    client.open_channel(2)
    client.call(2, "queue.declare", queue=names(), exclusive=True)
    client.publish(1, "", first, b"first")
    verify.equal(drain(client, ""), [b"first"], "got on channel 1")


@pytest.mark.requirement("queue/current-queue")
def test_passive_makes_current(client: RawClient, names: Names) -> None:
    """A passive declaration makes its queue the current one, as any declaration does."""
    first, _second = two_queues(client, names)
    client.call(1, "queue.declare", queue=first, passive=True)
    verify.equal(drain(client, ""), [b"first"], "got")


@pytest.mark.requirement("queue/no-current-queue")
@pytest.mark.parametrize("method", USES)
def test_no_current_queue(client: RawClient, names: Names, method: str) -> None:
    """Without a name, and none declared on this channel, the channel is closed with 404."""
    own_queue(client, names)
    client.open_channel(2)
    client.send(2, method, queue="", **USES[method])
    client.expect_channel_close(2, 404, method=method)
    client.sync(1)
