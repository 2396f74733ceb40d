"""pymemcache, the client that applications use; what it objects to is what the server did wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymemcache.client.base import Client
from pymemcache.exceptions import MemcacheError

from suites.brokers.base import Broker
from suites.verify import Mismatch

_TIMEOUT = 5  # seconds


@contextmanager
def connected(broker: Broker, protocol: str) -> Iterator[Client]:
    """A client of the broker's port for this protocol; Mismatch for an answer that it refuses."""
    address = broker.endpoint.host, broker.text_ports[protocol]
    client = Client(address, default_noreply=False, connect_timeout=_TIMEOUT, timeout=_TIMEOUT)
    try:
        yield client
    except (MemcacheError, OSError) as error:
        raise Mismatch("answers that pymemcache takes", repr(error)) from error
    finally:
        client.close()
