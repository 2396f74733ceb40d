"""The body of a message: octet for octet, however it is cut into frames."""

import pytest

from suites import verify
from suites.amqp.steps import SMALL_FRAME, new_queue
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

PAYLOAD_MAX = SMALL_FRAME - 8
PATTERN = bytes(range(251))  # a length that no frame is a multiple of, so that a shift shows


def patterned(length: int) -> bytes:
    """So many octets that differ from their neighbours."""
    return (PATTERN * (length // len(PATTERN) + 1))[:length]


def delivered(client: RawClient, queue: str) -> Delivery:
    """What a consumer of the queue is given next."""
    client.consume(1, queue, no_ack=True)
    return client.expect_content(1, "basic.deliver")


def verify_body(delivery: Delivery, body: bytes) -> None:
    """The body is the same, told without printing it."""
    same = delivery.body == body
    verify.true(same, "the same body", f"another body of {len(delivery.body)} octets")


@pytest.mark.requirement("publish/body-zero")
def test_body_zero(client: RawClient, names: Names) -> None:
    """An empty body is delivered empty, with no body frame."""
    queue = new_queue(client, names)
    client.publish(1, "", queue, b"")
    client.publish(1, "", queue, b"next")
    verify.equal(len(delivered(client, queue).frames), 1, "content frames")
    client.expect_content(1, "basic.deliver", b"next")


@pytest.mark.requirement("publish/body-one-frame")
def test_body_one_frame(client: RawClient, names: Names) -> None:
    """A body that fits into one frame is delivered equal."""
    queue, body = new_queue(client, names), patterned(1000)
    client.publish(1, "", queue, body)
    verify_body(delivered(client, queue), body)


@pytest.mark.requirement("publish/body-multi-frame")
def test_body_multi_frame(raw: RawClients, names: Names) -> None:
    """A body of several frames is delivered equal."""
    client = raw(frame_max=SMALL_FRAME)
    queue, body = new_queue(client, names), patterned(5 * PAYLOAD_MAX + 17)
    client.publish(1, "", queue, body)
    verify_body(delivered(client, queue), body)


@pytest.mark.requirement("publish/body-odd-chunks")
def test_body_odd_chunks(client: RawClient, names: Names) -> None:
    """A body that a client cuts into frames of odd sizes is delivered equal."""
    queue, body = new_queue(client, names), patterned(1 + 3 + 700 + 5)
    client.send(1, "basic.publish", routing_key=queue)
    client.send_frame(2, 1, b"\x00\x3c\x00\x00" + len(body).to_bytes(8) + b"\x00\x00")
    for start, end in ((0, 1), (1, 4), (4, 704), (704, 709)):
        client.send_frame(3, 1, body[start:end])
    verify_body(delivered(client, queue), body)


@pytest.mark.requirement("publish/body-frame-boundary")
@pytest.mark.parametrize("frames", [1, 3])
def test_body_frame_boundary(raw: RawClients, names: Names, frames: int) -> None:
    """A body of exactly n full frames is delivered equal, in frames within the limit."""
    client = raw(frame_max=SMALL_FRAME)
    queue, body = new_queue(client, names), patterned(frames * PAYLOAD_MAX)
    client.publish(1, "", queue, body)
    delivery = delivered(client, queue)
    verify_body(delivery, body)
    sizes = [len(frame.payload) for frame in delivery.frames[1:]]
    fitting = all(0 < size <= PAYLOAD_MAX for size in sizes)
    verify.true(fitting, f"body frames of 1 to {PAYLOAD_MAX} octets", f"body frames of {sizes}")


@pytest.mark.requirement("publish/body-binary")
def test_body_binary(client: RawClient, names: Names) -> None:
    """Every octet is carried, those that look like the end or the beginning of a frame too."""
    queue = new_queue(client, names)
    body = bytes(range(256)) + b"\xce\xce\x01\x00\x01" + b"AMQP\x00\x00\x09\x01" + b"\xce"
    client.publish(1, "", queue, body)
    client.publish(1, "", queue, b"next")
    verify_body(delivered(client, queue), body)
    client.expect_content(1, "basic.deliver", b"next")
