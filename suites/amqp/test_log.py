"""What a broker writes into its log about connections that end badly."""

import re

import pytest

from suites import verify
from suites.brokers.base import Broker
from suites.clients.handshake import start_ok
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("logs")

LINES = 400  # of the log's end; other tests of this process are over
SOON = 10.0  # seconds, since a broker may gather what it logs


def entries(broker: Broker, port: int) -> int:
    """How many lines of the log name the connection from this port."""
    return len(re.findall(rf"\b{port}\b", broker.log_tail(LINES)))


def expect_entry(broker: Broker, port: int, twin: int) -> None:
    """The log has more on one connection than on its twin, which came first and still lives."""
    verify.eventually(
        lambda: entries(broker, port) > entries(broker, twin), "an entry on the connection", SOON
    )


@pytest.mark.requirement("connection/vanish-logged")
@pytest.mark.parametrize("how", ["FIN", "RST"])
def test_vanished(raw: RawClients, broker: Broker, how: str) -> None:
    """A client whose socket ends without a close handshake leaves an entry in the log."""
    twin, client = raw(), raw()
    port = client.link.port
    if how == "RST":
        client.link.reset()
    else:
        client.link.close()
    expect_entry(broker, port, twin.link.port)


def provoke_channel_close(client: RawClient, queue: str) -> None:
    """Have the broker close channel 1, and leave its Close unanswered."""
    client.send(1, "queue.declare", queue=queue, passive=True)
    client.expect(1, "channel.close")


@pytest.mark.requirement("channel/vanish-logged")
def test_vanished_channel(raw: RawClients, broker: Broker, names: Names) -> None:
    """A client whose socket ends in place of a Channel.Close-Ok leaves an entry in the log."""
    twin, client = raw(), raw()
    for each in (twin, client):
        provoke_channel_close(each, names())
    port = client.link.port
    client.link.close()
    expect_entry(broker, port, twin.link.port)


@pytest.mark.requirement("sasl/failure-logged")
@pytest.mark.parametrize("capability", [True, False], ids=["told", "bare"])
def test_refused(raw: RawClients, broker: Broker, capability: bool) -> None:
    """A login that is refused leaves an entry in the log, whether or not the client is told."""
    twin, client = raw.connect(), raw.connect()
    for each in (twin, client):
        each.start()
    port = client.link.port
    capabilities = {"authentication_failure_close": capability}
    arguments = start_ok(client.endpoint, password="wrong", capabilities=capabilities)
    client.send(0, "connection.start-ok", **arguments)
    if capability:
        client.expect_connection_close(403)
    else:
        client.expect_socket_closed()
    expect_entry(broker, port, twin.link.port)
