"""What tests ask for by name: broker, endpoint, raw, client, pika_connection, names, observe."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import pika
import pytest

from suites.brokers.base import CAPABILITIES, Broker, BrokerError, Endpoint, Unsupported
from suites.clients import pika as pika_client
from suites.clients.raw import RawClient
from suites.harness.evidence import EVIDENCE, Evidence
from suites.harness.names import Janitor, Names
from suites.harness.station import STATION, Station


@dataclass(frozen=True)
class RawClients:
    """Makes raw clients that share the test's transcript and are closed after it."""

    endpoint: Endpoint
    evidence: Evidence

    def connect(self, *, timeout: float | None = None) -> RawClient:
        """A client that is connected and has said nothing."""
        clients = self.evidence.clients
        label = ascii_uppercase[len(clients) % len(ascii_uppercase)]
        client = RawClient(self.endpoint, transcript=self.evidence.transcript, label=label)
        client.timeout = client.timeout if timeout is None else timeout
        clients.append(client)
        return client

    def __call__(
        self, *, channels: int = 1, timeout: float | None = None, **handshake: Any
    ) -> RawClient:
        """A client after the handshake, with channels 1 to `channels` open."""
        client = self.connect(timeout=timeout).handshake(**handshake)
        for channel in range(1, channels + 1):
            client.open_channel(channel)
        return client


PikaConnections = Callable[..., pika.BlockingConnection]


@pytest.fixture
def station(request: pytest.FixtureRequest) -> Station:
    """The holder of this process's broker."""
    return request.config.stash[STATION]


@pytest.fixture
def broker(station: Station) -> Broker:
    """The broker under test, running: one a pytest process, started on first use."""
    return station.up()


@pytest.fixture
def endpoint(broker: Broker) -> Endpoint:
    """Where the broker listens, with the user and vhost to use."""
    if not broker.amqp:
        raise Unsupported(f"{broker.name} does not speak AMQP")
    return broker.endpoint


@pytest.fixture(scope="session")
def janitor() -> Iterator[Janitor]:
    """Deletes what tests leave."""
    cleaner = Janitor()
    yield cleaner
    cleaner.close()


@pytest.fixture
def names(
    endpoint: Endpoint, janitor: Janitor, station: Station, request: pytest.FixtureRequest
) -> Iterator[Names]:
    """Unique names for queues and exchanges, deleted at the end."""
    given = Names(endpoint, janitor, request.node.name)
    yield given
    if station.broker.cleaned_by_kill:
        if given.used:
            station.broker.kill()
        return
    if not given.clean() and (lost := station.lost(doubtful=True)):
        raise BrokerError(f"{lost} while the test's queues and exchanges were deleted")


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """What this test leaves for its record."""
    stash: pytest.Stash = request.node.stash
    return stash.setdefault(EVIDENCE, Evidence())


@pytest.fixture
def raw(endpoint: Endpoint, names: Names, evidence: Evidence) -> Iterator[RawClients]:
    """Makes raw clients; it stands on `names` so that clients are closed before the deletions."""
    del names
    clients = RawClients(endpoint, evidence)
    yield clients
    for client in evidence.clients:
        client.close()


@pytest.fixture
def client(raw: RawClients) -> RawClient:
    """A raw client after the handshake, with channel 1 open."""
    return raw()


@pytest.fixture
def pika_connection(endpoint: Endpoint, names: Names) -> Iterator[PikaConnections]:
    """Makes pika's blocking connections, closed at the end; arguments are pika's parameters."""
    del names
    opened: list[pika.BlockingConnection] = []

    def connect(**overrides: Any) -> pika.BlockingConnection:
        opened.append(pika.BlockingConnection(pika_client.parameters(endpoint, **overrides)))
        return opened[-1]

    yield connect
    for connection in opened:
        pika_client.close(connection)


@pytest.fixture
def observe(evidence: Evidence) -> Callable[[str], None]:
    """Says what was seen where the specification leaves it open: the verdict is informational."""
    return evidence.observations.append


@pytest.fixture(autouse=True)
def _needs(request: pytest.FixtureRequest) -> Iterator[None]:
    """For a conformance test: the broker runs, has what the test needs, and is not left frozen."""
    if request.node.get_closest_marker("requirement") is None:
        yield
        return
    station = request.config.stash[STATION]
    needed = [need for mark in request.node.iter_markers("needs") for need in mark.args]
    broker = station.up()
    for need in needed:
        if need in CAPABILITIES:
            if need not in broker.capabilities:
                raise Unsupported(f"needs `{need}`: {CAPABILITIES[need]}; {broker.kind} cannot")
        elif not station.protocol_capabilities.get(need):
            raise Unsupported(f"the broker does not advertise the capability `{need}`")
    yield
    if "pause" in needed and broker.alive():
        broker.resume()
