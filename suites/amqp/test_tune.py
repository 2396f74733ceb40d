"""connection.tune and tune-ok: the limits that both sides keep from then on."""

import pytest

from suites import verify
from suites.amqp.endings import BARE, Observe, expect_closed
from suites.amqp.steps import SMALL_FRAME
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

SMALLEST = 4096  # octets: the least that both sides must be able to agree on
FRAME_OVERHEAD = 8  # type, channel, size, frame-end
HIGHEST_CHANNEL = 65535


def tuned(raw: RawClients) -> RawClient:
    """A client that has read connection.tune."""
    client = raw.connect()
    client.start()
    client.start_ok()
    return client


def answer_to(client: RawClient, **limits: int) -> str:
    """What the broker makes of a tune-ok with these limits, when it is asked to open."""
    client.tune_ok(**limits)
    client.send(0, "connection.open", virtual_host=client.endpoint.vhost)
    try:
        return str(client.expect(0, "connection.open-ok"))
    except verify.Mismatch as other:
        return BARE if other.actual.startswith(BARE) else other.actual


@pytest.mark.requirement("tune/proposes-limits")
def test_proposes_limits(raw: RawClients) -> None:
    """Tune states limits, and a frame size that is none or at least 4096 octets."""
    frame_max = tuned(raw).frame_max
    lawful = frame_max == 0 or frame_max >= SMALLEST
    verify.true(lawful, "frame-max 0 or at least 4096", f"frame-max {frame_max}")


@pytest.mark.requirement("tune/accept-server-values")
def test_accept_server_values(raw: RawClients) -> None:
    """A client may answer with exactly what it was offered."""
    client = raw.connect()
    client.start()
    tune = client.start_ok()
    client.tune_ok(heartbeat=tune["heartbeat"])
    client.open_vhost()


@pytest.mark.requirement("tune/lower-channel-max")
def test_lower_channel_max(raw: RawClients) -> None:
    """A client that lowers channel-max to 1 is held to one channel."""
    client = raw(channel_max=1, channels=1)
    client.send(2, "channel.open")
    expect_closed(client, 2, 530, 504)


@pytest.mark.requirement("tune/channel-max-above-offer")
def test_channel_max_above_offer(raw: RawClients) -> None:
    """Asking for more channels than were offered ends the socket without a Close."""
    client = tuned(raw)
    if client.channel_max in {0, HIGHEST_CHANNEL}:
        verify.unsupported("connection.tune offers as many channels as there are numbers")
    verify.equal(answer_to(client, channel_max=client.channel_max + 1), BARE, "answer")


@pytest.mark.requirement("tune/channel-max-zero")
def test_channel_max_zero(raw: RawClients, observe: Observe) -> None:
    """Asking for channels without limit is refused by a bare end, or taken as the broker's."""
    client = tuned(raw)
    if client.channel_max == 0:
        verify.unsupported("connection.tune offers channels without limit")
    answer = answer_to(client, channel_max=0)
    verify.true(answer in {BARE, "connection.open-ok"}, f"{BARE} or connection.open-ok", answer)
    observe(answer)


@pytest.mark.requirement("tune/channel-number-above-max")
def test_channel_number_above_max(raw: RawClients) -> None:
    """A channel number above channel-max is a connection error, however few are open."""
    client = raw(channel_max=5, channels=1)
    client.send(6, "channel.open")
    expect_closed(client, 6, 530, 504)


@pytest.mark.requirement("tune/channel-number-at-max")
def test_channel_number_at_max(raw: RawClients) -> None:
    """The highest channel number agreed on can be opened."""
    client = raw(channels=0)
    client.open_channel(client.channel_max or HIGHEST_CHANNEL)


@pytest.mark.requirement("tune/too-many-channels")
def test_too_many_channels(raw: RawClients) -> None:
    """One channel more than channel-max allows is refused with 530."""
    client = raw(channel_max=3, channels=3)
    client.send(4, "channel.open")
    expect_closed(client, 4, 530)


@pytest.mark.requirement("tune/frame-max-4096")
def test_frame_max_4096(raw: RawClients, names: Names) -> None:
    """A client that lowers frame-max to 4096 gets no frame that is larger, whoever publishes."""
    client, body = raw(frame_max=SMALLEST), bytes(range(256)) * 40
    for publisher in (client, raw()):
        expect_split(passed_on(publisher, client, names(), body), body, SMALLEST)


def passed_on(publisher: RawClient, consumer: RawClient, queue: str, body: bytes) -> Delivery:
    """The delivery of this body, through the queue from one client to the other."""
    publisher.call(1, "queue.declare", queue=queue)
    publisher.publish(1, "", queue, body)
    consumer.consume(1, queue, no_ack=True)
    return consumer.expect_content(1, "basic.deliver")


def expect_split(delivery: Delivery, body: bytes, frame_max: int) -> None:
    """The body is whole and no frame is larger than agreed."""
    largest = max(len(frame.payload) for frame in delivery.frames) + FRAME_OVERHEAD
    verify.between(largest, 0, frame_max, "octets in the largest frame")
    verify.true(delivery.body == body, "the published body", "another body")


@pytest.mark.requirement("tune/frame-max-below-min")
def test_frame_max_below_minimum(raw: RawClients) -> None:
    """Asking for frames below 4096 octets ends the socket without a Close."""
    verify.equal(answer_to(tuned(raw), frame_max=SMALLEST - 1), BARE, "answer")


@pytest.mark.requirement("tune/frame-max-above-offer")
def test_frame_max_above_offer(raw: RawClients) -> None:
    """Asking for larger frames than were offered ends the socket without a Close."""
    client = tuned(raw)
    if client.frame_max == 0:
        verify.unsupported("connection.tune offers frames without limit")
    verify.equal(answer_to(client, frame_max=client.frame_max + 1), BARE, "answer")


@pytest.mark.requirement("tune/frame-max-zero")
def test_frame_max_zero(raw: RawClients, observe: Observe) -> None:
    """Asking for frames without limit is refused by a bare end, or taken."""
    client = tuned(raw)
    if client.frame_max == 0:
        verify.unsupported("connection.tune offers frames without limit")
    answer = answer_to(client, frame_max=0)
    verify.true(answer in {BARE, "connection.open-ok"}, f"{BARE} or connection.open-ok", answer)
    observe(answer)


@pytest.mark.requirement("tune/delivery-respects-frame-max")
def test_delivery_respects_frame_max(raw: RawClients, names: Names) -> None:
    """A body of 300 kB is delivered whole, in frames within the limit."""
    client, body = raw(frame_max=SMALL_FRAME), bytes(range(250)) * 1200
    expect_split(passed_on(client, client, names(), body), body, SMALL_FRAME)


@pytest.mark.requirement("tune/different-frame-max-peers")
def test_different_frame_max_peers(raw: RawClients, names: Names) -> None:
    """A body in frames of the publisher's size reaches a consumer in frames of its own size."""
    publisher, consumer = raw(), raw(frame_max=SMALL_FRAME)
    body = bytes(range(200)) * 500
    expect_split(passed_on(publisher, consumer, names(), body), body, SMALL_FRAME)


@pytest.mark.requirement("tune/header-larger-than-frame-max")
def test_header_larger_than_frame_max(raw: RawClients, names: Names) -> None:
    """A content header in a frame above frame-max is a 501."""
    client, queue = raw(frame_max=SMALL_FRAME), names()
    client.call(1, "queue.declare", queue=queue)
    client.publish(1, "", queue, headers={"fits": "x" * (SMALL_FRAME // 2)})
    client.sync(1)
    client.publish(1, "", queue, headers={"filler": "x" * 2 * SMALL_FRAME})
    expect_closed(client, 1, 501)


@pytest.mark.requirement("tune/deliver-header-larger-than-frame-max")
def test_deliver_header_larger_than_frame_max(
    raw: RawClients, names: Names, observe: Observe
) -> None:
    """A header that exceeds its receiver's frame-max is delivered whole or ends in an error."""
    publisher, receiver, queue = raw(), raw(frame_max=SMALL_FRAME), names()
    publisher.call(1, "queue.declare", queue=queue)
    headers = {"filler": "x" * 2 * SMALL_FRAME}
    publisher.publish(1, "", queue, b"x", headers=headers)
    publisher.sync(1)
    receiver.send(1, "basic.get", queue=queue, no_ack=True)
    answer = receiver.read_method(1)
    if isinstance(answer, Delivery):
        verify.equal(answer.properties["headers"], headers, "headers")
        observe(f"delivered in a frame of {len(answer.header) + FRAME_OVERHEAD} octets")
    else:
        verify.true(answer.name.endswith(".close"), "a message or a Close", str(answer))
        observe(str(answer))


@pytest.mark.requirement("tune/heartbeat-negotiated-lower")
def test_heartbeat_negotiated_lower(raw: RawClients) -> None:
    """A heartbeat interval below the offered one holds: the broker beats at the client's pace."""
    raw(heartbeat=1).expect_heartbeat(2.5)


@pytest.mark.requirement("tune/tune-ok-twice")
def test_tune_ok_twice(client: RawClient) -> None:
    """A second Tune-Ok on an open connection is a connection error."""
    client.tune_ok()
    client.expect_connection_close(503, 504, 530, method="connection.tune-ok")
