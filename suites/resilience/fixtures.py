"""What fault tests ask for: a proxy before the broker, clients behind it, client processes."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from string import ascii_uppercase
from typing import Any

import pytest

from faults import Proxy
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.harness.evidence import Evidence
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


@pytest.fixture
def proxy(endpoint: Endpoint) -> Iterator[Proxy]:
    """A proxy of our own before the broker; its links can be hurt."""
    with Proxy(endpoint.host, endpoint.port) as proxy:
        yield proxy


@pytest.fixture
def hurt(proxy: Proxy, endpoint: Endpoint, raw: RawClients) -> RawClients:
    """Makes raw clients as `raw` does, whose connections pass the proxy."""
    return replace(raw, endpoint=replace(endpoint, host=proxy.host, port=proxy.port))


@dataclass
class RemoteClients:
    """Makes connected client processes, each behind a proxy of its own, ended after the test."""

    endpoint: Endpoint
    evidence: Evidence
    _made: list[RemoteClient] = field(default_factory=list)

    def __call__(self, **parameters: Any) -> RemoteClient:
        """A process that is connected; parameters are pika's, such as `heartbeat`."""
        label = ascii_uppercase[-1 - len(self._made) % len(ascii_uppercase)]
        client = RemoteClient(self.endpoint, self.evidence.transcript, label)
        self._made.append(client)
        client.join(**parameters)
        return client

    def close(self) -> None:
        """End all."""
        for client in self._made:
            client.close()


@pytest.fixture
def remote(endpoint: Endpoint, names: Names, evidence: Evidence) -> Iterator[RemoteClients]:
    """Makes client processes; it stands on `names`, so that they end before the deletions."""
    del names
    made = RemoteClients(endpoint, evidence)
    yield made
    made.close()


@pytest.fixture
def witness(raw: RawClients) -> RawClient:
    """A raw client with channel 1 open that no fault concerns: it sees what the broker does."""
    return raw()
