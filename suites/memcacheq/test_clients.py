"""Many clients at once, and the client that applications use."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from suites import verify
from suites.clients.memcache import TextClient, store
from suites.clients.pymemcache import connected
from suites.harness.text_fixtures import TextClients

PEERS = 32
EACH = 500  # values of one producer
BATCH = 25


@pytest.mark.requirement("memcacheq/fifo")
def test_fifo(memcacheq: TextClients) -> None:
    """One producer's values come to one consumer in order, while both are at work."""
    queue, count = memcacheq.name(), 3000
    producer, consumer = memcacheq(), memcacheq()
    writing = threading.Thread(target=produce, args=(producer, queue, 0, count))
    writing.start()
    taken = consume(consumer, queue, lambda got: len(got) < count)
    writing.join()
    verify.equal(taken == [b"0:%d" % number for number in range(count)], True, "in order")


@pytest.mark.requirement("memcacheq/exactly-once", "memcacheq/fifo")
def test_many_clients(memcacheq: TextClients) -> None:
    """32 producers and 32 consumers: each value once, and each producer's in order."""
    queue = memcacheq.name()
    producers = [memcacheq() for _ in range(PEERS)]
    consumers = [memcacheq() for _ in range(PEERS)]
    done = threading.Event()
    with ThreadPoolExecutor(2 * PEERS) as pool:
        reading = [
            pool.submit(consume, client, queue, lambda _got: not done.is_set())
            for client in consumers
        ]
        writing = [
            pool.submit(produce, client, queue, number, EACH)
            for number, client in enumerate(producers)
        ]
        for future in writing:
            future.result()
        done.set()
        taken = [future.result() for future in reading]
    taken.append(consume(producers[0], queue, lambda _got: False))
    times = Counter(each for values in taken for each in values)
    wanted = {b"%d:%d" % (peer, number) for peer in range(PEERS) for number in range(EACH)}
    verify.equal(len(wanted - times.keys()), 0, "lost values")
    verify.equal(sum(times.values()) - len(times), 0, "doubled values")
    verify.equal(sum(map(disordered, taken)), 0, "values out of order")


def produce(client: TextClient, queue: bytes, peer: int, count: int) -> None:
    """Append so many values, each naming its producer and its place."""
    for start in range(0, count, BATCH):
        batch = range(start, min(start + BATCH, count))
        client.send(b"".join(store(queue, b"%d:%d" % (peer, number)) for number in batch))
        client.expect(b"STORED\r\n" * len(batch), timeout=30)


def consume(client: TextClient, queue: bytes, wanted: Callable[[list[bytes]], bool]) -> list[bytes]:
    """Take values while more are wanted, and then until the queue is empty."""
    client.timeout = 30
    taken: list[bytes] = []
    while True:
        go_on = wanted(taken)
        client.send(b"get %b\r\n" % queue)
        if client.line() != b"END":
            taken.append(client.until(b"\r\nEND\r\n").removesuffix(b"\r\nEND\r\n"))
        elif not go_on:
            return taken


def disordered(values: list[bytes]) -> int:
    """How many values came to one consumer before an earlier one of their producer."""
    last: dict[bytes, int] = {}
    wrong = 0
    for each in values:
        peer, _, number = each.partition(b":")
        wrong += int(number) < last.get(peer, -1)
        last[peer] = int(number)
    return wrong


@pytest.mark.requirement("memcacheq/pymemcache")
def test_pymemcache(memcacheq: TextClients) -> None:
    """Its set appends, get takes, get_many takes one of each, delete removes."""
    first, second = memcacheq.name().decode(), memcacheq.name().decode()
    with connected(memcacheq.broker(), "memcacheq") as client:
        verify.equal([client.set(first, b"1"), client.set(first, b"2")], [True, True], "set")
        client.set(second, b"3")
        verify.equal(client.get(first), b"1", "get")
        verify.equal(client.get_many([first, second]), {first: b"2", second: b"3"}, "get_many")
        verify.equal(client.get(first), None, "get of an empty queue")
        client.set(first, b"4")
        verify.equal([client.delete(first), client.delete(first)], [True, False], "delete")
        verify.equal(client.version(), b"0.2.1", "version")
        verify.true(b"curr_connections" in client.stats(), "curr_connections in stats", "none")
