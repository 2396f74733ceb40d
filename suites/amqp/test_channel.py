"""channel.open and channel.close: how channels live and die apart from each other."""

import time

import pytest

from suites import verify
from suites.amqp import literal
from suites.amqp.endings import expect_closed
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

UNOPENED = 9


def fail_softly(client: RawClient, channel: int, missing: str) -> None:
    """Have the broker close the channel with 404."""
    client.send(channel, "queue.declare", queue=missing, passive=True)


@pytest.mark.requirement("channel/open-ok")
def test_open_ok(raw: RawClients) -> None:
    """channel.open on a number that is free is answered by open-ok."""
    raw(channels=0).open_channel(7)


@pytest.mark.requirement("channel/open-already-open")
def test_open_already_open(client: RawClient) -> None:
    """channel.open on an open channel is a 504 on the connection."""
    client.send(1, "channel.open")
    client.expect_connection_close(504, method="channel.open")


@pytest.mark.requirement("channel/use-unopened")
def test_use_unopened(client: RawClient, names: Names) -> None:
    """A method on a channel that was never opened is a 504 on the connection."""
    client.send(UNOPENED, "queue.declare", queue=names())
    expect_closed(client, UNOPENED, 504)


@pytest.mark.requirement("channel/use-closed")
def test_use_closed(client: RawClient, names: Names) -> None:
    """A method on a channel after its closing handshake is a 504 on the connection."""
    client.call(1, "channel.close", reply_code=200)
    client.send(1, "queue.declare", queue=names())
    expect_closed(client, 1, 504)


@pytest.mark.requirement("channel/header-on-unopened")
def test_header_on_unopened(client: RawClient) -> None:
    """A content header on a channel that was never opened is a connection error."""
    client.send_frame(2, UNOPENED, literal.header())
    client.expect_connection_close(504, 505)


@pytest.mark.requirement("channel/settle-on-unopened")
@pytest.mark.parametrize("method", ["basic.ack", "basic.nack", "basic.reject"])
def test_settle_on_unopened(client: RawClient, method: str) -> None:
    """To settle on a channel that was never opened is a 504 on the connection."""
    client.send(UNOPENED, method, delivery_tag=1)
    client.expect_connection_close(504, method=method)


@pytest.mark.requirement("channel/nameless-on-unopened")
@pytest.mark.parametrize("method", ["queue.purge", "queue.delete", "basic.get", "basic.consume"])
def test_nameless_on_unopened(client: RawClient, method: str) -> None:
    """So is a method that leaves the name of its queue to the channel."""
    client.send(UNOPENED, method)
    expect_closed(client, UNOPENED, 504)


@pytest.mark.requirement("channel/open-zero")
def test_open_zero(client: RawClient) -> None:
    """channel.open on channel 0 is a connection error."""
    client.send(0, "channel.open")
    client.expect_connection_close(503, 504, method="channel.open")


@pytest.mark.requirement("channel/close-ok")
def test_close_ok(client: RawClient) -> None:
    """A client's channel.close is answered by close-ok, and the connection goes on."""
    client.call(1, "channel.close", reply_code=200)
    client.open_channel(2)


@pytest.mark.requirement("channel/close-twice")
def test_close_twice(client: RawClient) -> None:
    """channel.close on a channel that is closed is a 504 on the connection."""
    client.call(1, "channel.close", reply_code=200)
    client.send(1, "channel.close", reply_code=200)
    expect_closed(client, 1, 504)


@pytest.mark.requirement("channel/reuse-number")
def test_reuse_number(client: RawClient, names: Names) -> None:
    """A number that is opened again begins with delivery tag 1, whatever it was used for."""
    queue = names()
    client.call(1, "queue.declare", queue=queue)
    for body in (b"1", b"2", b"3"):
        client.publish(1, "", queue, body)
    tags = [client.call(1, "basic.get", queue=queue, no_ack=True)["delivery_tag"] for _ in "12"]
    client.call(1, "channel.close", reply_code=200)
    client.open_channel(1)
    tags.append(client.call(1, "basic.get", queue=queue, no_ack=True)["delivery_tag"])
    verify.equal(tags, [1, 2, 1], "delivery tags")


@pytest.mark.requirement("channel/reopen-before-close-ok")
def test_reopen_before_close_ok(client: RawClient, names: Names) -> None:
    """channel.open before the broker's Close is answered opens what is not closed: a 504."""
    fail_softly(client, 1, names())
    client.expect(1, "channel.close")
    client.send(1, "channel.open")
    client.send(1, "channel.close-ok")
    client.send(1, "basic.qos")
    expect_closed(client, 1, 504)


@pytest.mark.requirement("channel/frames-after-server-close")
def test_frames_after_server_close(client: RawClient, names: Names) -> None:
    """What comes on a channel between the broker's Close and the Close-Ok has no effect."""
    queue = names()
    fail_softly(client, 1, names())
    client.send(1, "queue.declare", queue=queue)
    client.expect_channel_close(1, 404)
    client.open_channel(1)
    fail_softly(client, 1, queue)
    client.expect_channel_close(1, 404)


@pytest.mark.requirement("channel/close-crossing")
def test_close_crossing(client: RawClient, names: Names) -> None:
    """A client's Close that crosses the broker's is answered, and the number can be used again."""
    fail_softly(client, 1, names())
    client.send(1, "channel.close", reply_code=200)
    client.expect(1, "channel.close")
    client.expect(1, "channel.close-ok")
    client.send(1, "channel.close-ok")
    client.open_channel(1)


@pytest.mark.requirement("channel/close-ok-unasked")
def test_close_ok_unasked(client: RawClient) -> None:
    """A channel.close-ok that answers no Close is a 503 on the connection."""
    client.send(1, "channel.close-ok")
    client.send(1, "basic.qos")
    expect_closed(client, 1, 503)


@pytest.mark.requirement("channel/error-isolated")
def test_error_isolated(raw: RawClients, names: Names) -> None:
    """An error that closes one channel leaves the others as they were."""
    client, queue = raw(channels=2), names()
    client.call(2, "queue.declare", queue=queue)
    client.consume(2, queue, no_ack=True)
    fail_softly(client, 1, names())
    client.expect_channel_close(1, 404)
    client.publish(2, "", queue, b"still here")
    client.expect_content(2, "basic.deliver", b"still here")


@pytest.mark.requirement("channel/unacked-requeued-on-close")
def test_unacked_requeued_on_close(raw: RawClients, names: Names) -> None:
    """The unsettled messages of a closed channel come again, in order, marked as redelivered."""
    client, queue = raw(channels=2), names()
    client.call(1, "queue.declare", queue=queue)
    for body in (b"1", b"2", b"3"):
        client.publish(1, "", queue, body)
    for body in (b"1", b"2", b"3"):
        client.send(1, "basic.get", queue=queue)
        client.expect_content(1, "basic.get-ok", body)
    client.call(1, "channel.close", reply_code=200)
    client.consume(2, queue)
    messages = [client.expect_content(2, "basic.deliver") for _ in range(3)]
    seen = [(message.body, message["redelivered"]) for message in messages]
    verify.equal(seen, [(b"1", True), (b"2", True), (b"3", True)], "messages")


@pytest.mark.requirement("channel/consumers-cancelled-on-close")
def test_consumers_cancelled_on_close(raw: RawClients, names: Names) -> None:
    """The consumers of a closed channel are no longer counted."""
    client, queue = raw(channels=2), names()

    def consumers() -> int:
        return int(client.call(2, "queue.declare", queue=queue)["consumer_count"])

    client.call(1, "queue.declare", queue=queue)
    client.consume(1, queue)
    verify.eventually(consumers, "consumers", wanted=1)
    client.call(1, "channel.close", reply_code=200)
    verify.eventually(consumers, "consumers", wanted=0)


@pytest.mark.requirement("channel/churn")
def test_churn(raw: RawClients) -> None:
    """Two thousand cycles of open and close use up no channel of the few that were agreed on."""
    client = raw(channel_max=3, channels=0)
    for _ in range(2000):
        client.open_channel(1)
        client.call(1, "channel.close", reply_code=200)
    for channel in (1, 2, 3):
        client.open_channel(channel)


@pytest.mark.requirement("channel/interleaved")
def test_interleaved(raw: RawClients, names: Names) -> None:
    """Requests on many channels at once are each answered on their own channel."""
    channels = range(1, 21)
    client, queues = raw(channels=20), {channel: names() for channel in channels}
    for channel in channels:
        client.send(channel, "queue.declare", queue=queues[channel])
    answers = {channel: client.expect(channel, "queue.declare-ok") for channel in channels}
    declared = {channel: answer["queue"] for channel, answer in answers.items()}
    verify.equal(declared, queues, "queues by channel")


@pytest.mark.requirement("channel/fairness")
def test_fairness(raw: RawClients, names: Names) -> None:
    """A channel on which thousands of messages flow does not keep another from its reply."""
    client, queue = raw(channels=2), names()
    client.call(1, "queue.declare", queue=queue)
    client.consume(1, queue, no_ack=True)
    for _ in range(3000):
        client.publish(1, "", queue, b"busy")
    began = time.monotonic()
    client.sync(2)
    verify.between(time.monotonic() - began, 0, 3, "seconds until the quiet channel's reply")


@pytest.mark.requirement("channel/pipelined-requests")
def test_pipelined_requests(client: RawClient, names: Names) -> None:
    """Requests that are sent without waiting are answered in their order."""
    queues = [names() for _ in range(10)]
    for queue in queues:
        client.send(1, "queue.declare", queue=queue)
    answered = [client.expect(1, "queue.declare-ok")["queue"] for _ in queues]
    verify.equal(answered, queues, "queues in the order of the replies")
