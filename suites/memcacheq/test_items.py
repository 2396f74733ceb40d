"""The key-value profile: storing, reading and changing items."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from suites import verify
from suites.clients.memcache import TextClient, store, value
from suites.clients.pymemcache import connected
from suites.harness.text_fixtures import TextClients

END, STORED, NOT_STORED = b"END\r\n", b"STORED\r\n", b"NOT_STORED\r\n"
NOT_FOUND, DELETED = b"NOT_FOUND\r\n", b"DELETED\r\n"
NOT_A_NUMBER = b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
BAD_DELTA = b"CLIENT_ERROR invalid numeric delta argument\r\n"
LARGEST = 2**64 - 1


@pytest.fixture
def client(memcached: TextClients) -> TextClient:
    """A client of the key-value store."""
    return memcached()


@pytest.fixture
def key(memcached: TextClients) -> bytes:
    """A key that nobody else uses."""
    return memcached.name()


def has(client: TextClient, key: bytes, data: bytes | None, flags: int = 0) -> None:
    """A get of the key gives this, or nothing."""
    client.call(b"get %b\r\n" % key, END if data is None else value(key, data, flags) + END)


@pytest.mark.requirement("memcached/set")
def test_set(client: TextClient, key: bytes) -> None:
    """A value can be read as often as one likes, and is replaced by the next."""
    has(client, key, None)
    client.call(store(key, b"one", 5), STORED)
    has(client, key, b"one", 5)
    has(client, key, b"one", 5)
    client.call(store(key, b"two"), STORED)
    has(client, key, b"two")


@pytest.mark.requirement("memcached/get-several")
def test_get_several(client: TextClient, memcached: TextClients) -> None:
    """Those that are there come in the order asked, one as often as it is asked for."""
    first, missing, second = memcached.name(), memcached.name(), memcached.name()
    client.call(store(first, b"1") + store(second, b"2"), STORED * 2)
    replies = value(second, b"2") + value(first, b"1") * 2 + END
    client.call(b"get %b %b %b %b\r\n" % (second, missing, first, first), replies)


@pytest.mark.requirement("memcached/flags")
@pytest.mark.parametrize("flags", [0, 1, 2**16, 2**32 - 1])
def test_flags(client: TextClient, key: bytes, flags: int) -> None:
    """Flags come back as they were."""
    client.call(store(key, b"x", flags), STORED)
    has(client, key, b"x", flags)


@pytest.mark.requirement("memcached/binary")
@pytest.mark.parametrize("data", [b"", b"\r\n", bytes(range(256)), b"END\r\n", b"\0" * 5000])
def test_binary(client: TextClient, key: bytes, data: bytes) -> None:
    """Any octets come back as they went in."""
    client.call(store(key, data), STORED)
    has(client, key, data)


@pytest.mark.requirement("memcached/add")
def test_add(client: TextClient, key: bytes) -> None:
    """Add stores once."""
    client.call(store(key, b"one", verb=b"add"), STORED)
    client.call(store(key, b"two", verb=b"add"), NOT_STORED)
    has(client, key, b"one")


@pytest.mark.requirement("memcached/replace")
def test_replace(client: TextClient, key: bytes) -> None:
    """Replace needs something to replace."""
    client.call(store(key, b"one", verb=b"replace"), NOT_STORED)
    has(client, key, None)
    client.call(store(key, b"one") + store(key, b"two", 4, b"replace"), STORED * 2)
    has(client, key, b"two", 4)


@pytest.mark.requirement("memcached/append")
def test_append_and_prepend(client: TextClient, key: bytes) -> None:
    """Both extend the value, whatever flags they name; with nothing there they store nothing."""
    for verb in (b"append", b"prepend"):
        client.call(store(key, b"x", verb=verb), NOT_STORED)
    client.call(store(key, b"b", 6), STORED)
    client.call(store(key, b"c", 9, b"append") + store(key, b"a", 9, b"prepend"), STORED * 2)
    has(client, key, b"abc", 6)


def unique(client: TextClient, key: bytes) -> int:
    """The number that gets gives out with the item."""
    client.send(b"gets %b\r\n" % key)
    number = int(client.line().split(b" ")[4])
    client.until(END)
    return number


@pytest.mark.requirement("memcached/cas")
def test_cas(client: TextClient, key: bytes) -> None:
    """The first of two that read the same number stores, the second is told EXISTS."""
    client.call(b"cas %b 0 0 1 1\r\nx\r\n" % key, NOT_FOUND)
    client.call(store(key, b"a"), STORED)
    number = unique(client, key)
    client.call(b"cas %b 3 0 1 %d\r\nb\r\n" % (key, number), STORED)
    client.call(b"cas %b 0 0 1 %d\r\nc\r\n" % (key, number), b"EXISTS\r\n")
    has(client, key, b"b", 3)


@pytest.mark.requirement("memcached/cas")
@pytest.mark.parametrize("change", [b"append %b 0 0 1\r\n1\r\n", b"incr %b 1\r\n"])
def test_cas_after_a_change(client: TextClient, key: bytes, change: bytes) -> None:
    """Every change renews the number; reading and touching do not."""
    client.call(store(key, b"5"), STORED)
    number = unique(client, key)
    client.call(b"touch %b 0\r\n" % key, b"TOUCHED\r\n")
    verify.equal(unique(client, key) == number, True, "the same number")
    client.send(change % key)
    client.line()
    verify.equal(unique(client, key) == number, False, "the same number")


@pytest.mark.requirement("memcached/incr")
def test_incr_and_decr(client: TextClient, key: bytes) -> None:
    """Counting keeps the flags, goes on at 0 after the largest number, and not below 0."""
    client.call(store(key, b"10", 8), STORED)
    client.call(b"incr %b 5\r\n" % key, b"15\r\n")
    has(client, key, b"15", 8)
    client.call(b"decr %b 100\r\n" % key, b"0\r\n")
    client.call(b"incr %b %d\r\n" % (key, LARGEST), b"%d\r\n" % LARGEST)
    client.call(b"incr %b 2\r\n" % key, b"1\r\n")


@pytest.mark.requirement("memcached/incr")
def test_decr_keeps_the_width(
    client: TextClient, key: bytes, observe: Callable[[str], None]
) -> None:
    """A value that loses a digit may keep its width, filled with spaces."""
    client.call(store(key, b"10") + b"decr %b 1\r\n" % key, STORED + b"9\r\n")
    client.send(b"get %b\r\n" % key)
    data = client.until(END).split(b"\r\n")[1]
    verify.equal(data.rstrip(b" "), b"9", "value")
    observe(f"the value is {data!r}")
    client.call(b"incr %b 1\r\n" % key, b"10\r\n")


@pytest.mark.requirement("memcached/incr-error")
def test_incr_errors(client: TextClient, key: bytes) -> None:
    """There must be a number, and a number to add."""
    client.call(b"incr %b 1\r\ndecr %b 1\r\n" % (key, key), NOT_FOUND * 2)
    client.call(store(key, b"text") + b"incr %b 1\r\n" % key, STORED + NOT_A_NUMBER)
    client.call(store(key, b"-5") + b"decr %b 1\r\n" % key, STORED + NOT_A_NUMBER)
    client.call(store(key, b"%d" % 2**64) + b"incr %b 1\r\n" % key, STORED + NOT_A_NUMBER)
    client.call(store(key, b"5"), STORED)
    for step in (b"x", b"-1", b"%d" % 2**64, b"1.5"):
        client.call(b"incr %b %b\r\n" % (key, step), BAD_DELTA)
    client.call(b"incr %b\r\n" % key, b"ERROR\r\n")
    has(client, key, b"5")


@pytest.mark.requirement("memcached/delete")
def test_delete(client: TextClient, key: bytes) -> None:
    """Once it is gone there is nothing to delete."""
    client.call(store(key, b"x"), STORED)
    client.call(b"delete %b\r\n" % key, DELETED)
    has(client, key, None)
    client.call(b"delete %b\r\n" % key, NOT_FOUND)
    client.call(b"delete %b 0\r\n" % key, NOT_FOUND)
    client.send(b"delete %b 5\r\n" % key)
    verify.true(client.line().startswith(b"CLIENT_ERROR "), "CLIENT_ERROR", "something else")


@pytest.mark.requirement("memcached/counting-clients")
def test_counting_clients(memcached: TextClients, key: bytes) -> None:
    """Sixteen clients add up to what each has added."""
    clients = [memcached() for _ in range(16)]
    clients[0].call(store(key, b"0"), STORED)

    def count(client: TextClient) -> None:
        for _ in range(20):
            client.send(b"incr %b 1\r\n" % key * 10)
            for _ in range(10):
                client.line()

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(count, clients))
    clients[0].call(b"incr %b 0\r\n" % key, b"%d\r\n" % (16 * 200))


@pytest.mark.requirement("memcached/pymemcache")
def test_pymemcache(memcached: TextClients) -> None:
    """Each call of the client does what its documentation says."""
    one, two = memcached.name().decode(), memcached.name().decode()
    with connected(memcached.broker(), "memcached") as client:
        calls = [
            (client.set(one, b"1"), True),
            (client.add(one, b"2"), False),
            (client.replace(two, b"2"), False),
            (client.set_many({one: b"1", two: b"2"}), []),
            (client.get_many([one, two]), {one: b"1", two: b"2"}),
            (client.append(one, b"0"), True),
            (client.prepend(one, b"2"), True),
            (client.get(one), b"210"),
            (client.incr(one, 5), 215),
            (client.decr(one, 15), 200),
            (client.cas(one, b"x", client.gets(one)[1]), True),
            (client.cas(one, b"y", b"0"), False),
            (client.touch(one, 100), True),
            (client.delete(one), True),
            (client.delete(one), False),
            (client.get(one, b"default"), b"default"),
            (client.incr(one, 1), None),
        ]
        for place, (got, wanted) in enumerate(calls):
            verify.equal(got, wanted, f"call {place}")
        verify.true(client.version(), "a version", "none")
        verify.true(client.stats()[b"curr_items"] >= 1, "items counted", "none")
