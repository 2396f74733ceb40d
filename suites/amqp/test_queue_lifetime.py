"""Queues that go: auto-delete, and queue.delete with its conditions."""

from collections.abc import Callable

import pytest

from suites import verify
from suites.amqp.steps import drain, hold
from suites.amqp.topology import (
    bind,
    bound_queue,
    expect_no_exchange,
    expect_no_queue,
    expect_queue,
    leave,
    new_exchange,
    own_queue,
)
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


def auto_delete_queue(client: RawClient, names: Names) -> str:
    """A shared queue that goes with its last consumer."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, durable=True, auto_delete=True)
    return queue


@pytest.mark.requirement("queue/autodelete-on-cancel")
def test_autodelete_on_cancel(client: RawClient, names: Names) -> None:
    """An auto-delete queue is gone when its last consumer's Cancel-Ok arrives."""
    queue = auto_delete_queue(client, names)
    tag = client.consume(1, queue)
    expect_queue(client, queue)
    client.call(1, "basic.cancel", consumer_tag=tag)
    expect_no_queue(client, queue)


@pytest.mark.requirement("queue/autodelete-on-drop")
def test_autodelete_on_drop(client: RawClient, raw: RawClients, names: Names) -> None:
    """An auto-delete queue goes soon after its last consumer's socket is lost."""
    consumer = raw()
    queue = auto_delete_queue(consumer, names)
    exchange = new_exchange(client, names, "fanout", auto_delete=True)
    bind(consumer, queue, exchange)
    consumer.consume(1, queue)
    consumer.link.reset()
    verify.eventually(lambda: not has_queue(client, queue), "gone after the drop")
    expect_no_exchange(client, exchange)


def has_queue(client: RawClient, queue: str) -> bool:
    """Whether the queue is there; channel 1 is open in either case."""
    client.send(1, "queue.declare", queue=queue, passive=True)
    if client.read_method(1).name == "queue.declare-ok":
        return True
    client.send(1, "channel.close-ok")
    client.open_channel(1)
    return False


@pytest.mark.requirement("queue/autodelete-second-consumer")
def test_autodelete_second_consumer(client: RawClient, raw: RawClients, names: Names) -> None:
    """An auto-delete queue stays while a consumer is left, whichever connection's."""
    queue = auto_delete_queue(client, names)
    other = raw()
    first, last = client.consume(1, queue), other.consume(1, queue)
    client.call(1, "basic.cancel", consumer_tag=first)
    expect_queue(client, queue)
    other.call(1, "basic.cancel", consumer_tag=last)
    expect_no_queue(client, queue)


@pytest.mark.requirement("queue/autodelete-never-consumed")
def test_autodelete_never_consumed(client: RawClient, raw: RawClients, names: Names) -> None:
    """An auto-delete queue that never had a consumer stays, also after its declarer."""
    maker = raw()
    queue = auto_delete_queue(maker, names)
    leave(maker)
    expect_queue(client, queue)


@pytest.mark.requirement("queue/autodelete-get-only")
def test_autodelete_get_only(client: RawClient, names: Names) -> None:
    """basic.get makes no consumer: an auto-delete queue stays."""
    queue = auto_delete_queue(client, names)
    client.publish(1, "", queue, b"got")
    verify.equal(drain(client, queue), [b"got"], "got")
    expect_queue(client, queue)


@pytest.mark.requirement("queue/autodelete-not-exclusive")
def test_autodelete_not_exclusive(client: RawClient, names: Names) -> None:
    """An exclusive queue that is not auto-delete stays when its last consumer goes."""
    queue = own_queue(client, names)
    client.call(1, "basic.cancel", consumer_tag=client.consume(1, queue))
    expect_queue(client, queue)


@pytest.mark.requirement("queue/bindings-die")
def test_bindings_die(client: RawClient, names: Names) -> None:
    """A deleted queue that is declared again has none of its former bindings."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    client.call(1, "queue.delete", queue=queue)
    client.call(1, "queue.declare", queue=queue, exclusive=True)
    client.publish(1, exchange, "key", b"unbound", mandatory=True)
    client.expect_content(1, "basic.return", b"unbound")
    bind(client, queue, exchange, "key")
    client.publish(1, exchange, "key", b"bound")
    verify.equal(drain(client, queue), [b"bound"], "arrived")


@pytest.mark.requirement("queue/delete-returns-count")
def test_delete_returns_count(client: RawClient, names: Names) -> None:
    """Delete-Ok counts the ready messages that went with the queue."""
    queue = own_queue(client, names)
    for body in (b"held", b"one", b"two"):
        client.publish(1, "", queue, body)
    hold(client, queue, b"held")
    deleted = client.call(1, "queue.delete", queue=queue)
    verify.equal(deleted["message_count"], 2, "message count")


@pytest.mark.requirement("queue/delete-missing")
def test_delete_missing(client: RawClient, names: Names) -> None:
    """Deleting a queue that is not there closes the channel with 404."""
    client.send(1, "queue.delete", queue=names())
    client.expect_channel_close(1, 404, method="queue.delete")


@pytest.mark.requirement("queue/delete-if-unused")
def test_delete_if_unused(client: RawClient, names: Names) -> None:
    """A queue with a consumer is not deleted with if-unused: 406; without one it is."""
    queue = own_queue(client, names)
    client.open_channel(2)
    tag = client.consume(2, queue)
    client.send(1, "queue.delete", queue=queue, if_unused=True)
    client.expect_channel_close(1, 406, method="queue.delete")
    client.open_channel(1)
    expect_queue(client, queue)
    client.call(2, "basic.cancel", consumer_tag=tag)
    client.call(1, "queue.delete", queue=queue, if_unused=True)


@pytest.mark.requirement("queue/delete-if-empty")
def test_delete_if_empty(client: RawClient, names: Names) -> None:
    """A queue with a message is not deleted with if-empty: 406; without one it is."""
    queue = own_queue(client, names)
    client.publish(1, "", queue, b"kept")
    client.send(1, "queue.delete", queue=queue, if_empty=True)
    client.expect_channel_close(1, 406, method="queue.delete")
    client.open_channel(1)
    verify.equal(drain(client, queue), [b"kept"], "in the queue")
    client.call(1, "queue.delete", queue=queue, if_empty=True)
    expect_no_queue(client, queue)


@pytest.mark.requirement("queue/delete-if-empty-unacked")
def test_delete_if_empty_unacked(
    client: RawClient, names: Names, observe: Callable[[str], None]
) -> None:
    """Whether a queue whose messages all wait for acks is empty is left open; it goes if so."""
    queue = own_queue(client, names)
    client.open_channel(2)
    client.publish(1, "", queue, b"held")
    hold(client, queue, b"held")
    client.send(2, "queue.delete", queue=queue, if_empty=True)
    try:
        answer = str(client.expect(2, "queue.delete-ok"))
    except verify.Mismatch as other:
        answer = other.actual
        verify.equal(answer, "channel.close 406", "the answer that is no Delete-Ok")
        client.send(2, "channel.close-ok")
        expect_queue(client, queue)
    else:
        expect_no_queue(client, queue)
    observe(answer)


@pytest.mark.requirement("queue/delete-drops-messages")
def test_delete_drops_messages(client: RawClient, names: Names) -> None:
    """The messages of a deleted queue are not in its successor, the unacknowledged included."""
    queue = own_queue(client, names)
    for body in (b"held", b"ready"):
        client.publish(1, "", queue, body)
    tag = hold(client, queue, b"held")[0]
    client.call(1, "queue.delete", queue=queue)
    client.call(1, "queue.declare", queue=queue, exclusive=True)
    client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    client.publish(1, "", queue, b"new")
    verify.equal(drain(client, queue), [b"new"], "in the new queue")


@pytest.mark.requirement("queue/delete-with-unacked")
def test_delete_with_unacked(client: RawClient, names: Names) -> None:
    """A message may be acknowledged after its queue has gone."""
    queue = own_queue(client, names)
    client.publish(1, "", queue, b"held")
    tag = hold(client, queue, b"held")[0]
    client.call(1, "queue.delete", queue=queue)
    client.send(1, "basic.ack", delivery_tag=tag)
    client.expect_nothing(1)


@pytest.mark.requirement("queue/delete-nowait")
def test_delete_nowait(client: RawClient, names: Names) -> None:
    """A deletion with no-wait has no reply, and the queue is gone."""
    queue = own_queue(client, names)
    client.send(1, "queue.delete", queue=queue, no_wait=True)
    client.expect_nothing(1)
    expect_no_queue(client, queue)


@pytest.mark.needs("consumer_cancel_notify")
@pytest.mark.requirement("queue/delete-under-consumer")
def test_delete_under_consumer(client: RawClient, raw: RawClients, names: Names) -> None:
    """Deleting a queue cancels its consumers, and tells those that asked to be told."""
    queue = own_queue(client, names)
    tag = client.consume(1, queue)
    client.open_channel(2)
    client.call(2, "queue.delete", queue=queue)
    verify.equal(client.find(1, "basic.cancel")["consumer_tag"], tag, "cancelled")
    untold = raw(capabilities={"consumer_cancel_notify": False}, channels=2)
    queue = own_queue(untold, names)
    untold.consume(1, queue)
    untold.call(2, "queue.delete", queue=queue)
    untold.expect_nothing(1)
