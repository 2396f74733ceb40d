"""The key-value profile: what time does to items."""

import time

import pytest

from suites import verify
from suites.clients.memcache import TextClient, store, value
from suites.harness.text_fixtures import TextClients

END, STORED = b"END\r\n", b"STORED\r\n"
LATEST = 4.0  # seconds for an exptime of 1: memcached's clock ticks once a second


def set_for(client: TextClient, key: bytes, exptime: int) -> None:
    """Store a value with this exptime."""
    client.call(b"set %b 0 %d 1\r\nx\r\n" % (key, exptime), STORED)


def gone(client: TextClient, key: bytes) -> bool:
    """Whether the item is no longer there."""
    client.send(b"get %b\r\n" % key)
    return client.until(END) == END


def stays(client: TextClient, key: bytes) -> bool:
    """Whether an item that is stored now can be read."""
    set_for(client, key, 0)
    return not gone(client, key)


@pytest.mark.requirement("memcached/exptime-relative")
def test_relative(memcached: TextClients) -> None:
    """One of a second goes, one of a hundred and one of none stay."""
    client, short, long, ever = memcached(), memcached.name(), memcached.name(), memcached.name()
    for key, exptime in ((short, 1), (long, 100), (ever, 0)):
        set_for(client, key, exptime)
    verify.eventually(lambda: gone(client, short), "the item has expired", within=LATEST)
    client.call(b"get %b %b\r\n" % (long, ever), value(long, b"x") + value(ever, b"x") + END)


@pytest.mark.requirement("memcached/exptime-absolute")
def test_absolute(memcached: TextClients) -> None:
    """A time that is past is past; one to come comes."""
    client, past, soon, later = memcached(), memcached.name(), memcached.name(), memcached.name()
    now = int(time.time())
    set_for(client, past, now - 10)
    set_for(client, soon, now + 2)
    set_for(client, later, now + 1000)
    verify.true(gone(client, past), "the item has expired", "an item")
    client.call(b"get %b\r\n" % later, value(later, b"x") + END)
    verify.eventually(lambda: gone(client, soon), "the item has expired", within=LATEST + 1)
    client.call(b"get %b\r\n" % later, value(later, b"x") + END)


@pytest.mark.requirement("memcached/exptime-negative")
def test_negative(memcached: TextClients) -> None:
    """An item that is stored as expired is not there, and may be added."""
    client, key = memcached(), memcached.name()
    set_for(client, key, -1)
    client.call(b"get %b\r\n" % key, END)
    client.call(store(key, b"y", verb=b"add"), STORED)


@pytest.mark.requirement("memcached/touch")
def test_touch(memcached: TextClients) -> None:
    """A touched item lives from now on, or dies."""
    client, kept, dropped = memcached(), memcached.name(), memcached.name()
    client.call(b"touch %b 5\r\n" % kept, b"NOT_FOUND\r\n")
    set_for(client, kept, 1)
    set_for(client, dropped, 0)
    client.call(b"touch %b 100\r\n" % kept, b"TOUCHED\r\n")
    client.call(b"touch %b -1\r\n" % dropped, b"TOUCHED\r\n")
    verify.true(gone(client, dropped), "the item has expired", "an item")
    witness = memcached.name()
    set_for(client, witness, 1)
    verify.eventually(lambda: gone(client, witness), "the item has expired", within=LATEST)
    client.call(b"get %b\r\n" % kept, value(kept, b"x") + END)
    client.call(b"touch %b soon\r\n" % kept, b"CLIENT_ERROR invalid exptime argument\r\n")


@pytest.mark.requirement("memcached/flush-all")
def test_flush_all(memcached: TextClients) -> None:
    """At once, or later: until then items stay, and what is stored afterwards stays."""
    client, first, second = memcached(), memcached.name(), memcached.name()
    set_for(client, first, 0)
    client.call(b"flush_all\r\n", b"OK\r\n")
    client.call(b"get %b\r\n" % first, END)
    set_for(client, second, 0)
    client.call(b"flush_all 3\r\n", b"OK\r\n")
    client.call(b"get %b\r\n" % second, value(second, b"x") + END)
    verify.eventually(lambda: gone(client, second), "the items are flushed", within=6)
    # memcached's clock ticks once a second: what is stored in the same one goes too.
    verify.eventually(lambda: stays(client, first), "an item stays", within=4)
    client.call(b"flush_all never\r\n", b"CLIENT_ERROR invalid exptime argument\r\n")
