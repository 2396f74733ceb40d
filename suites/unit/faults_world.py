"""A proxy between two sockets that the test holds itself, so that it sees both sides."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

from faults import Proxy
from faults.proxy import LinkFault, Toxic

PATIENCE = 5.0  # how long is waited for what must happen
QUIET = 0.05  # how long is waited for what must not happen


class Pair(NamedTuple):
    """Both ends of one connection through the proxy."""

    client: socket.socket
    server: socket.socket


class World:
    """A listening upstream, a proxy before it, and every socket made by the test."""

    def __init__(self, proxy: Proxy, upstream: socket.socket) -> None:
        self.proxy = proxy
        self.upstream = upstream
        self.sockets: list[socket.socket] = []

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Self]:
        """For the length of a `with` block."""
        with socket.create_server(("127.0.0.1", 0)) as upstream:
            upstream.settimeout(PATIENCE)
            with Proxy("127.0.0.1", upstream.getsockname()[1]) as proxy:
                world = cls(proxy, upstream)
                try:
                    yield world
                finally:
                    for sock in world.sockets:
                        sock.close()

    def dial(self) -> socket.socket:
        """The client's end of a new connection."""
        sock = socket.create_connection(("127.0.0.1", self.proxy.port), PATIENCE)
        self.sockets.append(sock)
        return sock

    def accept(self) -> socket.socket:
        """The upstream's end of the next connection that arrives there."""
        sock = self.upstream.accept()[0]
        sock.settimeout(PATIENCE)
        self.sockets.append(sock)
        return sock

    def pair(self) -> Pair:
        """Both ends of a new connection."""
        client = self.dial()
        return Pair(client, self.accept())

    def connections_end(self) -> bool:
        """Whether the proxy forgets all connections."""
        deadline = time.monotonic() + PATIENCE
        while self.proxy.connections():
            if time.monotonic() > deadline:
                return False
        return True

    def fault(self, toxic: Toxic, **where: Any) -> LinkFault:
        """The proxy's own."""
        return self.proxy.fault(toxic, **where)


def receive(sock: socket.socket, count: int) -> bytes:
    """Exactly so many octets."""
    got = b""
    while len(got) < count:
        piece = sock.recv(count - len(got))
        assert piece, f"the connection ended after {got!r}"
        got += piece
    return got


def ending(sock: socket.socket) -> str:
    """How the connection ends, with nothing before: `FIN` or `RST`."""
    try:
        data = sock.recv(100)
    except ConnectionResetError:
        return "RST"
    assert not data, f"{data!r} came, not the end"
    return "FIN"


def refuses_more(sock: socket.socket) -> bool:
    """Whether what is sent is answered by RST: a later send fails."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            sock.sendall(b"too late")
        except (ConnectionResetError, BrokenPipeError):
            return True
    return False


def fill(sock: socket.socket) -> int:
    """Send until no more is taken; how many octets were."""
    sock.settimeout(4 * QUIET)
    sent = 0
    try:
        while True:
            sent += sock.send(bytes(1 << 16))
    except TimeoutError:
        return sent


def is_quiet(sock: socket.socket, seconds: float = QUIET) -> bool:
    """Whether nothing comes for a while, no ending either."""
    sock.settimeout(seconds)
    try:
        sock.recv(1)
    except TimeoutError:
        return True
    else:
        return False
    finally:
        sock.settimeout(PATIENCE)


def works(pair: Pair) -> bool:
    """Whether octets pass both ways."""
    for source, sink in (pair, pair[::-1]):
        source.sendall(b"still there?")
        if receive(sink, 12) != b"still there?":
            return False
    return True
