"""Frames: their shape, their size, and which may stand on which channel."""

import random
from collections import Counter

import pytest

from reference_broker.wire.framing import encode_frame, method_frame
from suites import verify
from suites.amqp import literal
from suites.amqp.endings import Observe, expect_closed, expect_fatal
from suites.amqp.steps import SMALL_FRAME
from suites.brokers.base import Broker
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

FRAME_OVERHEAD = 8
SEEDS = range(12)


def expect_missing(client: RawClient, queue: str) -> None:
    """No such queue was made."""
    client.send(1, "queue.declare", queue=queue, passive=True)
    client.expect_channel_close(1, 404, method="queue.declare")


@pytest.mark.requirement("frame/bad-end")
def test_bad_end(raw: RawClients, client: RawClient, names: Names) -> None:
    """A frame that does not end in 0xCE ends the connection, and is not acted on."""
    broken, queue = raw(), names()
    broken.send_bytes(encode_frame(1, 1, literal.declare(queue))[:-1] + b"\x00")
    expect_fatal(broken, 501, channel=1)
    expect_missing(client, queue)


@pytest.mark.requirement("frame/unknown-type")
def test_unknown_type(client: RawClient) -> None:
    """A frame of type 9 ends the connection."""
    client.send_bytes(b"\x09\x00\x00\x00\x00\x00\x03abc\xce")
    expect_fatal(client, 501)


@pytest.mark.requirement("frame/type-zero")
def test_type_zero(client: RawClient) -> None:
    """A frame of type 0 ends the connection."""
    client.send_bytes(b"\x00\x00\x01\x00\x00\x00\x00\xce")
    expect_fatal(client, 501)


@pytest.mark.requirement("frame/type-four")
def test_type_four(client: RawClient) -> None:
    """A frame of type 4, a misprint for the heartbeat's 8, ends the connection."""
    client.send_bytes(b"\x04\x00\x00\x00\x00\x00\x00\xce")
    expect_fatal(client, 501)


@pytest.mark.requirement("frame/oversized-method")
def test_oversized_method(raw: RawClients, names: Names) -> None:
    """A method frame above frame-max is a 501."""
    client = raw(frame_max=SMALL_FRAME)
    client.send(1, "queue.declare", queue=names(), arguments={"filler": "x" * SMALL_FRAME})
    expect_closed(client, 1, 501)


@pytest.mark.requirement("frame/oversized-body")
@pytest.mark.parametrize("excess", [1, SMALL_FRAME], ids=["one-octet", "far"])
def test_oversized_body(raw: RawClients, names: Names, excess: int) -> None:
    """A body frame above frame-max is a 501."""
    client, queue = raw(frame_max=SMALL_FRAME), names()
    client.call(1, "queue.declare", queue=queue)
    client.publish(1, "", queue, b"x" * (SMALL_FRAME + excess - FRAME_OVERHEAD), frame_max=2**17)
    client.send(1, "basic.qos")
    expect_closed(client, 1, 501)


@pytest.mark.requirement("frame/body-exactly-max")
def test_body_exactly_max(raw: RawClients, names: Names) -> None:
    """A body frame of exactly frame-max octets is taken."""
    client, queue, body = raw(frame_max=SMALL_FRAME), names(), b"x" * (SMALL_FRAME - FRAME_OVERHEAD)
    client.call(1, "queue.declare", queue=queue)
    client.publish(1, "", queue, body)
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", body)


@pytest.mark.requirement("frame/huge-declared-size")
def test_huge_declared_size(client: RawClient) -> None:
    """A frame header that announces 2 GiB is refused before anything of it has come."""
    client.send_bytes(bytes.fromhex("03 0001 7fffffff"))
    expect_fatal(client, 501)


@pytest.mark.requirement("frame/truncated-then-eof")
def test_truncated_then_eof(raw: RawClients, client: RawClient, names: Names) -> None:
    """A client that hangs up in the middle of a frame is cleaned up after."""
    leaving, queue = raw(), names()
    leaving.call(1, "queue.declare", queue=queue)
    leaving.publish(1, "", queue, b"held")
    leaving.consume(1, queue)
    leaving.expect_content(1, "basic.deliver", b"held")
    leaving.send_bytes(encode_frame(1, 1, literal.declare(queue))[:9])
    leaving.link.close()
    client.consume(1, queue, no_ack=True)
    client.expect_content(1, "basic.deliver", b"held")


@pytest.mark.requirement("frame/split-writes")
def test_split_writes(raw: RawClients, client: RawClient, names: Names) -> None:
    """Frames that come three octets at a time are processed as usual."""
    witness = raw()
    octets = b"".join(encode_frame(1, 1, literal.declare(names())) for _ in range(3))
    for position in range(0, len(octets), 3):
        client.send_bytes(octets[position : position + 3])
        witness.sync(1)  # or a busy broker would read many at once
    for _ in range(3):
        client.expect(1, "queue.declare-ok")


@pytest.mark.requirement("frame/coalesced")
def test_coalesced(client: RawClient, names: Names) -> None:
    """Hundreds of frames that come in one write are processed in order."""
    queue = names()
    client.call(1, "queue.declare", queue=queue)
    client.consume(1, queue, no_ack=True)
    publish = method_frame(1, "basic.publish", routing_key=queue)
    header = encode_frame(2, 1, literal.header(2))
    bodies = [number.to_bytes(2) for number in range(300)]
    client.send_bytes(b"".join(publish + header + encode_frame(3, 1, body) for body in bodies))
    delivered = [client.expect_content(1, "basic.deliver").body for _ in bodies]
    verify.true(delivered == bodies, "300 bodies in order", "another order")


@pytest.mark.requirement("frame/no-response-after-fatal")
def test_no_response_after_fatal(client: RawClient, names: Names) -> None:
    """After a framing error nothing more is answered, and the socket ends."""
    request = encode_frame(1, 1, literal.declare(names()))
    client.send_bytes(request[:-1] + b"\x00" + request)
    expect_fatal(client, 501, channel=1)


@pytest.mark.requirement("frame/channel-method-on-zero")
def test_channel_method_on_zero(client: RawClient, names: Names) -> None:
    """queue.declare on channel 0 is a connection error."""
    client.send(0, "queue.declare", queue=names())
    client.expect_connection_close(503, 504)


@pytest.mark.requirement("frame/connection-method-on-channel")
def test_connection_method_on_channel(client: RawClient) -> None:
    """connection.close on channel 1 is a 503."""
    client.send(1, "connection.close", reply_code=200)
    expect_closed(client, 1, 503)


@pytest.mark.requirement("frame/random-garbage")
def test_random_garbage(raw: RawClients, client: RawClient) -> None:
    """Random octets on an open connection end it, and no other."""
    fuzzed = [raw() for _ in SEEDS]
    for seed, other in zip(SEEDS, fuzzed, strict=True):
        # No frame type to begin with, and each of these seeds announces too large a frame.
        noise = random.Random(seed).randbytes(200)  # noqa: S311  a seeded fuzzer, no secret
        other.send_bytes(b"\xfa" + noise)
    for other in fuzzed:
        expect_fatal(other, 501)
    client.sync(1)


@pytest.mark.requirement("frame/bit-flips")
def test_bit_flips(raw: RawClients, client: RawClient, names: Names, observe: Observe) -> None:
    """One flipped bit in a valid session is an error or has no effect; other clients go on."""
    session = fuzzed_session(names())
    answers: Counter[str] = Counter()
    for bit in range(5, len(session) * 8, 37):
        flipped = bytearray(session)
        flipped[bit // 8] ^= 1 << bit % 8
        other = raw()
        other.send_bytes(bytes(flipped))
        answers[first_answer(other)] += 1
        other.link.close()
    client.sync(1)
    observe(", ".join(f"{count} {answer}" for answer, count in answers.most_common()))


def fuzzed_session(queue: str) -> bytes:
    """Declares a queue that goes with its connection, publishes, and asks for an answer."""
    return (
        method_frame(1, "queue.declare", queue=queue, exclusive=True)
        + method_frame(1, "basic.publish", exchange="amq.direct", routing_key=queue)
        + encode_frame(2, 1, literal.header(3))
        + encode_frame(3, 1, b"abc")
        + method_frame(1, "basic.qos", prefetch_count=10)
    )


def first_answer(client: RawClient) -> str:
    """What came first, if anything did: half of the flips make the broker wait for more."""
    try:
        return str(client.read_method(timeout=0.2))
    except verify.Mismatch as nothing:
        return nothing.actual


@pytest.mark.requirement("frame/log-framing-error")
@pytest.mark.needs("logs")
def test_log_framing_error(client: RawClient, broker: Broker) -> None:
    """A framing error leaves an entry in the broker's log."""
    client.send_bytes(b"\x4d\x00\x00\x00\x00\x00\x06logged\xce")
    expect_fatal(client, 501)
    verify.eventually(lambda: "type 77" in broker.log_tail(), "an entry on the frame of type 77")
