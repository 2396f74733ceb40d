"""A raw client of memcached's text protocol: it may send anything, and keeps the transcript."""

import contextlib
import socket
import time
from collections.abc import Iterable

from suites.clients.link import CLOSED, CONNECT_TIMEOUT, LINGER_ZERO, READ_SIZE, SILENCE
from suites.clients.transcript import CAME, SENT, Transcript
from suites.verify import Mismatch

TIMEOUT = 5.0
SHOWN = 120  # octets of a reply in a finding


class TextClient:
    """One connection. Reading raises Mismatch; writing to a closed peer is only noted."""

    def __init__(self, host: str, port: int, transcript: Transcript, label: str) -> None:
        self.timeout = TIMEOUT
        self._transcript = transcript
        self._label = label
        self._pending = b""
        self._socket = socket.create_connection((host, port), CONNECT_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # writing

    def send(self, data: bytes, *, timeout: float | None = None) -> None:
        """Send all octets; what is wrong with the socket shows at the next read."""
        self._note(SENT, show(data))
        try:
            self._socket.settimeout(self.timeout if timeout is None else timeout)
            self._socket.sendall(data)
        except OSError as error:
            self._note(SENT, f"(write failed: {error})")

    def send_pieces(self, data: bytes, sizes: Iterable[int]) -> None:
        """Send in writes of these sizes, and what is left over in one more."""
        position = 0
        for size in sizes:
            self.send(data[position : position + size])
            position += size
        if position < len(data):
            self.send(data[position:])

    def half_close(self) -> None:
        """Send FIN and go on reading."""
        self._note(SENT, "(FIN)")
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close at once with RST."""
        self._note(SENT, "(RST)")
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._socket.close()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    # reading

    def expect(self, reply: bytes, *, timeout: float | None = None) -> None:
        """The next octets are these. Raises Mismatch."""
        octets = self.read(len(reply), timeout=timeout)
        if octets != reply:
            raise Mismatch(show(reply), show(octets) if octets else SILENCE)

    def call(self, request: bytes, reply: bytes, *, timeout: float | None = None) -> None:
        """Send, and expect the reply."""
        self.send(request)
        self.expect(reply, timeout=timeout)

    def line(self) -> bytes:
        """The next line, without its end. Raises Mismatch when none comes."""
        return self.until(b"\r\n").removesuffix(b"\r\n")

    def until(self, end: bytes) -> bytes:
        """All octets up to and with `end`. Raises Mismatch when it does not come."""
        deadline = time.monotonic() + self.timeout
        while end not in self._pending:
            if not self._fill(deadline):
                raise Mismatch(f"... {show(end)}", show(self._pending) or SILENCE)
        position = self._pending.index(end) + len(end)
        octets, self._pending = self._pending[:position], self._pending[position:]
        return octets

    def read(self, count: int, *, timeout: float | None = None) -> bytes:
        """Up to `count` octets as they come: fewer if the peer closes or is silent before."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        pieces, size = [self._pending], len(self._pending)
        while size < count:
            self._pending = b""
            if not self._fill(deadline):
                break
            pieces.append(self._pending)
            size += len(self._pending)
        octets = b"".join(pieces)
        self._pending = octets[count:]
        return octets[:count]

    def expect_end(self) -> None:
        """Nothing more comes, and the connection ends. Raises Mismatch."""
        deadline = time.monotonic() + self.timeout
        while self._fill(deadline):
            pass
        if self._pending:
            raise Mismatch(CLOSED, show(self._pending))
        if self._socket.fileno() >= 0:
            raise Mismatch(CLOSED, SILENCE, f"for {self.timeout:g} s")

    def finish(self) -> None:
        """Send no more: the server has said all, and closes. Raises Mismatch."""
        self.half_close()
        self.expect_end()

    def _fill(self, deadline: float) -> bool:
        """Read what comes next; False if nothing does, and then the socket is closed on an end."""
        if self._socket.fileno() < 0:
            return False
        try:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            data = self._socket.recv(READ_SIZE)
        except TimeoutError:
            return False
        except OSError as error:
            data = b""
            self._note(CAME, f"(socket closed: {error})")
        if not data:
            self._note(CAME, "(socket closed)")
            self._socket.close()
            return False
        self._note(CAME, show(data))
        self._pending += data
        return True

    def _note(self, direction: str, text: str) -> None:
        self._transcript.note(self._label, direction, text)


def show(octets: bytes) -> str:
    """The octets, shortened in their middle."""
    if len(octets) <= SHOWN:
        return repr(octets) if octets else ""
    half = SHOWN // 2
    return f"{octets[:half]!r} … {octets[-half:]!r} ({len(octets)} octets)"


def value(key: bytes, data: bytes, flags: int = 0) -> bytes:
    """How a value stands in a reply, without the END."""
    return b"VALUE %b %d %d\r\n%b\r\n" % (key, flags, len(data), data)


def store(key: bytes, data: bytes, flags: int = 0, verb: bytes = b"set") -> bytes:
    """A storage command with its value."""
    return b"%b %b %d 0 %d\r\n%b\r\n" % (verb, key, flags, len(data), data)
