"""Brokers like the one under test, but with other settings: started when a test first asks."""

from collections.abc import Callable, Iterator

import pytest

from suites.brokers import registry
from suites.brokers.base import Broker
from suites.harness.evidence import EVIDENCE, Evidence
from suites.harness.fixtures import RawClients
from suites.harness.station import STATION, Station


class Variants:
    """Those that were started in this process, by their strings."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._running: dict[str, Broker] = {}

    def get(self, settings: dict[str, str], *, administered: bool = False) -> Broker:
        """A running broker of the same kind with these settings, if wanted with an operator's ways.

        Raises Unsupported where the kind cannot be configured, BrokerError where it does not start.
        """
        wanted = registry.variant(self._station.up(), settings)
        wanted.administered = administered
        broker = self._running.setdefault(wanted.spec, wanted)
        if not broker.alive():
            broker.start()
        return broker

    def close(self) -> None:
        """End them all."""
        for broker in self._running.values():
            broker.close()


@pytest.fixture(scope="session")
def variants(request: pytest.FixtureRequest) -> Iterator[Variants]:
    """Brokers like the one under test with other settings."""
    found = Variants(request.config.stash[STATION])
    yield found
    found.close()


ClientsOf = Callable[..., RawClients]


@pytest.fixture
def clients_of(variants: Variants, raw: RawClients, request: pytest.FixtureRequest) -> ClientsOf:
    """Makes raw clients of a variant: `clients_of(consumer_timeout=1000)()`.

    Nothing deletes what a test leaves there: its queues have to be exclusive.
    """
    del raw  # which closes the clients
    evidence = request.node.stash.setdefault(EVIDENCE, Evidence())

    def of(**settings: object) -> RawClients:
        wanted = {key.replace("_", "-"): str(value) for key, value in settings.items()}
        return RawClients(variants.get(wanted).endpoint, evidence)

    return of


BrokersWithTls = Callable[..., Broker]


@pytest.fixture
def broker_with_tls(variants: Variants, raw: RawClients) -> BrokersWithTls:
    """Gives variants that have a port with TLS: `broker_with_tls(tls="optional").tls.endpoint`."""
    del raw  # which closes the clients

    def of(**settings: str) -> Broker:
        wanted = {key.replace("_", "-"): value for key, value in settings.items()}
        return variants.get(wanted, administered=True)

    return of
