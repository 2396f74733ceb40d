"""Contents: method, header and body frames, whole, in order, and on one channel."""

import pytest

from reference_broker.wire.framing import encode_frame
from suites import verify
from suites.amqp import literal
from suites.amqp.endings import Observe, accepted_or_fatal, expect_closed, expect_fatal
from suites.amqp.steps import SMALL_FRAME
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


def begin(client: RawClient, queue: str) -> None:
    """Declare the queue and write the basic.publish whose content is under test."""
    client.call(1, "queue.declare", queue=queue)
    client.send(1, "basic.publish", routing_key=queue)


def expect_next(client: RawClient, queue: str, body: bytes) -> None:
    """The queue's first message has this body."""
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", body)


@pytest.mark.requirement("frame/header-without-method")
def test_header_without_method(client: RawClient) -> None:
    """A content header that no method announced is a 505."""
    client.send_frame(2, 1, literal.header(0))
    client.expect_connection_close(505)


@pytest.mark.requirement("frame/body-without-method")
def test_body_without_method(client: RawClient) -> None:
    """A body frame that no method announced is a 505."""
    client.send_frame(3, 1, b"abc")
    client.expect_connection_close(505)


@pytest.mark.requirement("frame/missing-header")
def test_missing_header(client: RawClient, names: Names) -> None:
    """Another method in place of the content header is a 505."""
    begin(client, names())
    client.send(1, "basic.qos")
    expect_closed(client, 1, 505)


@pytest.mark.requirement("frame/body-instead-of-header")
def test_body_instead_of_header(client: RawClient, names: Names) -> None:
    """A body frame in place of the content header is a 505."""
    begin(client, names())
    client.send_frame(3, 1, b"abc")
    client.expect_connection_close(505)


@pytest.mark.requirement("frame/missing-body")
def test_missing_body(client: RawClient, names: Names) -> None:
    """Another method in place of the announced body is a 505."""
    begin(client, names())
    client.send_frame(2, 1, literal.header(5))
    client.send(1, "basic.qos")
    expect_closed(client, 1, 505)


@pytest.mark.requirement("frame/second-header")
def test_second_header(client: RawClient, names: Names) -> None:
    """A second header in place of the announced body is a 505."""
    begin(client, names())
    client.send_frame(2, 1, literal.header(5))
    client.send_frame(2, 1, literal.header(5))
    client.expect_connection_close(505)


@pytest.mark.requirement("frame/wrong-class-in-header")
def test_wrong_class_in_header(client: RawClient, names: Names) -> None:
    """A content header of another class than its method's is a connection error."""
    begin(client, names())
    client.send_frame(2, 1, literal.header(0, class_id=10))
    client.expect_connection_close(501, 505)


@pytest.mark.requirement("frame/nonzero-weight")
def test_nonzero_weight(client: RawClient, names: Names, observe: Observe) -> None:
    """A content header of weight 7 is a connection error, or the weight is ignored."""
    begin(client, names())
    client.send_frame(2, 1, literal.header(0, weight=7))
    observe(accepted_or_fatal(client, 1, 501, 502, 505))


@pytest.mark.requirement("frame/body-longer-than-announced")
def test_body_longer_than_announced(client: RawClient, names: Names) -> None:
    """A body frame that is longer than the announced body is a connection error."""
    queue = names()
    begin(client, queue)
    client.send_frame(2, 1, literal.header(3))
    client.send_frame(3, 1, b"abcdef")
    client.send(1, "basic.get", queue=queue, no_ack=True)
    expect_fatal(client, 501, 502, 505, channel=1)


@pytest.mark.requirement("frame/empty-body-frame")
def test_empty_body_frame(client: RawClient, names: Names) -> None:
    """Body frames without octets before and inside a body do no harm."""
    queue = names()
    begin(client, queue)
    client.send_frame(2, 1, literal.header(3))
    for piece in (b"", b"ab", b"", b"c"):
        client.send_frame(3, 1, piece)
    expect_next(client, queue, b"abc")


@pytest.mark.requirement("frame/body-after-zero-size")
def test_body_after_zero_size(client: RawClient, names: Names) -> None:
    """A body frame after a header that announced none is a 505."""
    begin(client, names())
    client.send_frame(2, 1, literal.header(0))
    client.send_frame(3, 1, b"abc")
    client.expect_connection_close(505)


@pytest.mark.requirement("frame/huge-body-size")
def test_huge_body_size(raw: RawClients, names: Names, observe: Observe) -> None:
    """A header that announces 2^63 octets is refused, or costs only what really comes."""
    client = raw(channels=2)
    begin(client, names())
    client.send_frame(2, 1, literal.header(2**63))
    client.send_frame(3, 1, b"abc")
    observe(accepted_or_fatal(client, 2, 501, 502, 505))


@pytest.mark.requirement("frame/publish-on-zero")
def test_publish_on_zero(client: RawClient) -> None:
    """basic.publish on channel 0 is a 504."""
    client.send(0, "basic.publish", routing_key="nowhere")
    client.expect_connection_close(504)


@pytest.mark.requirement("frame/header-on-zero")
def test_header_on_zero(client: RawClient) -> None:
    """A content header on channel 0 is a connection error."""
    client.send_frame(2, 0, literal.header(0))
    client.expect_connection_close(504, 505)


@pytest.mark.requirement("frame/body-on-zero")
def test_body_on_zero(client: RawClient) -> None:
    """A body frame on channel 0 is a connection error."""
    client.send_frame(3, 0, b"abc")
    client.expect_connection_close(504, 505)


@pytest.mark.requirement("frame/interleaved-channels")
def test_interleaved_channels(raw: RawClients, names: Names) -> None:
    """Contents of two channels whose frames alternate are both complete."""
    client, queue = raw(channels=2), names()
    client.call(1, "queue.declare", queue=queue)
    for channel in (1, 2):
        client.send(channel, "basic.publish", routing_key=queue)
    for channel in (1, 2):
        client.send_frame(2, channel, literal.header(6))
    for channel, half in ((1, b"one"), (2, b"two"), (1, b"ONE"), (2, b"TWO")):
        client.send_frame(3, channel, half)
    client.consume(1, queue, no_ack=True)
    bodies = {client.expect_content(1, "basic.deliver").body for _ in (1, 2)}
    verify.equal(sorted(bodies), [b"oneONE", b"twoTWO"], "bodies")


@pytest.mark.requirement("frame/content-contiguous-out")
def test_content_contiguous_out(raw: RawClients, names: Names) -> None:
    """Nothing of its channel stands between the frames of a delivery, however much is going on."""
    client, queue, body = raw(frame_max=SMALL_FRAME), names(), b"x" * 5 * SMALL_FRAME
    client.call(1, "queue.declare", queue=queue)
    client.consume(1, queue, no_ack=True)
    for _ in range(30):
        client.publish(1, "", queue, body)
        client.send(1, "basic.qos")
    # The client's reader objects to a method inside a content; here all must be there, whole.
    seen = [client.read_method(1) for _ in range(60)]
    verify.equal(sum(one.name == "basic.deliver" for one in seen), 30, "deliveries")


@pytest.mark.requirement("frame/content-contiguous-out")
def test_content_on_the_consumers_channel(raw: RawClients, names: Names) -> None:
    """All frames of a delivery are on the channel of its consumer, wherever it was published."""
    client, queue = raw(channels=2), names()
    client.call(1, "queue.declare", queue=queue)
    client.publish(1, "", queue, b"in line")
    client.consume(2, queue, no_ack=True)
    client.publish(1, "", queue, b"at once")
    for body in (b"in line", b"at once"):
        client.expect_content(2, "basic.deliver", body)


@pytest.mark.requirement("frame/abandoned-content")
def test_abandoned_content(raw: RawClients, client: RawClient, names: Names) -> None:
    """A message whose publisher vanishes in the middle of it is not routed."""
    leaving, queue, witness = raw(), names(), names()
    client.call(1, "queue.declare", queue=witness)
    client.publish(1, "", witness, b"held")
    leaving.consume(1, witness)
    leaving.expect_content(1, "basic.deliver", b"held")
    begin(leaving, queue)
    leaving.send_bytes(encode_frame(2, 1, literal.header(6)) + encode_frame(3, 1, b"abc"))
    leaving.link.reset()
    client.consume(1, witness, no_ack=True)
    client.expect_content(1, "basic.deliver", b"held")  # the broker knows that the client is gone
    verify.equal(client.get(1, queue), None, "message")
