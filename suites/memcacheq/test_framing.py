"""Lines and values on the wire: pieces, pipelines, octets of every kind."""

import pytest

from suites.clients.memcache import store, value
from suites.harness.text_fixtures import TextClients
from suites.memcacheq.splits import ways

EVERY_OCTET = bytes(range(256))


@pytest.mark.requirement("memcacheq/pipelining")
@pytest.mark.parametrize("count", [1, 100, 2000])
def test_pipelining(memcacheq: TextClients, count: int) -> None:
    """So many commands in one go have their replies in order, one each."""
    client, queue = memcacheq(), memcacheq.name()
    values = [b"%d" % number for number in range(count)]
    client.send(b"".join(store(queue, each) for each in values) + b"get %b\r\n" % queue * count)
    replies = b"".join(value(queue, each) + b"END\r\n" for each in values)
    client.expect(b"STORED\r\n" * count + replies, timeout=20)
    client.finish()


@pytest.mark.requirement("memcacheq/fragment")
@pytest.mark.parametrize("way", ways(1))
def test_fragments(memcacheq: TextClients, way: str) -> None:
    """A conversation has the same replies however its octets are cut."""
    client, queue = memcacheq(), memcacheq.name()
    asked = (
        store(queue, EVERY_OCTET, 7)
        + b"version\r\n\r\nnonsense\n"
        + b"set %b 0 0 2\r\nlong\r\n" % queue
        + b"set %b 0 0 9000000\r\n" % queue  # over every limit: passed over
        + b"get %b %b\r\nquit\r\nversion\r\n" % (queue, queue)
    )
    body = b"v" * 9_000_002
    before, after = asked.split(b"9000000\r\n")
    replies = (
        b"STORED\r\nVERSION 0.2.1\r\nERROR\r\nERROR\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\n"
        b"SERVER_ERROR out of memory storing object\r\n" + value(queue, EVERY_OCTET, 7) + b"END\r\n"
    )
    client.send_pieces(before + b"9000000\r\n", ways(len(before) + 9)[way])
    client.send(body, timeout=20)
    client.send_pieces(after, ways(len(after))[way])
    client.expect(replies, timeout=20)
    client.expect_end()


@pytest.mark.requirement("memcacheq/binary")
@pytest.mark.parametrize(
    "data", [b"", b"\r\n", b"\0" * 900, EVERY_OCTET, b"END\r\n", b"a\r\nget q"]
)
def test_binary(memcacheq: TextClients, data: bytes) -> None:
    """Any octets come back as they went in."""
    client, queue = memcacheq(), memcacheq.name()
    client.call(store(queue, data), b"STORED\r\n")
    client.call(b"get %b\r\n" % queue, value(queue, data) + b"END\r\n")
    client.finish()
