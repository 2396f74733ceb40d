"""Links that stand still, or nearly so: for a time that the heartbeat forgives, or for longer."""

import time
from functools import partial

import pytest

from faults.toxics import Bandwidth, Freeze, Reset
from suites import verify
from suites.amqp.endings import Observe
from suites.amqp.steps import new_queue, ready
from suites.clients.handshake import start_ok
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.bounds import SLACK
from suites.resilience.fixtures import LinkProxy, RemoteClients
from suites.resilience.silence import ended
from suites.resilience.together import together

INTERVAL = 2  # seconds
STALL = 1.2 * INTERVAL  # with the half interval since the last beat well below two
STALLS = 2
NEWCOMER_PATIENCE = 10.0  # seconds: RabbitMQ's documented handshake_timeout
TRICKLE = 5.0  # octets a second: the handshake takes over a minute
LORISES = 20
PROMPT = 2.0  # seconds for a round trip of someone who is not concerned
MESSAGES = 30
BACK = 15.0  # seconds for unacknowledged messages to be requeued
LARGE = bytes(1_000_000)  # thirty of them are more than sockets and proxies take


@pytest.mark.requirement("fault/proxy-stall")
def test_stalls_within_the_heartbeat(
    remote: RemoteClients, witness: RawClient, names: Names
) -> None:
    """A link that stands still for less than two intervals, again and again, loses nothing."""
    queue = new_queue(witness, names)
    client = remote(heartbeat=INTERVAL)
    client.call("consume", queue=queue, auto_ack=True)
    for number in range(STALLS):
        with client.fault(Freeze()):
            witness.publish(1, "", queue, b"%d" % number)
            time.sleep(STALL)  # the length of the fault
        client.wait("delivery", count=number + 1)
        client.call("sync")
    bodies = [event.told["body"] for event in client.events if event.name == "delivery"]
    verify.equal(bodies, [str(number) for number in range(STALLS)], "deliveries")
    verify.equal(client.call("is_open"), expected=True, what="pika's view of the connection")


@pytest.mark.requirement("fault/slow-loris")
def test_slow_handshakes(proxy: LinkProxy, hurt: RawClients, witness: RawClient) -> None:
    """Newcomers that send an octet now and then are ended in time, and hold nobody else up."""
    with proxy.fault(Bandwidth(TRICKLE), direction="up"):
        began = time.monotonic()
        lorises = [hurt.connect() for _ in range(LORISES)]
        waits = [partial(ended_newcomer, loris) for loris in lorises]
        *_, longest = together(*waits, partial(longest_round_trip, witness, NEWCOMER_PATIENCE))
        took = time.monotonic() - began
    verify.between(took, 0, NEWCOMER_PATIENCE + 2 * SLACK, "seconds until all were ended")
    verify.between(longest, 0, PROMPT, "seconds for another's round trip")


def ended_newcomer(client: RawClient) -> float:
    """Begin the handshake, which is legal but for its pace, and wait for the end."""
    client.timeout = NEWCOMER_PATIENCE
    client.start()
    client.send(0, "connection.start-ok", **start_ok(client.endpoint))
    ended(client, NEWCOMER_PATIENCE + 2 * SLACK)
    return 0.0


def longest_round_trip(client: RawClient, seconds: float) -> float:
    """Ask again and again for so long; the longest that an answer took."""
    deadline, longest = time.monotonic() + seconds, 0.0
    while (asked := time.monotonic()) < deadline:
        client.sync(1)
        longest = max(longest, time.monotonic() - asked)
        time.sleep(0.1)
    return longest


@pytest.mark.requirement("fault/consumer-blocked-socket")
def test_a_consumer_that_does_not_read(
    proxy: LinkProxy, hurt: RawClients, raw: RawClients, names: Names, observe: Observe
) -> None:
    """Deliveries into a full window stay unacknowledged, and go to another when the link ends."""
    blocked, publisher, other = hurt(), raw(), raw()
    queue = new_queue(publisher, names)
    publisher.call(1, "confirm.select")
    with proxy.fault(Freeze(), direction="down"):
        blocked.send(1, "basic.consume", queue=queue)
        for number in range(MESSAGES):
            publisher.publish(1, "", queue, b"%02d" % number + LARGE)
        acked = 0
        while acked < MESSAGES:
            acked = publisher.expect(1, "basic.ack", timeout=30)["delivery_tag"]
        longest = longest_round_trip(publisher, PROMPT)
        left = ready(publisher, queue)
        observe(f"{left} of {MESSAGES} messages stayed ready")
        verify.true(left < MESSAGES, "some messages unacknowledged", "the consumer was dropped")
        verify.between(longest, 0, PROMPT, "seconds for another's round trip")
        with proxy.fault(Reset()):
            back = partial(ready, publisher, queue)
            verify.eventually(back, "messages ready", BACK, wanted=MESSAGES)
        other.consume(1, queue, no_ack=True)
        again = [other.expect_content(1, "basic.deliver", timeout=30) for _ in range(MESSAGES)]
    numbers = [int(delivery.body[:2]) for delivery in again]
    verify.equal(numbers, list(range(MESSAGES)), "messages at the other consumer")
    verify.equal(again[0]["redelivered"], expected=True, what="redelivered")
    other.expect_nothing(1)
