"""Links that are slow, narrow, in pieces or that end: nothing but time changes, or all is freed."""

import time

import pytest

from faults.toxics import Bandwidth, CutAfter, Latency, Slicer, SlowClose
from faults.toxiproxy import ResetPeer, Timeout
from suites import verify
from suites.amqp.steps import new_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.fixtures import LinkProxy
from suites.resilience.owner import new_owner
from suites.resilience.silence import ended

BODY = bytes(range(256)) * 100
LATENCY = 0.25  # seconds one way, so half a second a round trip
RATE = 1_000_000  # octets a second
LARGE = bytes(range(250)) * 4000  # takes a second at that rate
LIMIT = 40  # octets of the next frames that still pass
LATE = 1.0  # seconds
PATIENT = 20.0  # seconds for a client behind a slow link


@pytest.mark.requirement("fault/proxy-slicer")
def test_slicer(proxy: LinkProxy, hurt: RawClients, names: Names) -> None:
    """Frames that arrive in tiny pieces, both ways, are the same frames."""
    queue = names()
    with proxy.fault(Slicer(7)):
        client = hurt()
        client.call(1, "queue.declare", queue=queue)
        client.publish(1, "", queue, BODY)
        client.send(1, "basic.get", queue=queue, no_ack=True)
        client.expect_content(1, "basic.get-ok", BODY)


@pytest.mark.requirement("fault/proxy-latency")
def test_latency(proxy: LinkProxy, hurt: RawClients, names: Names) -> None:
    """Half a second more a round trip costs just that: handshake, confirms, deliveries, acks."""
    with proxy.fault(Latency(LATENCY, jitter=LATENCY / 10), direction="both"):
        client = hurt(timeout=PATIENT, heartbeat=1)
        queue = new_queue(client, names)
        client.call(1, "confirm.select")
        began = time.monotonic()
        for number in range(10):
            client.publish(1, "", queue, b"%d" % number)
        acked = 0
        while acked < 10:  # one ack may answer for several
            acked = client.expect(1, "basic.ack")["delivery_tag"]
        verify.between(time.monotonic() - began, LATENCY, PATIENT, "seconds until all confirms")
        client.consume(1, queue)
        for number in range(10):
            client.expect_content(1, "basic.deliver", b"%d" % number)
        client.send(1, "basic.ack", delivery_tag=0, multiple=True)
        client.sync(1)


@pytest.mark.requirement("fault/proxy-bandwidth")
def test_bandwidth(proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names) -> None:
    """A large body through a narrow link is whole both ways, and holds nobody else up."""
    client = hurt(timeout=PATIENT)
    queue = new_queue(client, names)
    with proxy.fault(Bandwidth(RATE), direction="both"):
        began = time.monotonic()
        client.publish(1, "", queue, LARGE)
        witness.sync(1)
        client.send(1, "basic.get", queue=queue, no_ack=True)
        witness.sync(1)
        client.expect_content(1, "basic.get-ok", LARGE)
        took = time.monotonic() - began
    verify.between(took, 1.9 * len(LARGE) / RATE, PATIENT, "seconds for both ways")


@pytest.mark.requirement("frame/truncated-then-eof", "frame/abandoned-content")
def test_a_link_that_ends_in_mid_frame(
    proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names
) -> None:
    """The end comes within a body: the message is not routed, and what was held is freed."""
    owner = new_owner(hurt(), witness, names)
    with proxy.fault(CutAfter(LIMIT), direction="up"):
        owner.client.publish(1, "", owner.queue, BODY)
        ended(owner.client, PATIENT)
    owner.expect_freed()


@pytest.mark.requirement("fault/proxy-timeout")
def test_a_link_that_loses_and_then_ends(
    proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names
) -> None:
    """What was sent into the void is not there, and what was held is freed when the end comes."""
    owner = new_owner(hurt(), witness, names)
    began = time.monotonic()
    with proxy.fault(Timeout(LATE), direction="up"):
        owner.client.publish(1, "", owner.queue, b"lost")
        how = ended(owner.client, PATIENT)
    verify.equal(how, "FIN", "end")
    verify.between(time.monotonic() - began, LATE, PATIENT, "seconds until the end")
    owner.expect_freed()


@pytest.mark.requirement("fault/proxy-reset")
def test_a_link_that_is_reset_by_what_is_sent(
    proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names
) -> None:
    """RST some time after the client's next octets, which do not arrive: all is freed."""
    owner = new_owner(hurt(), witness, names)
    with proxy.fault(ResetPeer(0), direction="up"):
        owner.client.publish(1, "", owner.queue, b"lost")
        ended(owner.client, PATIENT)
    owner.expect_freed()


@pytest.mark.requirement("fault/slow-close")
def test_a_late_end(proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names) -> None:
    """A client that is gone keeps what it owned until its FIN arrives, and no longer."""
    owner = new_owner(hurt(), witness, names)
    began = time.monotonic()
    with proxy.fault(SlowClose(LATE), direction="up"):
        owner.client.link.close()
        verify.equal(owner.locked(), expected=True, what="locked before the FIN arrives")
        owner.expect_freed()
    verify.between(time.monotonic() - began, LATE, PATIENT, "seconds until all was freed")
