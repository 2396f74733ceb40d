"""The consumer timeout: a delivery that is not acknowledged in time closes its channel."""

import time

import pytest

from suites import verify
from suites.amqp.expiry import expect_left
from suites.amqp.limited import CONSUMER_TIMEOUT, limited
from suites.amqp.steps import drain, fill, hold, take
from suites.amqp.topology import own_queue
from suites.clients.link import SILENCE
from suites.clients.raw import RawClient
from suites.harness.names import Names
from suites.harness.variants import ClientsOf
from suites.verify import Mismatch

LEAST = CONSUMER_TIMEOUT / 1000
PATIENCE = 20.0  # seconds; a broker looks at what is overdue from time to time


def has_timed_out(client: RawClient, channel: int) -> bool:
    """Whether the channel is closed with 406 within a fraction of the timeout."""
    try:
        client.expect_channel_close(channel, 406, timeout=LEAST / 4)
    except Mismatch as none:
        if none.actual != SILENCE:
            raise
        return False
    return True


def expect_timeout(client: RawClient, channel: int) -> None:
    """The channel is closed with 406, and no method is to blame."""
    client.expect_channel_close(channel, 406, method=(0, 0), timeout=PATIENCE)


@pytest.mark.requirement("consume/timeout")
def test_timeout(clients_of: ClientsOf, names: Names) -> None:
    """The channel of a consumer that does not acknowledge in time is closed, its message kept."""
    client = limited(clients_of)(channels=2)
    queue = own_queue(client, names)
    client.consume(2, queue)
    begun = time.monotonic()
    fill(client, queue, [b"held", b"held too"])
    take(client, b"held", b"held too", channel=2)
    expect_timeout(client, 2)
    verify.between(time.monotonic() - begun, LEAST, PATIENCE, "seconds until the close")
    expect_left(client, queue, 2)
    for body in (b"held", b"held too"):
        message = client.get(1, queue)
        verify.equal(message and (message.body, message["redelivered"]), (body, True), "message")
    verify.equal(drain(client, queue), [], "queue")


@pytest.mark.requirement("consume/timeout-get")
def test_timeout_get(clients_of: ClientsOf, names: Names) -> None:
    """A message that was fetched has to be acknowledged in time as well."""
    client = limited(clients_of)(channels=2)
    queue = own_queue(client, names)
    fill(client, queue, [b"fetched"], channel=2)
    hold(client, queue, b"fetched", channel=2)
    expect_timeout(client, 2)
    expect_left(client, queue, 1)
    verify.equal(drain(client, queue), [b"fetched"], "queue")


@pytest.mark.requirement("consume/timeout-others-stay")
def test_timeout_others_stay(clients_of: ClientsOf, names: Names) -> None:
    """Who acknowledges, or need not, is left in peace, on the same connection too."""
    client = limited(clients_of)(channels=4)
    queues = {channel: own_queue(client, names) for channel in (2, 3, 4)}
    for channel, queue in queues.items():
        client.consume(channel, queue, no_ack=channel == 3)
        fill(client, queue, [b"first"])
        [message] = take(client, b"first", channel=channel)
        if channel == 2:
            client.send(2, "basic.ack", delivery_tag=message["delivery_tag"])
    expect_timeout(client, 4)  # it was the last to get its message, so the others' time is over too
    for channel in (2, 3):
        fill(client, queues[channel], [b"second"])
        take(client, b"second", channel=channel)
        client.expect_nothing(channel)


@pytest.mark.requirement("consume/timeout-others-stay")
def test_timeout_each_delivery(clients_of: ClientsOf, names: Names) -> None:
    """A channel that always has something unacknowledged, but nothing for long, stays open."""
    client = limited(clients_of)(channels=3)
    idle, busy = own_queue(client, names), own_queue(client, names)
    for channel, queue in ((2, idle), (3, busy)):
        client.consume(channel, queue)
        fill(client, queue, [b"first"])
    [held] = take(client, b"first", channel=3)
    take(client, b"first", channel=2)
    deadline = time.monotonic() + PATIENCE
    while not has_timed_out(client, 2):
        verify.true(time.monotonic() < deadline, "channel.close 406", SILENCE)
        fill(client, busy, [b"next"])
        [following] = take(client, b"next", channel=3)
        client.send(3, "basic.ack", delivery_tag=held["delivery_tag"])
        held = following
    client.expect_nothing(3)
