"""Direct reply-to: replies that go to a channel with no queue in between."""

import pytest

from suites import verify
from suites.amqp.steps import new_queue
from suites.amqp.topology import leave
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("direct_reply_to")

REPLIES = "amq.rabbitmq.reply-to"


def ask(requester: RawClient, server: RawClient, queue: str, channel: int = 1) -> str:
    """Send a request to the queue; give the address for its reply, as the server reads it."""
    requester.publish(channel, "", queue, b"request", reply_to=REPLIES, correlation_id="7")
    request = verify.eventually(lambda: server.get(1, queue), "basic.get-ok")
    assert request is not None  # what `eventually` gives is true
    verify.equal(request.body, b"request", "body")
    verify.equal(request.properties["correlation_id"], "7", "correlation-id")
    return str(request.properties["reply_to"])


@pytest.mark.requirement("reply-to/round-trip")
def test_round_trip(raw: RawClients, names: Names) -> None:
    """What is published to the address in a request is delivered to the requester's consumer."""
    requester, server = raw(), raw()
    queue = new_queue(server, names)
    tag = requester.consume(1, REPLIES, no_ack=True)
    to = ask(requester, server, queue)
    verify.true(to.startswith(f"{REPLIES}."), f"reply-to {REPLIES}.…", f"reply-to {to}")
    for body in (b"first", b"second"):
        server.publish(1, "", to, body, correlation_id="7")
        reply = requester.expect_content(1, "basic.deliver", body)
        given = (reply["consumer_tag"], reply["exchange"], reply["routing_key"])
        verify.equal(given, (tag, "", to), "tag, exchange, key")
        verify.equal(reply["redelivered"], False, "redelivered")
        verify.equal(reply.properties["correlation_id"], "7", "correlation-id")


@pytest.mark.requirement("reply-to/needs-no-ack")
def test_needs_no_ack(client: RawClient) -> None:
    """A consumer of direct replies that would acknowledge them is refused with 406."""
    client.send(1, "basic.consume", queue=REPLIES, no_ack=False)
    client.expect_channel_close(1, 406, method="basic.consume")
    client.open_channel(1)
    client.consume(1, REPLIES, no_ack=True)


@pytest.mark.requirement("reply-to/one-consumer")
def test_one_consumer(client: RawClient) -> None:
    """A channel has one consumer of direct replies; a second is refused with 406."""
    tag = client.consume(1, REPLIES, no_ack=True)
    client.call(1, "basic.cancel", consumer_tag=tag)
    client.consume(1, REPLIES, no_ack=True)
    client.send(1, "basic.consume", queue=REPLIES, no_ack=True)
    client.expect_channel_close(1, 406, method="basic.consume")


@pytest.mark.requirement("reply-to/publish-needs-consumer")
def test_publish_needs_consumer(client: RawClient, names: Names) -> None:
    """A request for direct replies from a channel that does not consume them is a 406."""
    queue = new_queue(client, names)
    client.publish(1, "", queue, b"request", reply_to="another")
    client.sync(1)
    client.publish(1, "", queue, b"request", reply_to=REPLIES)
    client.expect_channel_close(1, 406, method="basic.publish")


@pytest.mark.requirement("reply-to/publish-needs-consumer")
def test_publish_after_cancel(client: RawClient, names: Names) -> None:
    """Nor may a channel ask for direct replies after its consumer of them was cancelled."""
    queue = new_queue(client, names)
    tag = client.consume(1, REPLIES, no_ack=True)
    client.publish(1, "", queue, b"request", reply_to=REPLIES)
    client.call(1, "basic.cancel", consumer_tag=tag)
    client.publish(1, "", queue, b"request", reply_to=REPLIES)
    client.expect_channel_close(1, 406, method="basic.publish")


@pytest.mark.requirement("reply-to/gone-client")
def test_gone_client(raw: RawClients, names: Names) -> None:
    """A reply to a requester that has left is dropped, or returned where it is mandatory."""
    requester, server = raw(), raw()
    queue = new_queue(server, names)
    requester.consume(1, REPLIES, no_ack=True)
    to = ask(requester, server, queue)
    leave(requester)
    server.publish(1, "", to, b"dropped")
    server.sync(1)
    server.publish(1, "", to, b"returned", mandatory=True)
    server.expect_content(1, "basic.return", b"returned")
    server.expect_nothing(1)


@pytest.mark.requirement("reply-to/mandatory")
def test_mandatory(raw: RawClients, names: Names) -> None:
    """A mandatory reply is delivered, and returned as well: no queue has taken it."""
    requester, server = raw(), raw()
    queue = new_queue(server, names)
    requester.consume(1, REPLIES, no_ack=True)
    to = ask(requester, server, queue)
    server.publish(1, "", to, b"reply", mandatory=True)
    server.expect_content(1, "basic.return", b"reply")
    requester.expect_content(1, "basic.deliver", b"reply")


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("reply-to/confirm")
def test_confirm(raw: RawClients, names: Names) -> None:
    """A reply is confirmed to its publisher, whether or not the requester is still there."""
    requester, server = raw(), raw()
    queue = new_queue(server, names)
    requester.consume(1, REPLIES, no_ack=True)
    to = ask(requester, server, queue)
    server.call(1, "confirm.select")
    server.publish(1, "", to, b"reply")
    server.expect(1, "basic.ack")
    requester.expect_content(1, "basic.deliver", b"reply")
    leave(requester)
    server.publish(1, "", to, b"dropped")
    server.expect(1, "basic.ack")


@pytest.mark.requirement("reply-to/check-exists")
def test_check_exists(raw: RawClients, names: Names) -> None:
    """Whether the requester is still there is asked by declaring its address: 404 if it is not."""
    requester, server = raw(), raw()
    queue = new_queue(server, names)
    requester.consume(1, REPLIES, no_ack=True)
    to = ask(requester, server, queue)
    for passive in (True, False):
        found = server.call(1, "queue.declare", queue=to, passive=passive)
        counts = (found["queue"], found["message_count"], found["consumer_count"])
        verify.equal(counts, (to, 0, 1), "queue, messages, consumers")
    leave(requester)
    server.send(1, "queue.declare", queue=to, passive=True)
    server.expect_channel_close(1, 404, method="queue.declare")


@pytest.mark.requirement("reply-to/cross-channel")
def test_cross_channel(raw: RawClients, names: Names) -> None:
    """An address leads to the channel that sent the request, and to no other."""
    requester, server = raw(channels=2), raw()
    queue = new_queue(server, names)
    for channel in (1, 2):
        requester.consume(channel, REPLIES, no_ack=True)
    second, first = (ask(requester, server, queue, channel) for channel in (2, 1))
    server.publish(1, "", second, b"to the second")
    server.publish(1, "", first, b"to the first")
    requester.expect_content(2, "basic.deliver", b"to the second")
    requester.expect_content(1, "basic.deliver", b"to the first")
    for channel in (1, 2):
        requester.expect_nothing(channel)


@pytest.mark.requirement("reply-to/cross-channel")
def test_new_consumer(raw: RawClients, names: Names) -> None:
    """An address ends with its consumer: one that comes after it on the channel has another."""
    requester, server = raw(), raw()
    queue = new_queue(server, names)
    tag = requester.consume(1, REPLIES, no_ack=True)
    old = ask(requester, server, queue)
    requester.call(1, "basic.cancel", consumer_tag=tag)
    requester.consume(1, REPLIES, no_ack=True)
    new = ask(requester, server, queue)
    server.publish(1, "", old, b"to the old")
    server.publish(1, "", new, b"to the new")
    requester.expect_content(1, "basic.deliver", b"to the new")
    requester.expect_nothing(1)


@pytest.mark.requirement("reply-to/forged")
@pytest.mark.parametrize("key", [REPLIES, f"{REPLIES}.", f"{REPLIES}.x.y", f"{REPLIES}.nobody"])
def test_forged(client: RawClient, key: str) -> None:
    """An address that the broker never gave out leads nowhere, and does no harm."""
    client.consume(1, REPLIES, no_ack=True)
    client.publish(1, "", key, b"forged", mandatory=True)
    client.expect_content(1, "basic.return", b"forged")
    client.expect_nothing(1)


@pytest.mark.requirement("reply-to/not-a-queue")
@pytest.mark.parametrize("method", ["queue.bind", "queue.purge", "basic.get"])
def test_not_a_queue(client: RawClient, method: str) -> None:
    """The name for direct replies is that of no queue: what needs one answers 404."""
    client.consume(1, REPLIES, no_ack=True)
    more = {"exchange": "amq.direct", "routing_key": "k"} if method == "queue.bind" else {}
    client.send(1, method, queue=REPLIES, **more)
    client.expect_channel_close(1, 404, method=method)
