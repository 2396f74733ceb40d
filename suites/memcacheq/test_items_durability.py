"""What the key-value store keeps when its process is killed."""

import pytest

from suites.clients.memcache import store, value
from suites.harness.text_fixtures import TextClients

END = b"END\r\n"


@pytest.mark.requirement("memcached/kill")
@pytest.mark.needs("kill", "durable")
def test_kill(memcached: TextClients) -> None:
    """After SIGKILL an item is there as it was last, and a deleted one is not."""
    broker, kept, deleted = memcached.broker(), memcached.name(), memcached.name()
    client = memcached()
    for key, data, flags in ((kept, b"old", 1), (deleted, b"gone", 2), (kept, b"new", 7)):
        client.call(store(key, data, flags), b"STORED\r\n")
    client.call(b"delete %b\r\n" % deleted, b"DELETED\r\n")
    broker.kill()
    broker.start()
    memcached().call(b"get %b %b\r\n" % (kept, deleted), value(kept, b"new", 7) + END)
