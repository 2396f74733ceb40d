"""What outlives the server's process, and what does not."""

import pytest

from suites import verify
from suites.clients.memcache import TextClient, store, value
from suites.harness.text_fixtures import TextClients

END = b"END\r\n"
COUNT = 400
VALUES = [b"value %d" % number for number in range(COUNT)]


def fill(client: TextClient, queue: bytes, taken: int) -> None:
    """Append all values, and take the first few."""
    client.call(b"".join(store(queue, data, 3) for data in VALUES), b"STORED\r\n" * COUNT)
    replies = b"".join(value(queue, data, 3) + END for data in VALUES[:taken])
    client.call(b"get %b\r\n" % queue * taken, replies)


def drain(client: TextClient, queue: bytes) -> list[bytes]:
    """Every value that is left, in order."""
    found: list[bytes] = []
    while True:
        client.send(b"get %b\r\n" % queue)
        if client.line() == b"END":
            return found
        found.append(client.until(b"\r\n" + END).removesuffix(b"\r\n" + END))


@pytest.mark.requirement("memcacheq/restart")
@pytest.mark.needs("restart", "durable")
def test_restart(memcacheq: TextClients) -> None:
    """After a clean stop the rest is there, in order, and what was taken is not."""
    broker, queue = memcacheq.broker(), memcacheq.name()
    fill(memcacheq(), queue, 100)
    broker.restart()
    verify.equal(drain(memcacheq(), queue) == VALUES[100:], True, "the rest in order")


@pytest.mark.requirement("memcacheq/kill")
@pytest.mark.needs("kill", "durable")
def test_kill_at_rest(memcacheq: TextClients) -> None:
    """After SIGKILL at rest the rest is there, in order, and what was taken is not."""
    broker, queue = memcacheq.broker(), memcacheq.name()
    fill(memcacheq(), queue, 100)
    broker.kill()
    broker.start()
    client = memcacheq()
    verify.equal(drain(client, queue) == VALUES[100:], True, "the rest in order")
    fill(client, queue, COUNT)


@pytest.mark.requirement("memcacheq/kill-open")
@pytest.mark.needs("kill", "durable")
def test_kill_with_an_open_value(memcacheq: TextClients) -> None:
    """What was open at the time comes again, first; what was closed does not."""
    broker, queue = memcacheq.broker(profile="standard"), memcacheq.name()
    client = memcacheq(profile="standard")
    fill(client, queue, 0)
    for key, data in ((b"/open", VALUES[0]), (b"/close/open", VALUES[1])):
        client.call(b"get %b\r\n" % (queue + key), value(queue + key, data, 3) + END)
    broker.kill()
    broker.start()
    verify.equal(
        drain(memcacheq(profile="standard"), queue) == VALUES[1:], True, "all but the first"
    )


@pytest.mark.requirement("memcacheq/kill-nosync")
@pytest.mark.needs("kill", "durable")
def test_kill_without_sync(memcacheq: TextClients) -> None:
    """What is left is one run of the values: the tail of sets and of gets may be undone."""
    broker, queue = memcacheq.broker(nosync="on"), memcacheq.name()
    fill(memcacheq(nosync="on"), queue, 100)
    broker.kill()
    broker.start()
    left = drain(memcacheq(nosync="on"), queue)
    start = VALUES.index(left[0]) if left else 0
    verify.equal(left == VALUES[start : start + len(left)], True, "one run in order")
    verify.true(start <= 100, "no value lost before the last that was taken", f"{start} are gone")


@pytest.mark.requirement("memcacheq/kill-nosync")
@pytest.mark.needs("restart", "durable")
def test_restart_without_sync(memcacheq: TextClients) -> None:
    """A clean stop loses nothing even so."""
    broker, queue = memcacheq.broker(nosync="on"), memcacheq.name()
    fill(memcacheq(nosync="on"), queue, 100)
    broker.restart()
    verify.equal(drain(memcacheq(nosync="on"), queue) == VALUES[100:], True, "the rest in order")
