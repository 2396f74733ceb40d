"""Order and visibility: what several publishers and readers may rely on."""

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


def interleave(publishers: dict[bytes, tuple[RawClient, int]], queue: str, count: int) -> None:
    """Every publisher, a client and its channel, publishes `count` numbers under its letter."""
    for number in range(count):
        for letter, (client, channel) in publishers.items():
            fill(client, queue, [letter + b"%03d" % number], channel)


def verify_each_in_order(reader: RawClient, queue: str, letters: bytes, count: int) -> None:
    """A consumer on channel 1 is given each letter's numbers in order."""
    reader.consume(1, queue, no_ack=True)
    total = len(letters) * count
    bodies = [reader.expect_content(1, "basic.deliver").body for _ in range(total)]
    for letter in letters:
        own = [int(body[1:]) for body in bodies if body[0] == letter]
        verify.equal(own, list(range(count)), f"numbers of {chr(letter)}")


@pytest.mark.requirement("order/multi-publisher")
def test_multi_publisher(raw: RawClients, names: Names) -> None:
    """Each of several connections' messages come in the order in which it published them."""
    reader, first, second, third = raw(), raw(), raw(), raw()
    queue = new_queue(reader, names)
    interleave({b"a": (first, 1), b"b": (second, 1), b"c": (third, 1)}, queue, 50)
    verify_each_in_order(reader, queue, b"abc", 50)


@pytest.mark.requirement("order/two-channels-same-connection")
def test_two_channels(raw: RawClients, names: Names) -> None:
    """Each channel's messages come in the order in which it published them."""
    reader, publisher = raw(), raw(channels=2)
    queue = new_queue(reader, names)
    interleave({b"a": (publisher, 1), b"b": (publisher, 2)}, queue, 50)
    verify_each_in_order(reader, queue, b"ab", 50)


@pytest.mark.requirement("order/publish-then-get-same-channel")
def test_publish_then_get(client: RawClient, names: Names) -> None:
    """A get on the channel that published finds the message, every time."""
    queue = new_queue(client, names)
    for number in range(50):
        body = b"%d" % number
        fill(client, queue, [body])
        client.send(1, "basic.get", queue=queue, no_ack=True)
        client.expect_content(1, "basic.get-ok", body)


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("order/publish-confirm-then-get-other")
def test_confirm_then_get_elsewhere(raw: RawClients, names: Names) -> None:
    """After its confirm a message is found by another connection, every time."""
    publisher, reader = raw(), raw()
    publisher.call(1, "confirm.select")
    queue = new_queue(publisher, names)
    for number in range(50):
        body = b"%d" % number
        fill(publisher, queue, [body])
        publisher.expect(1, "basic.ack")
        verify.equal(drain(reader, queue), [body], "queue seen from another connection")


@pytest.mark.requirement("order/declare-visible-elsewhere")
def test_declare_visible(raw: RawClients, names: Names) -> None:
    """After declare-ok a queue and an exchange are found by another connection."""
    maker, finder = raw(), raw()
    queue, exchange = new_queue(maker, names), names("exchange")
    finder.call(1, "queue.declare", queue=queue, passive=True)
    maker.call(1, "exchange.declare", exchange=exchange, type="direct")
    finder.call(1, "exchange.declare", exchange=exchange, type="direct", passive=True)
