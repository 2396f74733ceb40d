"""Bad input: it costs bounded memory, gets a clear reply or none, and harms nobody else."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from suites import verify
from suites.brokers.local import LocalBroker
from suites.clients.memcache import TextClient, store, value
from suites.harness.text_fixtures import TextClients

MEBIBYTE = 1 << 20
BOUND = 24 * MEBIBYTE  # more than buffers take, less than what is sent


@contextmanager
def unharmed(memcacheq: TextClients) -> Iterator[TextClient]:
    """Another client, served before and after; the server does not grow in between."""
    broker = memcacheq.broker(profile="standard")
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    client.call(store(queue, b"before"), b"STORED\r\n")
    before = memory(broker.pid) if isinstance(broker, LocalBroker) else 0
    yield client
    client.call(b"get %b\r\n" % queue, value(queue, b"before") + b"END\r\n", timeout=10)
    after = memory(broker.pid) if isinstance(broker, LocalBroker) else 0
    verify.true(after - before < BOUND, "bounded memory", f"{(after - before) >> 20} MiB more")


def memory(pid: int) -> int:
    """The octets of memory that a process holds."""
    told = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, check=True)  # noqa: S603, S607  ps
    return int(told.stdout) * 1024


@pytest.mark.requirement("memcacheq/endless-line")
def test_endless_line(memcacheq: TextClients) -> None:
    """A line of 64 MiB is an error when it ends, and the next line is a command."""
    with unharmed(memcacheq) as bystander:
        client = memcacheq(profile="standard")
        for _ in range(64):
            client.send(b"get " * (MEBIBYTE // 4), timeout=20)
        bystander.call(b"version\r\n", b"VERSION 0.2.1\r\n")
        client.call(b"\r\nversion\r\n", b"ERROR\r\nVERSION 0.2.1\r\n", timeout=20)
        client.finish()


@pytest.mark.requirement("memcacheq/endless-value")
@pytest.mark.parametrize("length", [2**62, 2**31 - 3, 2**20 - 100])
def test_value_that_never_comes(memcacheq: TextClients, length: int) -> None:
    """A length that is refused, passed over or awaited: many megabytes may follow."""
    with unharmed(memcacheq) as bystander:
        client, queue = memcacheq(profile="standard"), memcacheq.name()
        client.send(b"set %b 0 0 %d\r\n" % (queue, length))
        for _ in range(64 if length > BOUND else 0):
            client.send(b"x" * MEBIBYTE, timeout=20)
        bystander.call(b"get %b\r\n" % queue, b"END\r\n", timeout=10)


@pytest.mark.requirement("memcacheq/endless-value")
def test_many_values_that_never_come(memcacheq: TextClients) -> None:
    """A hundred clients that stop in mid-value keep nobody from being served."""
    with unharmed(memcacheq) as bystander:
        queue = memcacheq.name()
        for _ in range(100):
            memcacheq(profile="standard").send(b"set %b 0 0 1000000\r\nbegun" % queue)
        bystander.call(b"get %b\r\n" % queue, b"END\r\n")


@pytest.mark.requirement("memcacheq/never-reads")
def test_client_that_never_reads(memcacheq: TextClients) -> None:
    """Replies of hundreds of megabytes are not made for a client that does not take them."""
    with unharmed(memcacheq) as bystander:
        client, queue = memcacheq(profile="standard"), memcacheq.name()
        data = b"x" * 1_000_000
        bystander.call(store(queue, data), b"STORED\r\n", timeout=10)
        client.send(b"get %b/peek\r\n" % queue * 200)
        client.send(b"get " + b" ".join([queue + b"/peek"] * 200) + b"\r\nversion\r\n")
        for _ in range(5):
            bystander.call(b"get %b/peek\r\n" % queue, value(queue + b"/peek", data) + b"END\r\n")
        for _ in range(200):
            client.expect(value(queue + b"/peek", data) + b"END\r\n", timeout=20)
        for _ in range(200):
            client.expect(value(queue + b"/peek", data), timeout=20)
        client.expect(b"END\r\nVERSION 0.2.1\r\n")
