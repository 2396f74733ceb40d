"""The key-value profile: lines, limits, and what is refused."""

import pytest

from suites import verify
from suites.clients.memcache import TextClient, store, value
from suites.harness.text_fixtures import TextClients
from suites.memcacheq.splits import ways

END, STORED, ERROR = b"END\r\n", b"STORED\r\n", b"ERROR\r\n"
BAD_FORMAT = b"CLIENT_ERROR bad command line format\r\n"
BAD_VALUE = b"CLIENT_ERROR bad data chunk\r\n"
TOO_LARGE = b"SERVER_ERROR object too large for cache\r\n"
MEBIBYTE = 1 << 20
WRONG_LINES = (
    *("", "  ", "get", "gets", "set", "set k", "set k 0 0", "cas k 0 0 1", "incr k", "touch k"),
    *("delete", "verbosity", "GET k", "nonsense", "flush_all 1 2 3", "stats nonsense"),
)


def version(client: TextClient) -> bytes:
    """The server's version line, to see that the connection is in step."""
    client.send(b"version\r\n")
    line = client.line()
    verify.true(line.startswith(b"VERSION "), "VERSION", repr(line))
    return line + b"\r\n"


@pytest.mark.requirement("memcached/noreply")
def test_noreply(memcached: TextClients) -> None:
    """Every command that may is done in silence."""
    client, key = memcached(), memcached.name()
    line = version(client)
    client.send(b"set %b 0 0 1 noreply\r\n5\r\nadd %b 0 0 1 noreply\r\n6\r\n" % (key, key))
    client.send(b"append %b 0 0 1 noreply\r\n0\r\nincr %b 3 noreply\r\n" % (key, key))
    client.send(b"touch %b 0 noreply\r\nverbosity 1 noreply\r\n" % key)
    client.call(b"get %b\r\n" % key, value(key, b"53") + END)
    client.send(b"delete %b noreply\r\ndelete %b 0 noreply\r\n" % (key, key))
    client.call(b"get %b\r\n" % key, END)
    client.send(b"cas %b 0 0 1 1 noreply\r\nx\r\nflush_all noreply\r\n" % key)
    client.call(b"version\r\n", line)


@pytest.mark.requirement("memcached/admin")
def test_admin(memcached: TextClients) -> None:
    """The three that tell and tune answer in their form."""
    client, key = memcached(), memcached.name()
    version(client)
    client.call(b"verbosity 1\r\nverbosity\r\n", b"OK\r\n" + ERROR)
    client.call(store(key, b"x") + b"get %b\r\n" % key, STORED + value(key, b"x") + END)
    client.send(b"stats\r\n")
    lines = client.until(END).splitlines()[:-1]
    names = {line.split(b" ")[1] for line in lines}
    wanted = {b"pid", b"uptime", b"time", b"version", b"cmd_get", b"cmd_set", b"get_hits"}
    wanted |= {b"get_misses", b"curr_items", b"bytes_read", b"curr_connections"}
    verify.equal(sorted(wanted - names), [], "missing statistics")
    client.call(b"stats reset\r\n", b"RESET\r\n")


@pytest.mark.requirement("memcached/quit")
def test_quit(memcached: TextClients) -> None:
    """What was sent before is answered, what was sent behind is not."""
    client, key = memcached(), memcached.name()
    client.call(b"get %b\r\nquit\r\nget %b\r\n" % (key, key), END)
    client.expect_end()


@pytest.mark.requirement("memcached/key-length")
@pytest.mark.parametrize("verb", ["set", "get", "delete", "incr", "touch"])
def test_key_length(memcached: TextClients, verb: str) -> None:
    """250 octets are a key, 251 are not, whatever the command."""
    client = memcached()
    longest, too_long = memcached.adopt(b"k" * 250), b"k" * 251
    client.call(store(longest, b"5"), STORED)
    rest = {"set": b" 0 0 1\r\n5", "incr": b" 1", "touch": b" 0"}.get(verb, b"")
    replies = {
        "set": STORED,
        "get": value(longest, b"5") + END,
        "delete": b"DELETED\r\n",
        "incr": b"6\r\n",
        "touch": b"TOUCHED\r\n",
    }
    client.call(b"%b %b%b\r\n" % (verb.encode(), longest, rest), replies[verb])
    after = ERROR if verb == "set" else b""  # its value is read as a command
    client.call(b"%b %b%b\r\n" % (verb.encode(), too_long, rest), BAD_FORMAT + after)


@pytest.mark.requirement("memcached/key-control")
def test_key_with_a_control_character(memcached: TextClients) -> None:
    """Such a key is refused as a bad line."""
    client, key = memcached(), memcached.adopt(memcached.name() + b"\x01")
    client.call(b"get %b\r\n" % key, BAD_FORMAT)


@pytest.mark.requirement("memcached/value-size")
def test_value_size(memcached: TextClients) -> None:
    """One that fits comes back; one of a mebibyte is refused, passed over, and the old one gone."""
    client, key = memcached(), memcached.name()
    data = b"v" * 1_047_000
    client.call(store(key, data), STORED)
    client.call(b"get %b\r\n" % key, value(key, data) + END)
    client.send(store(key, b"v" * MEBIBYTE) + b"get %b\r\n" % key)
    client.expect(TOO_LARGE + END)
    client.send(b"set %b 0 0 %d noreply\r\n%b\r\n" % (key, 2 * MEBIBYTE, b"v" * 2 * MEBIBYTE))
    version(client)


@pytest.mark.requirement("memcached/bad-value")
def test_bad_value(memcached: TextClients) -> None:
    """Too long a value is refused, and its rest is a command."""
    client, key = memcached(), memcached.name()
    client.call(b"set %b 0 0 2\r\nabcd\r\n" % key, BAD_VALUE + ERROR)
    client.call(b"set %b 0 0 5\r\nab\r\nversion\r\n" % key, BAD_VALUE + ERROR)
    client.call(b"get %b\r\n" % key, END)


@pytest.mark.requirement("memcached/bad-line")
@pytest.mark.parametrize("numbers", ["x 0 1", "0 x 1", "0 0 x", "-1 0 1", "0 0 -1", "0 0 1x"])
@pytest.mark.parametrize("verb", ["set", "add", "append"])
def test_bad_numbers(memcached: TextClients, verb: str, numbers: str) -> None:
    """What is no number, or no length, is refused, and the value is read as a command."""
    client, key = memcached(), memcached.name()
    line = b"%b %b %b\r\n1\r\n" % (verb.encode(), key, numbers.encode())
    client.call(line, BAD_FORMAT + ERROR)
    client.call(b"get %b\r\n" % key, END)


@pytest.mark.requirement("memcached/bad-line", "memcached/unknown")
@pytest.mark.parametrize("line", WRONG_LINES)
def test_errors(memcached: TextClients, line: str) -> None:
    """Too few words, or none that is known, are an error; the next line is a command."""
    client = memcached()
    expected = version(client)
    client.call(line.encode() + b"\r\nversion\r\n", ERROR + expected)


@pytest.mark.requirement("memcached/fragment")
@pytest.mark.parametrize("way", ways(1))
def test_fragments(memcached: TextClients, way: str) -> None:
    """A conversation has the same replies however its octets are cut."""
    client, key = memcached(), memcached.name()
    asked = (
        store(key, bytes(range(256)), 7)
        + b"get %b %b\r\n\r\nnonsense\n" % (key, key)
        + store(key, b"10")
        + b"incr %b 1\r\nset %b 0 0 1\r\nlong\r\ndelete %b\r\nquit\r\n" % (key, key, key)
    )
    replies = STORED + value(key, bytes(range(256)), 7) * 2 + END + ERROR * 2 + STORED
    replies += b"11\r\n" + BAD_VALUE + ERROR + b"DELETED\r\n"
    client.send_pieces(asked, ways(len(asked))[way])
    client.expect(replies)
    client.expect_end()


@pytest.mark.requirement("memcached/fragment")
def test_pipelining(memcached: TextClients) -> None:
    """Thousands of commands in one go have their replies in order."""
    client, key = memcached(), memcached.name()
    numbers = range(3000)
    client.send(b"".join(store(key, b"%d" % n) + b"get %b\r\n" % key for n in numbers))
    replies = (STORED + value(key, b"%d" % n) + END for n in numbers)
    client.expect(b"".join(replies), timeout=20)
