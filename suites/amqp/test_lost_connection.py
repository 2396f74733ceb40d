"""Connections that end at a bad moment: what was under way is done, or known to be open."""

from collections import Counter

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.verify import Mismatch

PATIENCE = 30.0  # seconds for any step, on a busy machine
UNANSWERED = 90.0  # seconds; brokers wait for Close-Ok, RabbitMQ for 30


def cut(client: RawClient, how: str) -> None:
    """End the socket without a word of AMQP."""
    if how == "reset":
        client.link.reset()
    else:
        client.link.close()


def expect_unused(client: RawClient, queue: str) -> None:
    """The queue has lost its consumers, whose unacked messages are back in it."""

    def consumers() -> int:
        declared = client.call(1, "queue.declare", queue=queue, passive=True)
        return int(declared["consumer_count"])

    verify.eventually(lambda: consumers() == 0, "no consumer", within=PATIENCE)


@pytest.mark.requirement("ack/lost-on-disconnect")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_ack_lost(raw: RawClients, names: Names, how: str) -> None:
    """A message whose ack was written just before the end is gone or comes again, flagged."""
    client = raw(timeout=PATIENCE)
    queue = new_queue(client, names)
    for number in range(10):
        fill(client, queue, [b"acked %d" % number, b"unacked %d" % number])
        victim = raw(timeout=PATIENCE)
        victim.call(1, "basic.qos", prefetch_count=2)
        victim.consume(1, queue)
        tag = victim.expect_content(1, "basic.deliver", b"acked %d" % number)["delivery_tag"]
        victim.expect_content(1, "basic.deliver", b"unacked %d" % number)
        victim.send(1, "basic.ack", delivery_tag=tag)
        cut(victim, how)
        expect_unused(client, queue)
        verify_left(client, queue, number)


def verify_left(client: RawClient, queue: str, number: int) -> None:
    """The unacked message came back; the acked one may have."""
    left = []
    while (message := client.get(1, queue)) is not None:
        verify.equal(message["redelivered"], True, "redelivered")
        left.append(message.body)
    possible = ([b"unacked %d" % number], [b"acked %d" % number, b"unacked %d" % number])
    verify.true(left in possible, "the unacked message, and perhaps the acked one", f"{left}")


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("confirm/after-reconnect")
@pytest.mark.parametrize("how", ["close", "reset"])
def test_confirm_after_reconnect(raw: RawClients, names: Names, how: str) -> None:
    """What was unconfirmed at the end of a connection and is published again is not lost."""
    reader = raw(timeout=PATIENCE)
    queue, bodies = new_queue(reader, names), [b"%03d" % number for number in range(100)]
    publisher = raw(timeout=PATIENCE)
    publisher.call(1, "confirm.select")
    fill(publisher, queue, bodies)
    confirmed = publisher.find(1, "basic.ack")["delivery_tag"]
    cut(publisher, how)
    again = raw(timeout=PATIENCE)
    again.call(1, "confirm.select")
    unconfirmed = bodies[confirmed:]
    fill(again, queue, unconfirmed)
    while unconfirmed and again.find(1, "basic.ack")["delivery_tag"] < len(unconfirmed):
        pass
    seen = Counter(drain(reader, queue))
    verify.equal(sorted(seen), bodies, "messages in the queue")
    often = [body for body, times in seen.items() if times > 1 + (body in unconfirmed)]
    verify.equal(often, [], "messages that came more often than they were published")


@pytest.mark.requirement("consume/cancel-in-flight")
@pytest.mark.parametrize("no_ack", [True, False])
def test_cancel_in_flight(raw: RawClients, names: Names, no_ack: bool) -> None:
    """What is under way when a consumer is cancelled is delivered or stays, none of it lost."""
    client = raw(channels=2, timeout=PATIENCE)
    queue, bodies = new_queue(client, names), [b"%04d" % number for number in range(1000)]
    fill(client, queue, bodies)
    tag = client.consume(2, queue, no_ack=no_ack)
    got = [client.expect_content(2, "basic.deliver").body]
    client.send(2, "basic.cancel", consumer_tag=tag)
    while isinstance(received := client.read_method(2), Delivery):
        got.append(received.body)
    if received.name != "basic.cancel-ok":
        raise Mismatch("basic.cancel-ok", str(received))
    client.expect_nothing(2)
    left = drain(client, queue)
    verify.equal(sorted(got + left), bodies, "delivered and left")
    verify.equal(got, bodies[: len(got)], "delivered")


@pytest.mark.requirement("connection/server-close-unanswered")
def test_server_close_unanswered(raw: RawClients) -> None:
    """A client that does not answer the broker's Close loses its socket in the end."""
    client = raw(timeout=PATIENCE)
    client.send(1, "channel.open")
    closed = client.read_method(0)
    verify.equal(str(closed), "connection.close 504", "method")
    client.expect_socket_closed(UNANSWERED)
