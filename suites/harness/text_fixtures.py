"""What tests of the text protocols ask for: clients of the queues, clients of the items, names."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from string import ascii_uppercase

import pytest

from suites import verify
from suites.brokers.base import Broker, Unsupported
from suites.clients.memcache import TextClient
from suites.harness.evidence import EVIDENCE, Evidence
from suites.harness.station import STATION, Station
from suites.harness.variants import Variants

ITEM_SIZES = {"standard": "1048576", "strict": "1024"}
NAME_LENGTH = 100


class Fronts:
    """The brokers whose front ends are tested: that under test, and more of other settings."""

    def __init__(self, station: Station, variants: Variants) -> None:
        self._station = station
        self._variants = variants

    def broker(self, protocol: str, wanted: dict[str, str]) -> Broker:
        """A running broker with these settings; Unsupported if the one under test has others."""
        broker = self._station.up()
        if protocol not in broker.text_ports:
            verify.unsupported(f"{broker.name} does not speak {protocol}")
        given = dict(broker.identity.configuration)
        if all(_setting(given, key) == value for key, value in wanted.items()):
            return broker
        try:
            return self._variants.get(wanted)
        except Unsupported:
            verify.unsupported(f"needs {_text(wanted)}, and this server is {_text(given)}")


def _setting(given: dict[str, str], key: str) -> str | None:
    """A setting of the broker, or what holds without one."""
    profile = given.get("memcacheq-profile", "standard")
    defaults = {"memcacheq-profile": profile, "memcacheq-item-size": ITEM_SIZES[profile]}
    return given.get(key, defaults.get(key))


def _text(settings: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(settings.items())) or "plain"


@dataclass
class TextClients:
    """Makes clients of one protocol, and names; both are gone after the test.

    Keyword arguments are settings of the broker, such as `profile="strict"`.
    """

    protocol: str
    fronts: Fronts
    evidence: Evidence
    test: str
    _opened: list[TextClient] = field(default_factory=list)
    _brokers: list[Broker] = field(default_factory=list)
    _names: list[bytes] = field(default_factory=list)

    def __call__(self, **settings: str) -> TextClient:
        """A connected client."""
        broker = self.broker(**settings)
        label = ascii_uppercase[len(self._opened) % len(ascii_uppercase)]
        host, port = broker.endpoint.host, broker.text_ports[self.protocol]
        client = TextClient(host, port, self.evidence.transcript, label)
        self._opened.append(client)
        return client

    def broker(self, **settings: str) -> Broker:
        """The broker to which such a client connects."""
        wanted = {f"memcacheq-{key.replace('_', '-')}": value for key, value in settings.items()}
        broker = self.fronts.broker(self.protocol, wanted)
        if broker not in self._brokers:
            self._brokers.append(broker)
        return broker

    def name(self) -> bytes:
        """A name that nobody else uses."""
        name = f"mqproof.{self.test[:NAME_LENGTH]}.{uuid.uuid4().hex[:8]}"
        return self.adopt(name.encode().translate(None, b" []"))

    def adopt(self, name: bytes) -> bytes:
        """Delete this one too at the end of the test."""
        self._names.append(name)
        return name

    def clean(self) -> None:
        """Delete what bears a name that was given, on every broker that was used."""
        for client in self._opened:
            client.close()
        for broker in self._brokers:
            if self._names and broker.alive():
                port = broker.text_ports[self.protocol]
                client = TextClient(broker.endpoint.host, port, self.evidence.transcript, "~")
                client.send(b"".join(b"delete %b\r\n" % name for name in self._names))
                client.half_close()
                client.read(1 << 20, timeout=2.0)
                client.close()


@pytest.fixture(scope="session")
def fronts(request: pytest.FixtureRequest, variants: Variants) -> Fronts:
    """The front ends of the broker under test."""
    return Fronts(request.config.stash[STATION], variants)


def _clients(
    protocol: str, fronts: Fronts, request: pytest.FixtureRequest
) -> Iterator[TextClients]:
    evidence = request.node.stash.setdefault(EVIDENCE, Evidence())
    clients = TextClients(protocol, fronts, evidence, request.node.name)
    yield clients
    clients.clean()


@pytest.fixture
def memcacheq(fronts: Fronts, request: pytest.FixtureRequest) -> Iterator[TextClients]:
    """Makes raw clients of the queues: `memcacheq(profile="strict")`."""
    yield from _clients("memcacheq", fronts, request)


@pytest.fixture
def memcached(fronts: Fronts, request: pytest.FixtureRequest) -> Iterator[TextClients]:
    """Makes raw clients of the key-value store."""
    yield from _clients("memcached", fronts, request)
