"""Where the profiles part: noreply, lengths, and the depth of queues."""

import pytest

from suites import verify
from suites.clients.memcache import TextClient, show, store, value
from suites.harness.text_fixtures import TextClients
from suites.verify import Mismatch

BAD_FORMAT = b"CLIENT_ERROR bad command line format\r\n"


@pytest.mark.requirement("memcacheq/noreply-honoured")
def test_noreply(memcacheq: TextClients) -> None:
    """set, delete and verbosity with noreply are done, and say nothing."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    client.send(b"set %b 0 0 2 noreply\r\nhi\r\n" % queue)
    client.call(b"get %b\r\n" % queue, value(queue, b"hi") + b"END\r\n")
    client.send(b"set %b 0 0 2 noreply\r\nhi\r\ndelete %b noreply\r\n" % (queue, queue))
    client.call(b"get %b\r\n" % queue, b"END\r\n")
    client.send(b"delete %b 0 noreply\r\nverbosity 1 noreply\r\n" % queue)
    client.finish()


@pytest.mark.requirement("memcacheq/noreply-honoured")
def test_noreply_errors(memcacheq: TextClients) -> None:
    """A value that is refused is refused in silence; what is no command still is an error."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    client.send(b"set %b 0 0 1 noreply\r\nabc\r\n" % queue)
    client.expect(b"ERROR\r\n")  # what was left of the value
    client.call(b"set %b 0 0 1 noreply more\r\n" % queue, b"ERROR\r\n")
    client.call(b"get %b\r\n" % queue, b"END\r\n")
    client.finish()


@pytest.mark.requirement("memcacheq/absurd-length")
@pytest.mark.parametrize(
    "length",
    ["-1", "-9223372036854775808", "2147483648", "9223372036854775808", "1" + "0" * 5000],
    ids=["minus-1", "int64-min", "2^31", "2^63", "5001-digits"],
)
def test_absurd_length(memcacheq: TextClients, length: str) -> None:
    """The line is refused at once, and the next one is a command."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    client.send(b"set %b 0 0 %b\r\nversion\r\n" % (queue, length.encode()))
    client.expect(BAD_FORMAT + b"VERSION 0.2.1\r\n")
    client.finish()


@pytest.mark.requirement("memcacheq/large-value")
@pytest.mark.parametrize("length", [1000, 131_064, 131_065, 400_000, 1_048_000])
def test_large_value(memcacheq: TextClients, length: int) -> None:
    """Values of one AMQP frame and of several come back whole."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    data = bytes(index % 251 for index in range(length))
    client.call(store(queue, data, 9), b"STORED\r\n")
    client.call(b"get %b\r\n" % queue, value(queue, data, 9) + b"END\r\n")
    client.finish()


def depths(client: TextClient) -> dict[bytes, tuple[int, int]]:
    """Sets and gets of every queue."""
    client.send(b"stats queue\r\n")
    lines = client.until(b"END\r\n").splitlines()[:-1]
    found = {}
    for line in lines:
        word, name, counts = line.split(b" ")
        if word != b"STAT":
            raise Mismatch("STAT QUEUE SETS/GETS", show(line))
        sets, gets = counts.split(b"/")
        found[name] = int(sets), int(gets)
    return found


@pytest.mark.requirement("memcacheq/stats-queue")
def test_stats_queue(memcacheq: TextClients) -> None:
    """The difference of sets and gets is the depth."""
    client, queue = memcacheq(profile="standard"), memcacheq.name()
    client.call(store(queue, b"x") * 5, b"STORED\r\n" * 5)
    client.call(b"get %b %b\r\n" % (queue, queue), value(queue, b"x") * 2 + b"END\r\n")
    verify.equal(depths(client)[queue], (5, 2), "sets and gets")
    client.call(b"delete %b\r\n" % queue, b"DELETED\r\n")
    verify.true(queue not in depths(client), "no line of a deleted queue", "a line")


@pytest.mark.requirement("memcacheq/stats-queue")
def test_stats_queue_of_many(memcacheq: TextClients) -> None:
    """Hundreds of queues all have their line."""
    client = memcacheq(profile="standard")
    queues = [memcacheq.name() for _ in range(300)]
    client.call(b"".join(store(queue, b"x") for queue in queues), b"STORED\r\n" * len(queues))
    missing = set(queues) - depths(client).keys()
    verify.equal(len(missing), 0, "queues without a line")


@pytest.mark.requirement("memcacheq/stats-queue-cut")
def test_stats_queue_cut(memcacheq: TextClients) -> None:
    """Hundreds of queues have as many lines as fit."""
    client = memcacheq(profile="strict")
    queues = [memcacheq.name() for _ in range(100)]
    client.call(b"".join(store(queue, b"x") for queue in queues), b"STORED\r\n" * len(queues))
    client.send(b"stats queue\r\n")
    size = len(client.until(b"END\r\n"))
    verify.between(size, 2048 - 250 - 50, 2048, "octets of the reply")
