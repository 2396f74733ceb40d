"""Steps that conformance tests share: a queue, messages in it, and what comes out again."""

import contextlib
from collections.abc import Iterable
from typing import Any

from suites import verify
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.names import Names
from suites.verify import Mismatch

SMALL_FRAME = 8192
"""Octets; the least frame-max by the specification is 4096, that of RabbitMQ since 4.1 is this."""

MOST = 1000  # messages in one queue; no test has as many, so a queue that never ends is found


def new_queue(client: RawClient, names: Names, **arguments: Any) -> str:
    """Declare a queue on channel 1; give its name."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, **arguments)
    return queue


def stocked_queue(client: RawClient, names: Names, *bodies: bytes) -> str:
    """A new queue that channel 1 has published these messages to."""
    queue = new_queue(client, names)
    fill(client, queue, bodies)
    return queue


def fill(client: RawClient, queue: str, bodies: Iterable[bytes], channel: int = 1) -> None:
    """Publish these through the default exchange."""
    for body in bodies:
        client.publish(channel, "", queue, body)


def take(client: RawClient, *bodies: bytes, channel: int = 1) -> list[Delivery]:
    """The channel's next deliveries, which must be these and in this order."""
    return [client.expect_content(channel, "basic.deliver", body) for body in bodies]


def hold(client: RawClient, queue: str, *bodies: bytes, channel: int = 1) -> list[int]:
    """basic.get these messages, which stay unacknowledged; give their delivery tags."""
    tags = []
    for body in bodies:
        message = client.get(channel, queue, no_ack=False)
        if message is None or message.body != body:
            raise Mismatch(f"basic.get-ok {body!r}", str(message or "basic.get-empty"))
        tags.append(int(message["delivery_tag"]))
    return tags


def drain(client: RawClient, queue: str, channel: int = 1) -> list[bytes]:
    """Get all that is ready in the queue, without acknowledgement.

    Afterwards `expect_quiet` proves that the queue sent this channel nothing else. The round trip
    at the end is for that: in RabbitMQ a reply to basic.get overtakes deliveries.
    """
    bodies: list[bytes] = []
    while (message := client.get(channel, queue)) is not None:
        bodies.append(message.body)
        if len(bodies) > MOST:
            raise Mismatch(f"at most {MOST} messages", f"more than {MOST} messages")
    client.sync(channel)
    return bodies


def ready(client: RawClient, queue: str, channel: int = 1) -> int:
    """How many messages are ready in the queue, as a passive queue.declare tells."""
    return int(client.call(channel, "queue.declare", queue=queue, passive=True)["message_count"])


def await_ready(client: RawClient, queue: str, count: int, channel: int = 1) -> None:
    """Give a queue time to hear that a channel has ended; what is in it then is for the test.

    RabbitMQ's queues hear of it by themselves, unless the channel had a consumer there.
    """
    with contextlib.suppress(Mismatch):
        verify.eventually(lambda: ready(client, queue, channel), "messages ready", wanted=count)


def reopen(client: RawClient, channel: int = 1) -> None:
    """Close the channel, which gives its unacknowledged messages back, and open it again."""
    client.call(channel, "channel.close", reply_code=200)
    client.open_channel(channel)


def verify_left(client: RawClient, queue: str, *bodies: bytes) -> None:
    """After the end of channel 1, which gives back what was not settled, the queue holds these."""
    reopen(client)
    await_ready(client, queue, len(bodies))
    verify.equal(drain(client, queue), list(bodies), "queue after the channel's end")
