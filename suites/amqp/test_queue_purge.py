"""queue.purge."""

import pytest

from suites import verify
from suites.amqp.steps import drain, hold
from suites.amqp.topology import own_queue
from suites.clients.raw import RawClient
from suites.harness.names import Names


def declared_count(client: RawClient, queue: str) -> int:
    """How many messages a declare says are ready."""
    return int(client.call(1, "queue.declare", queue=queue, passive=True)["message_count"])


@pytest.mark.requirement("queue/purge")
def test_purge(client: RawClient, names: Names) -> None:
    """Purge removes the ready messages and says how many there were."""
    queue = own_queue(client, names)
    for body in (b"one", b"two", b"three"):
        client.publish(1, "", queue, body)
    verify.equal(client.call(1, "queue.purge", queue=queue)["message_count"], 3, "message count")
    client.publish(1, "", queue, b"later")
    verify.equal(drain(client, queue), [b"later"], "in the queue")


@pytest.mark.requirement("queue/purge")
def test_purge_returned(client: RawClient, names: Names) -> None:
    """Purge removes what was delivered and given back as well."""
    queue = own_queue(client, names)
    for body in (b"returned", b"ready"):
        client.publish(1, "", queue, body)
    tag = hold(client, queue, b"returned")[0]
    client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    verify.eventually(lambda: declared_count(client, queue), "messages ready", wanted=2)
    verify.equal(client.call(1, "queue.purge", queue=queue)["message_count"], 2, "message count")
    client.publish(1, "", queue, b"later")
    verify.equal(drain(client, queue), [b"later"], "in the queue")


@pytest.mark.requirement("queue/purge-unacked")
def test_purge_unacked(client: RawClient, names: Names) -> None:
    """Purge leaves alone what waits for its ack: it can be given back to the queue."""
    queue = own_queue(client, names)
    for body in (b"held", b"ready"):
        client.publish(1, "", queue, body)
    tag = hold(client, queue, b"held")[0]
    verify.equal(client.call(1, "queue.purge", queue=queue)["message_count"], 1, "message count")
    client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    verify.equal(drain(client, queue), [b"held"], "in the queue")


@pytest.mark.requirement("queue/purge-missing")
def test_purge_missing(client: RawClient, names: Names) -> None:
    """Purging a queue that is not there closes the channel with 404."""
    client.send(1, "queue.purge", queue=names())
    client.expect_channel_close(1, 404, method="queue.purge")


@pytest.mark.requirement("queue/purge-nowait")
def test_purge_nowait(client: RawClient, names: Names) -> None:
    """A purge with no-wait has no reply, and the queue is empty."""
    queue = own_queue(client, names)
    client.publish(1, "", queue, b"purged")
    client.send(1, "queue.purge", queue=queue, no_wait=True)
    client.expect_nothing(1)
    verify.equal(drain(client, queue), [], "in the queue")
