"""What the proxy costs when it hurts nobody: `python -m faults measure`."""

import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import NamedTuple

from faults.proxy import Proxy

LOOPBACK = "127.0.0.1"
MESSAGE = 32  # octets there and back: about a basic.ack
CHUNK = 1 << 20
MEGABYTE = 1_000_000
ECHO, SINK = b"e", b"s"  # the first octet says what the peer does with the others
COUNT = 8  # octets that tell how many the sink got


class Cost(NamedTuple):
    """Medians of the rounds: microseconds of a round trip, megabytes a second."""

    direct_trip: float
    proxied_trip: float
    direct_rate: float
    proxied_rate: float

    @property
    def added(self) -> float:
        """Microseconds that the proxy adds to a round trip."""
        return self.proxied_trip - self.direct_trip

    def __str__(self) -> str:
        return (
            f"round trip: {self.direct_trip:.0f} us direct, {self.proxied_trip:.0f} us through the"
            f" proxy, which adds {self.added:.0f} us\nthroughput: {self.direct_rate:.0f} MB/s"
            f" direct, {self.proxied_rate:.0f} MB/s through the proxy"
        )


def measure(rounds: int, trips: int, megabytes: int) -> Cost:
    """Median of so many rounds, each of `trips` round trips and a transfer of `megabytes`.

    The peer is a process of its own, the proxy a thread beside the client, as in a test.
    """
    results: list[tuple[float, float, float, float]] = []
    with _peer() as port, Proxy(LOOPBACK, port) as proxy:
        for _ in range(rounds):
            trip = [_round_trip(at, trips) for at in (port, proxy.port)]
            rate = [_throughput(at, megabytes) for at in (port, proxy.port)]
            results.append((trip[0], trip[1], rate[0], rate[1]))
    return Cost(*(statistics.median(column) for column in zip(*results, strict=True)))


def _round_trip(port: int, count: int) -> float:
    """The median, in microseconds."""
    times: list[float] = []
    with socket.create_connection((LOOPBACK, port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(ECHO)
        for _ in range(count):
            begin = time.perf_counter()
            client.sendall(bytes(MESSAGE))
            _receive(client, MESSAGE)
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e6


def _throughput(port: int, megabytes: int) -> float:
    """Megabytes a second, until the peer has told that all has arrived."""
    octets = megabytes * MEGABYTE
    with socket.create_connection((LOOPBACK, port)) as client:
        client.sendall(SINK)
        begin = time.perf_counter()
        for start in range(0, octets, CHUNK):
            client.sendall(bytes(min(CHUNK, octets - start)))
        client.shutdown(socket.SHUT_WR)
        arrived = int.from_bytes(_receive(client, COUNT))
        seconds = time.perf_counter() - begin
    if arrived != octets:
        raise RuntimeError(f"{arrived} of {octets} octets have arrived")
    return megabytes / seconds


def _receive(sock: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        piece = sock.recv(count - len(got))
        if not piece:
            raise ConnectionError("the measured connection has ended")
        got += piece
    return got


@contextmanager
def _peer() -> Iterator[int]:
    """The port of an echo and sink in a process of its own."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()
        process.close()
        ours.close()
        theirs.close()


def _serve(pipe: Connection) -> None:
    with socket.create_server((LOOPBACK, 0)) as listening:
        pipe.send(listening.getsockname()[1])
        while True:
            client = listening.accept()[0]
            threading.Thread(target=_attend, args=(client,), daemon=True).start()


def _attend(client: socket.socket) -> None:
    with client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if client.recv(1) == ECHO:
            while data := client.recv(CHUNK):
                client.sendall(data)
            return
        buffer, arrived = bytearray(CHUNK), 0
        while count := client.recv_into(buffer):
            arrived += count
        client.sendall(arrived.to_bytes(COUNT))
