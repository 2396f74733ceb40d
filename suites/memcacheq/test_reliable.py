"""Reads that wait, look, and are confirmed or taken back: options in the key of a get."""

import time

import pytest

from suites import verify
from suites.clients.memcache import TextClient, store, value
from suites.harness.text_fixtures import TextClients

END = b"END\r\n"
ALREADY_OPEN = b"CLIENT_ERROR an item of this queue is open: close or abort it first\r\n"
LONG = 30_000  # ms that no test lives to see


def read(client: TextClient, key: bytes, data: bytes | None) -> None:
    """A get of one key gives this value, or none."""
    client.call(b"get %b\r\n" % key, END if data is None else value(key, data) + END)


def put(client: TextClient, queue: bytes, *values: bytes) -> None:
    """Append these values."""
    client.call(b"".join(store(queue, data) for data in values), b"STORED\r\n" * len(values))


@pytest.mark.requirement("memcacheq/wait")
def test_wait_in_vain(memcacheq: TextClients) -> None:
    """With nothing to take, the reply comes when the time is up."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    began = time.monotonic()
    client.call(b"get %b/t=250\r\n" % queue, END)
    verify.between(time.monotonic() - began, 0.25, 3, "seconds")
    read(client, queue + b"/t=0", None)


@pytest.mark.requirement("memcacheq/wait")
def test_wait_for_a_value(memcacheq: TextClients) -> None:
    """A value ends the wait, and what was sent behind the get is answered after it."""
    waiting, other, queue = memcacheq(profile="standard"), memcacheq(), memcacheq.name()
    key = b"%b/t=%d" % (queue, LONG)
    waiting.send(b"get %b\r\nversion\r\n" % key)
    reached(other, queue)
    put(other, queue, b"at last")
    waiting.expect(value(key, b"at last") + END + b"VERSION 0.2.1\r\n")
    read(other, queue, None)


@pytest.mark.requirement("memcacheq/wait")
def test_wait_several(memcacheq: TextClients) -> None:
    """A get of several keys waits at each in its turn."""
    waiting, other = memcacheq(profile="standard"), memcacheq()
    first, second = memcacheq.name(), memcacheq.name()
    keys = [b"%b/t=%d" % (queue, LONG) for queue in (first, second)]
    put(other, second, b"2")
    waiting.send(b"get %b %b\r\n" % (keys[0], keys[1]))
    reached(other, first)
    put(other, first, b"1")
    waiting.expect(value(keys[0], b"1") + value(keys[1], b"2") + END)


def reached(client: TextClient, queue: bytes) -> None:
    """The read waits: it has created its queue, so stats queue shows it."""

    def there() -> bool:
        client.send(b"stats queue\r\n")
        return b"STAT %b " % queue in client.until(END)

    verify.eventually(there, "a read that waits")


@pytest.mark.requirement("memcacheq/wait-fair")
def test_wait_fair(memcacheq: TextClients) -> None:
    """Of two reads that wait each gets one of two values; one that gave up takes nothing."""
    clients = [memcacheq(profile="standard") for _ in range(2)]
    other, queue = memcacheq(), memcacheq.name()
    read(other, queue + b"/t=50", None)
    for client in clients:
        client.send(b"version\r\nget %b/t=%d\r\n" % (queue, LONG))
        client.expect(b"VERSION 0.2.1\r\n")
    put(other, queue, b"1", b"2", b"3")
    got = [client.until(END).splitlines()[1] for client in clients]
    verify.equal(sorted(got), [b"1", b"2"], "values")
    read(other, queue, b"3")


@pytest.mark.requirement("memcacheq/wait")
@pytest.mark.parametrize("end", ["finish", "reset"])
def test_wait_of_a_dead_client(memcacheq: TextClients, end: str) -> None:
    """A client that ends while it waits takes nothing with it."""
    waiting, other, queue = memcacheq(profile="standard"), memcacheq(), memcacheq.name()
    waiting.send(b"get %b/t=%d\r\n" % (queue, LONG))
    reached(other, queue)
    if end == "finish":
        waiting.half_close()
        waiting.expect(END)
        waiting.expect_end()
    else:
        waiting.reset()
        verify.eventually(lambda: connections(other) == 1, "the connection is gone")
    put(other, queue, b"kept")
    read(other, queue, b"kept")


def connections(client: TextClient) -> int:
    """How many clients the server counts."""
    client.send(b"stats\r\n")
    lines = client.until(END).splitlines()
    return next(int(x.split(b" ")[2]) for x in lines if x.startswith(b"STAT curr_connections"))


@pytest.mark.requirement("memcacheq/open")
def test_open_and_close(memcacheq: TextClients) -> None:
    """An open value is nobody else's, and is gone once it is closed."""
    client, other, queue = memcacheq(profile="standard"), memcacheq(), memcacheq.name()
    put(client, queue, b"1", b"2")
    read(client, queue + b"/open", b"1")
    read(other, queue, b"2")
    read(other, queue, None)
    read(client, queue + b"/close", None)
    read(other, queue, None)
    read(client, queue + b"/close", None)  # with nothing open there is nothing to do


@pytest.mark.requirement("memcacheq/abort")
def test_abort(memcacheq: TextClients) -> None:
    """An aborted value is the first of its queue again."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    put(client, queue, b"1", b"2", b"3")
    read(client, queue + b"/open", b"1")
    read(client, queue + b"/abort", None)
    for data in (b"1", b"2", b"3", None):
        read(client, queue, data)


@pytest.mark.requirement("memcacheq/peek")
def test_peek(memcacheq: TextClients) -> None:
    """To look takes nothing, however often."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    read(client, queue + b"/peek", None)
    put(client, queue, b"1", b"2")
    for _ in range(3):
        read(client, queue + b"/peek", b"1")
    read(client, queue, b"1")
    read(client, queue + b"/peek/t=100", b"2")


@pytest.mark.requirement("memcacheq/open-lost")
@pytest.mark.parametrize("end", ["finish", "reset", "quit"])
def test_open_of_a_dead_client(memcacheq: TextClients, end: str) -> None:
    """What a connection held open is at the head of its queue once it has ended."""
    client, other, queue = memcacheq(profile="standard"), memcacheq(), memcacheq.name()
    put(client, queue, b"1", b"2")
    read(client, queue + b"/open", b"1")
    if end == "quit":
        client.send(b"quit\r\n")
        client.expect_end()
    else:
        getattr(client, end)()
    verify.eventually(lambda: connections(other) == 1, "the connection is gone")
    read(other, queue, b"1")
    read(other, queue, b"2")


@pytest.mark.requirement("memcacheq/open-twice")
def test_open_twice(memcacheq: TextClients) -> None:
    """One value of a queue may be open at a time; close and open go together in one key."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    put(client, queue, b"1", b"2", b"3")
    read(client, queue + b"/open", b"1")
    client.call(b"get %b/open\r\n" % queue, ALREADY_OPEN)
    read(client, queue + b"/close/open", b"2")
    read(client, queue + b"/abort/t=100/open", b"2")
    read(client, queue + b"/close", None)
    read(client, queue, b"3")
    read(client, queue, None)


@pytest.mark.requirement("memcacheq/open")
def test_open_of_several_queues(memcacheq: TextClients) -> None:
    """Each queue has its own open value."""
    client, first, second = memcacheq(profile="standard"), memcacheq.name(), memcacheq.name()
    put(client, first, b"1")
    put(client, second, b"2")
    read(client, first + b"/open", b"1")
    read(client, second + b"/open", b"2")
    read(client, first + b"/abort", None)
    read(client, second + b"/close", None)
    read(client, first, b"1")
    read(client, second, None)


@pytest.mark.requirement("memcacheq/open")
def test_options_in_a_name(memcacheq: TextClients) -> None:
    """A name that no get could reach is refused; any other slash is part of the name."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    client.send(b"set %b/open 0 0 7\r\nversion\r\n" % queue)
    client.expect(b"CLIENT_ERROR the queue's name ends in a read option\r\nVERSION 0.2.1\r\n")
    name = memcacheq.adopt(queue + b"/open/other")
    put(client, name, b"1")
    read(client, name, b"1")
