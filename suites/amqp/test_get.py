"""basic.get: one message on demand."""

import pytest

from suites import verify
from suites.amqp.steps import drain, hold, new_queue, reopen, stocked_queue, take, verify_left
from suites.clients.raw import RawClient
from suites.harness.names import Names


@pytest.mark.requirement("get/message")
def test_message(client: RawClient, names: Names) -> None:
    """Getting from a queue that has a message gives it with its content."""
    queue = stocked_queue(client, names, b"content")
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", b"content")


@pytest.mark.requirement("get/empty")
def test_empty(client: RawClient, names: Names) -> None:
    """Getting from an empty queue is answered by get-empty."""
    client.send(1, "basic.get", queue=new_queue(client, names))
    client.expect(1, "basic.get-empty")


@pytest.mark.requirement("get/missing-queue")
def test_missing_queue(client: RawClient, names: Names) -> None:
    """Getting from a queue that does not exist closes the channel with 404."""
    client.send(1, "basic.get", queue=names())
    client.expect_channel_close(1, 404, method="basic.get")


@pytest.mark.requirement("get/message-count")
def test_message_count(client: RawClient, names: Names) -> None:
    """Get-ok counts the messages that remain."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    counts = [client.call(1, "basic.get", queue=queue)["message_count"] for _ in range(3)]
    verify.equal(counts, [2, 1, 0], "message-count")


@pytest.mark.requirement("get/no-ack")
def test_no_ack(client: RawClient, names: Names) -> None:
    """A message that was got with no-ack does not come back with the channel's end."""
    queue = stocked_queue(client, names, b"gone", b"left")
    client.get(1, queue, no_ack=True)
    reopen(client)
    verify.equal(drain(client, queue), [b"left"], "queue")


@pytest.mark.requirement("get/ack")
def test_ack(client: RawClient, names: Names) -> None:
    """A message that was got without no-ack, and not acknowledged, returns on the close."""
    queue = stocked_queue(client, names, b"held")
    hold(client, queue, b"held")
    verify.equal(drain(client, queue), [], "queue while it is held")
    verify_left(client, queue, b"held")


@pytest.mark.requirement("get/redelivered")
def test_redelivered(client: RawClient, names: Names) -> None:
    """A message that was given back is marked redelivered, and was not at first."""
    queue = stocked_queue(client, names, b"again")
    first = client.call(1, "basic.get", queue=queue)
    client.send(1, "basic.reject", delivery_tag=first["delivery_tag"], requeue=True)
    second = client.call(1, "basic.get", queue=queue)
    flags = (first["redelivered"], second["redelivered"])
    verify.equal(flags, (False, True), "redelivered")


@pytest.mark.requirement("get/order")
def test_order(client: RawClient, names: Names) -> None:
    """Messages are got in the order of their publishing."""
    bodies = [b"%d" % number for number in range(50)]
    queue = stocked_queue(client, names, *bodies)
    verify.equal(drain(client, queue), bodies, "order")


@pytest.mark.requirement("get/with-consumer")
def test_with_consumer(client: RawClient, names: Names) -> None:
    """What a consumer holds cannot be got; what its prefetch leaves in the queue can."""
    queue = stocked_queue(client, names, b"consumer's", b"queue's")
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, queue)
    take(client, b"consumer's")
    verify.equal(drain(client, queue), [b"queue's"], "queue")


@pytest.mark.requirement("get/pipelined")
def test_pipelined(client: RawClient, names: Names) -> None:
    """Gets that are written without waiting are answered one by one, in order."""
    queue = stocked_queue(client, names, b"1", b"2")
    for _ in range(3):
        client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", b"1")
    client.expect_content(1, "basic.get-ok", b"2")
    client.expect(1, "basic.get-empty")
