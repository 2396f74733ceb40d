"""Links that end: reset in mid-frame, half-closed, or closed while a delivery is on its way."""

import pytest

from faults.toxics import Bandwidth, CutAfter, HalfClose
from suites import verify
from suites.amqp.steps import new_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.fixtures import LinkProxy
from suites.resilience.owner import new_owner
from suites.resilience.silence import ended

BODY = bytes(range(256)) * 100
LARGE = bytes(range(250)) * 40_000  # 10 MB, more than socket buffers take
RATE = 4_000_000  # octets a second: most of it is yet to come when the consumer leaves
PATIENT = 30.0  # seconds
CLOSE_OK = b"\x00\x0a\x00\x33"  # no body begins so: these ascend


@pytest.mark.requirement("fault/proxy-reset")
@pytest.mark.parametrize("octets", [0, 4, 100, 20_000])
def test_reset_in_mid_frame(
    proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names, octets: int
) -> None:
    """RST after so many octets of a publish: it is not routed, and what was held is freed."""
    owner = new_owner(hurt(), witness, names)
    with proxy.fault(CutAfter(octets, reset=True), direction="up"):
        owner.client.publish(1, "", owner.queue, BODY)
        verify.equal(ended(owner.client, PATIENT), "RST", "end")
    owner.expect_freed()


@pytest.mark.requirement("connection/half-close")
def test_half_closed_by_the_client(
    proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names
) -> None:
    """A client whose half is closed is gone for the broker, which closes the other half."""
    owner = new_owner(hurt(), witness, names)
    with proxy.fault(HalfClose(), direction="up"):
        ended(owner.client, PATIENT)
        owner.expect_freed()


@pytest.mark.requirement("connection/half-close")
def test_half_closed_towards_the_client(
    proxy: LinkProxy, hurt: RawClients, witness: RawClient, names: Names
) -> None:
    """A client that hears an end which the broker did not say is still served, until it closes."""
    owner = new_owner(hurt(), witness, names)
    with proxy.fault(HalfClose(), direction="down"):
        verify.equal(ended(owner.client, PATIENT), "FIN", "end")
        verify.equal(owner.locked(), expected=True, what="locked before the client closes")
        owner.client.link.close()
        owner.expect_freed()


@pytest.mark.requirement("fault/connection-close-during-delivery")
@pytest.mark.parametrize("way", ["connection.close", "FIN", "RST"])
def test_close_while_a_large_delivery_is_on_its_way(
    proxy: LinkProxy, hurt: RawClients, raw: RawClients, names: Names, way: str
) -> None:
    """The consumer leaves in the middle: another one gets the message whole, at the same time."""
    leaving, other, publisher = hurt(), raw(), raw()
    queue, beside = new_queue(publisher, names), new_queue(publisher, names)
    with proxy.fault(Bandwidth(RATE), direction="down"):
        leaving.consume(1, queue)
        other.consume(1, beside)
        publisher.publish(1, "", queue, LARGE)
        publisher.publish(1, "", beside, LARGE)
        leaving.read_frame(PATIENT)  # which shows that it is on its way
        leave(leaving, way)
        other.expect_content(1, "basic.deliver", LARGE, timeout=PATIENT)
        again = raw()
        again.consume(1, queue)
        delivery = again.expect_content(1, "basic.deliver", LARGE, timeout=PATIENT)
    verify.equal(delivery["redelivered"], expected=True, what="redelivered")
    other.sync(1)


def leave(client: RawClient, way: str) -> None:
    """End the connection; what comes before a close-ok must be whole frames."""
    if way == "connection.close":
        client.send(0, "connection.close", reply_code=200)
        while not client.read_frame(PATIENT).payload.startswith(CLOSE_OK):
            pass
    elif way == "FIN":
        client.link.close()
    else:
        client.link.reset()
