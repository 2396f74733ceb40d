"""What fault tests ask for: a proxy before the broker, clients behind it, client processes."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from string import ascii_uppercase
from typing import Any

import pytest

from faults import Proxy
from faults.toxiproxy import RemoteProxy
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.harness.evidence import Evidence
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

LinkProxy = Proxy | RemoteProxy
"""Of our own, or, with `--toxiproxy`, of the server at that address, which has fewer faults."""


def toxiproxy(config: pytest.Config, endpoint: Endpoint) -> RemoteProxy | None:
    """A proxy of the Toxiproxy that the command line names, before the broker."""
    url = config.getoption("--toxiproxy", default=None)
    return None if url is None else RemoteProxy(url, endpoint.host, endpoint.port).start()


@pytest.fixture
def proxy(endpoint: Endpoint, pytestconfig: pytest.Config) -> Iterator[LinkProxy]:
    """A proxy before the broker; its links can be hurt."""
    proxy = toxiproxy(pytestconfig, endpoint) or Proxy(endpoint.host, endpoint.port).start()
    yield proxy
    proxy.close()


@pytest.fixture
def hurt(proxy: LinkProxy, raw: RawClients) -> RawClients:
    """Makes raw clients as `raw` does, whose connections pass the proxy."""
    return behind(raw, proxy.host, proxy.port)


def behind(raw: RawClients, host: str, port: int) -> RawClients:
    """Makes raw clients as `raw` does, that connect there in place of the broker itself."""
    return replace(raw, endpoint=replace(raw.endpoint, host=host, port=port))


@dataclass
class RemoteClients:
    """Makes connected client processes, each behind a proxy of its own, ended after the test."""

    endpoint: Endpoint
    evidence: Evidence
    config: pytest.Config
    _made: list[RemoteClient] = field(default_factory=list)

    def __call__(self, **parameters: Any) -> RemoteClient:
        """A process that is connected; parameters are pika's, such as `heartbeat`."""
        label = ascii_uppercase[-1 - len(self._made) % len(ascii_uppercase)]
        beyond = toxiproxy(self.config, self.endpoint)
        client = RemoteClient(self.endpoint, self.evidence.transcript, label, beyond)
        self._made.append(client)
        client.join(**parameters)
        return client

    def close(self) -> None:
        """End all."""
        for client in self._made:
            client.close()


@pytest.fixture
def remote(
    endpoint: Endpoint, names: Names, evidence: Evidence, pytestconfig: pytest.Config
) -> Iterator[RemoteClients]:
    """Makes client processes; it stands on `names`, so that they end before the deletions."""
    del names
    made = RemoteClients(endpoint, evidence, pytestconfig)
    yield made
    made.close()


@pytest.fixture
def witness(raw: RawClients) -> RawClient:
    """A raw client with channel 1 open that no fault concerns: it sees what the broker does."""
    return raw()
