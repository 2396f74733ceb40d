import time
from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import toxiproxy

from faults.toxiproxy import ToxiproxyServer
from suites import verify
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.fixtures import behind
from suites.resilience.owner import new_owner
from suites.resilience.silence import ended

DELAY = 300  # milliseconds
PATIENT = 15.0  # seconds


@pytest.fixture
def driven(pytestconfig: pytest.Config, endpoint: Endpoint) -> Iterator[toxiproxy.proxy.Proxy]:
    """A proxy before the broker that `toxiproxy-python` has made: of `--toxiproxy`, or of ours."""
    with ToxiproxyServer() as ours:
        address = urlsplit(pytestconfig.getoption("--toxiproxy") or ours.url)
        server = toxiproxy.Toxiproxy()
        server.update_api_consumer(address.hostname, address.port)
        upstream = f"{endpoint.host}:{endpoint.port}"
        proxy = server.create(upstream=upstream, name=f"mqproof-{uuid4().hex[:12]}")
        yield proxy
        server.destroy(proxy)


@pytest.mark.requirement("fault/proxy-latency", "fault/proxy-refuse")
def test_a_client_of_toxiproxy_hurts_a_link(
    driven: toxiproxy.proxy.Proxy, raw: RawClients, witness: RawClient, names: Names
) -> None:
    """toxiproxy-python slows a connection down, heals it, and takes the proxy down and up."""
    hurt = behind(raw, "127.0.0.1", int(driven.listen.rpartition(":")[2]))
    owner = new_owner(hurt(), witness, names)
    driven.add_toxic(type="latency", attributes={"latency": DELAY})
    began = time.monotonic()
    owner.client.sync(1)
    verify.between(time.monotonic() - began, DELAY / 1000, PATIENT, "seconds for a slow round trip")
    driven.destroy_toxic("latency_downstream")
    owner.client.sync(1)
    with driven.down():
        ended(owner.client, PATIENT)
        owner.expect_freed()
        with pytest.raises(ConnectionRefusedError):
            hurt.connect()
    hurt().sync(1)
