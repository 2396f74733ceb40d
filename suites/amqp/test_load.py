"""Many at once: messages, queues, and readers that do not keep up."""

from collections.abc import Iterable

import pytest

from reference_broker.wire.framing import content_frames, method_frame
from suites import verify
from suites.amqp.expiry import ready
from suites.amqp.steps import drain, new_queue, take
from suites.amqp.topology import leave, own_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

PATIENCE = 60.0  # seconds for any step, on a busy machine
BATCH = 1000


def publish_many(client: RawClient, queue: str, bodies: Iterable[bytes], channel: int = 1) -> None:
    """Publish these at once, without a look at what comes back."""
    method = method_frame(channel, "basic.publish", routing_key=queue)
    client.send_bytes(b"".join(method + content_frames(channel, body) for body in bodies))


def await_confirms(client: RawClient, count: int) -> None:
    """Every publish from 1 to `count` is acknowledged, each once."""
    missing = set(range(1, count + 1))
    while missing:
        confirm = client.expect(1, "basic.ack")
        tag, multiple = confirm["delivery_tag"], confirm["multiple"]
        told = {number for number in missing if number <= tag} if multiple else {tag} & missing
        verify.true(told, "each publish acknowledged once", f"{tag} acknowledged again")
        missing -= told


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("confirm/throughput-burst")
def test_throughput_burst(raw: RawClients, names: Names) -> None:
    """Of 10,000 messages that are published before any confirm is read, all are confirmed."""
    client = raw(timeout=PATIENCE)
    queue = own_queue(client, names)
    client.call(1, "confirm.select")
    for _ in range(10):
        publish_many(client, queue, [b"m"] * BATCH)
    await_confirms(client, 10 * BATCH)
    verify.equal(ready(client, queue), 10 * BATCH, "messages ready")


@pytest.mark.requirement("publish/high-rate")
def test_high_rate(raw: RawClients, names: Names) -> None:
    """100,000 messages that are published without reading all arrive."""
    client = raw(timeout=PATIENCE)
    queue = own_queue(client, names)
    for _ in range(100):
        publish_many(client, queue, [b"m"] * BATCH)
    client.sync(1)
    verify.eventually(lambda: ready(client, queue), "messages ready", PATIENCE, 100 * BATCH)


@pytest.mark.requirement("consume/publish-from-same-connection")
def test_publish_from_same_connection(raw: RawClients, names: Names) -> None:
    """A connection that publishes and consumes much gets all, in order."""
    client = raw(channels=2, timeout=PATIENCE)
    queue = own_queue(client, names)
    client.consume(2, queue, no_ack=True)
    for start in range(0, 100 * 50, 100):
        bodies = [b"%05d" % number + bytes(1000) for number in range(start, start + 100)]
        publish_many(client, queue, bodies)
        take(client, *bodies, channel=2)


@pytest.mark.requirement("consume/slow-consumer-backpressure")
def test_slow_consumer(raw: RawClients, names: Names) -> None:
    """A consumer that does not read is not sent all, and others are served meanwhile."""
    slow, other = raw(timeout=PATIENCE), raw(timeout=PATIENCE)
    queue, lively = new_queue(slow, names), new_queue(other, names)
    slow.consume(1, queue, no_ack=True)
    body, count = bytes(64 * 1024), 1500
    for number in range(count):
        publish_many(other, queue, [b"%05d" % number + body])
        if number % 100 == 0:
            other.publish(1, "", lively, b"served")
            verify.equal(drain(other, lively), [b"served"], "another queue")
    left = verify.eventually(lambda: ready(other, queue), "messages that wait in the queue")
    verify.between(left, 1, count, "messages that wait in the queue")
    for number in range(count):
        delivery = slow.expect_content(1, "basic.deliver")
        verify.equal(delivery.body[:5], b"%05d" % number, "next message")


@pytest.mark.timeout(300)  # RabbitMQ 4.3 takes a minute to make and delete them on a busy machine
@pytest.mark.requirement("queue/many")
def test_many_queues(raw: RawClients, names: Names) -> None:
    """A connection can have 10,000 queues, each of which takes its message."""
    client = raw(timeout=PATIENCE)
    prefix, count = names(), 10_000
    declared = [f"{prefix}.{number}" for number in range(count)]
    for start in range(0, count, BATCH):
        for queue in declared[start : start + BATCH]:
            client.send(1, "queue.declare", queue=queue, exclusive=True)
        for queue in declared[start : start + BATCH]:
            verify.equal(client.expect(1, "queue.declare-ok")["queue"], queue, "declared queue")
    for queue in declared[::100]:
        client.publish(1, "", queue, queue.encode())
        verify.equal(drain(client, queue), [queue.encode()], "queue")
    leave(client)  # here, and not afterwards: to delete so many takes the broker a while
