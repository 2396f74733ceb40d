"""Heartbeats: who sends them, what counts as one, and what silence costs."""

import itertools
import time
from collections.abc import Iterator

import pytest

from reference_broker.wire.framing import HEARTBEAT, encode_frame, method_frame
from suites import verify
from suites.amqp import literal
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

INTERVAL = 1  # second: the least that can be agreed on
LONG_ENOUGH = 4.0  # intervals: a broker that misses traffic has noticed after three


def paced(seconds: float, pause: float = 0.2) -> Iterator[float]:
    """Times since the beginning, one every `pause` seconds: the traffic under test has a pace."""
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        yield elapsed
        time.sleep(pause)


@pytest.mark.requirement("heartbeat/sent-when-idle")
def test_sent_when_idle(raw: RawClients) -> None:
    """An idle client hears from the broker at least once an interval."""
    client = raw(heartbeat=INTERVAL)
    times = [client.expect_heartbeat(2.5 * INTERVAL) for _ in range(4)]
    longest = max(later - earlier for earlier, later in itertools.pairwise(times))
    verify.between(longest, 0, 1.5 * INTERVAL, "seconds between heartbeats")


@pytest.mark.requirement("heartbeat/client-silent")
def test_client_silent(raw: RawClients) -> None:
    """A client that is silent for two intervals loses its socket, without a Close."""
    client = raw(heartbeat=INTERVAL)
    began = time.monotonic()
    client.expect_socket_closed()
    waited = time.monotonic() - began
    verify.between(waited, 1.5 * INTERVAL, 5 * INTERVAL, "seconds until the socket ended")


@pytest.mark.requirement("heartbeat/traffic-counts")
def test_traffic_counts(raw: RawClients) -> None:
    """A client that sends methods and no heartbeats is not dropped."""
    client = raw(heartbeat=INTERVAL)
    for _ in paced(LONG_ENOUGH):
        client.sync(1)
    client.sync(1)


@pytest.mark.requirement("heartbeat/partial-frames-count")
def test_partial_frames_count(raw: RawClients, names: Names) -> None:
    """A client that is in the middle of one slow frame is not dropped."""
    client = raw(heartbeat=INTERVAL)
    frame = method_frame(1, "queue.declare", queue=names())
    position = 0
    for position, _ in enumerate(paced(LONG_ENOUGH)):
        client.send_bytes(frame[position : position + 1])
    client.send_bytes(frame[position + 1 :])
    client.expect(1, "queue.declare-ok")


@pytest.mark.requirement("heartbeat/zero", "tune/heartbeat-zero")
def test_zero(raw: RawClients) -> None:
    """Without heartbeats agreed on, none come, and silence does not cost the connection."""
    silent, dropped = raw(), raw(heartbeat=INTERVAL)
    dropped.expect_socket_closed()
    silent.sync(1)
    verify.equal(silent.heartbeats, [], "heartbeats")


@pytest.mark.requirement("heartbeat/non-zero-channel")
def test_non_zero_channel(client: RawClient) -> None:
    """A heartbeat frame on channel 1 is a connection error."""
    client.send_frame(8, 1, b"")
    client.expect_connection_close(501, 503, 505)


@pytest.mark.requirement("heartbeat/with-payload")
def test_with_payload(client: RawClient) -> None:
    """A heartbeat frame with a payload is a 501."""
    client.send_frame(8, 0, b"xx")
    client.expect_connection_close(501)


@pytest.mark.requirement("heartbeat/unnegotiated-tolerated")
def test_unnegotiated_tolerated(client: RawClient) -> None:
    """A heartbeat frame is ignored although none were agreed on."""
    client.send_heartbeat()
    client.expect_nothing(1)


@pytest.mark.requirement("heartbeat/before-open")
def test_before_open(raw: RawClients) -> None:
    """A heartbeat between tune-ok and connection.open is ignored."""
    client = raw.connect()
    client.start()
    client.start_ok()
    client.tune_ok(heartbeat=INTERVAL)
    client.send_heartbeat()
    client.open_vhost()


@pytest.mark.requirement("heartbeat/mid-content")
def test_mid_content(client: RawClient, names: Names) -> None:
    """Heartbeats between the frames of a content do not disturb it."""
    queue = names()
    client.call(1, "queue.declare", queue=queue)
    frames = [
        method_frame(1, "basic.publish", routing_key=queue),
        encode_frame(2, 1, literal.header(3)),
        encode_frame(3, 1, b"abc"),
    ]
    client.send_bytes(HEARTBEAT.join(frames))
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", b"abc")


@pytest.mark.requirement("heartbeat/during-close")
def test_during_close(client: RawClient) -> None:
    """Heartbeats after the broker's Close, up to the Close-Ok, are no further error."""
    client.send(1, "channel.open")
    client.expect(0, "connection.close")
    client.send_heartbeat()
    client.send(0, "connection.close-ok")
    client.expect_socket_closed()


@pytest.mark.requirement("heartbeat/requeue-on-timeout")
def test_requeue_on_timeout(raw: RawClients, client: RawClient, names: Names) -> None:
    """The unsettled messages of a client that fell silent go to another."""
    silent, queue = raw(heartbeat=INTERVAL), names()
    silent.call(1, "queue.declare", queue=queue)
    silent.publish(1, "", queue, b"held")
    silent.consume(1, queue)
    silent.expect_content(1, "basic.deliver", b"held")
    client.consume(1, queue, no_ack=True)
    message = client.expect_content(1, "basic.deliver", b"held", timeout=10)
    verify.equal(message["redelivered"], expected=True, what="redelivered")


@pytest.mark.requirement("heartbeat/exclusive-cleanup-on-timeout")
def test_exclusive_cleanup_on_timeout(raw: RawClients, client: RawClient, names: Names) -> None:
    """The exclusive queue of a client that fell silent is deleted: locked first, then gone."""
    silent, queue = raw(heartbeat=INTERVAL), names()
    silent.call(1, "queue.declare", queue=queue, exclusive=True)

    def refusal() -> int:
        client.send(1, "queue.declare", queue=queue, passive=True)
        code = client.expect_channel_close(1, 404, 405)["reply_code"]
        client.open_channel(1)
        return int(code)

    verify.equal(refusal(), 405, "reply code while the client lives")
    verify.eventually(refusal, "reply code", within=10, wanted=404)


@pytest.mark.requirement("heartbeat/busy-broker-still-beats")
def test_busy_broker_still_beats(raw: RawClients, client: RawClient, names: Names) -> None:
    """An idle client hears its heartbeats while others keep the broker busy."""
    idle, queue = raw(heartbeat=INTERVAL), names()
    client.call(1, "queue.declare", queue=queue)
    client.consume(1, queue, no_ack=True)
    for _ in paced(LONG_ENOUGH, pause=0):
        for _ in range(100):
            client.publish(1, "", queue, b"x" * 1000)
        for _ in range(100):
            client.expect_content(1, "basic.deliver")
        idle.send_heartbeat()
    idle.sync(1)
    verify.between(len(idle.heartbeats), LONG_ENOUGH - 1, 3 * LONG_ENOUGH, "heartbeats")


@pytest.mark.requirement("heartbeat/slow-reader-not-killed")
def test_slow_reader_not_killed(raw: RawClients, client: RawClient, names: Names) -> None:
    """A client that sends heartbeats, and reads nothing of what is sent to it, is not dropped."""
    slow, queue = raw(heartbeat=INTERVAL), names()
    client.call(1, "queue.declare", queue=queue)
    slow.consume(1, queue, no_ack=True)
    for _ in range(100):
        client.publish(1, "", queue, b"x" * 100_000)
    for _ in paced(LONG_ENOUGH):
        slow.send_heartbeat()
    for _ in range(100):
        slow.expect_content(1, "basic.deliver")
    slow.sync(1)


@pytest.mark.requirement("heartbeat/max")
def test_max(raw: RawClients) -> None:
    """An interval of 65535 seconds is accepted."""
    raw(heartbeat=65535).sync(1)
