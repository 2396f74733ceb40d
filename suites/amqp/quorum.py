"""What tests of quorum queues share."""

from typing import Any

from suites import verify
from suites.amqp.expiry import ready
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

QUORUM = {"x-queue-type": "quorum"}
COUNT = "x-delivery-count"


def require_quorum(raw: RawClients) -> None:
    """End the test as unsupported where the broker takes any word for a queue's type."""
    client = raw()
    client.send(1, "queue.declare", exclusive=True, arguments={"x-queue-type": "mqproof"})
    if client.read_method(1).name == "queue.declare-ok":
        verify.unsupported("the broker takes any x-queue-type: it has no types of queues")


def quorum_queue(client: RawClient, names: Names, **arguments: Any) -> str:
    """Declare a quorum queue on channel 1, which confirms from now on; give the queue's name."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, durable=True, arguments={**QUORUM, **arguments})
    client.call(1, "confirm.select")
    return queue


def put(client: RawClient, queue: str, *bodies: bytes, **properties: Any) -> list[bool]:
    """Publish these on channel 1, each confirmed before the next; whether each was taken."""
    taken = []
    for body in bodies:
        client.publish(1, "", queue, body, **properties)
        taken.append(client.find(1, "basic.ack", "basic.nack").name == "basic.ack")
    return taken


def get(client: RawClient, queue: str, body: bytes, channel: int = 1) -> Delivery:
    """Get the queue's first message, which must be this one, and leave it unacknowledged.

    It may still be on its way back into the queue.
    """
    message = verify.eventually(
        lambda: client.get(channel, queue, no_ack=False), f"basic.get-ok {body!r}"
    )
    assert message is not None  # what `eventually` gives is true
    verify.equal(message.body, body, "first in line")
    return message


def expect_ready(client: RawClient, queue: str, count: int) -> None:
    """So many messages are ready, now or soon: what comes back takes its time."""
    verify.eventually(lambda: ready(client, queue), "messages ready", wanted=count)


def refuse(client: RawClient, message: Delivery, *, requeue: bool = True) -> None:
    """Reject a message that came on its channel."""
    client.send(
        message.channel, "basic.reject", delivery_tag=message["delivery_tag"], requeue=requeue
    )


def returns(message: Delivery) -> object:
    """What the message says of how often it has come back; RabbitMQ may leave a 0 out."""
    return message.properties.get("headers", {}).get(COUNT, 0)
