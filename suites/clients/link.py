"""A blocking socket to the broker that reads frames with deadlines and keeps the transcript."""

import contextlib
import socket
import struct
import time

from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import PREFIX, Frame, FrameReader
from reference_broker.wire.spec import FRAME_OVERHEAD
from suites.brokers.base import Endpoint
from suites.clients.transcript import CAME, SENT, SHOWN, Transcript

READ_SIZE = 65536
LARGEST_FRAME = 64 * 1024 * 1024  # a size above it is not believed
CONNECT_TIMEOUT = 10.0
LINGER_ZERO = struct.pack("ii", 1, 0)  # close sends RST

SILENCE = "silence"
CLOSED = "socket closed"
FIN = "FIN"


class NoFrameError(Exception):
    """No frame came; `actual` is the canonical form of what there was instead."""

    def __init__(self, actual: str, detail: str = "") -> None:
        super().__init__(actual, detail)
        self.actual = actual
        self.detail = detail


class Link:
    """One TCP connection. Reading raises NoFrameError; writing to a closed peer is only noted."""

    def __init__(self, endpoint: Endpoint, transcript: Transcript, label: str) -> None:
        self.transcript = transcript
        self.label = label
        self.ended = False
        self.ending: str | None = None
        """How the peer ended it: FIN, or the socket's error."""
        self.unwritten: str | None = None
        """Why the last write failed, if it did."""
        self._pending = bytearray()
        self._socket = endpoint.connect(CONNECT_TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @property
    def port(self) -> int:
        """Our own port, by which a broker's log knows the connection; 0 once it is closed."""
        try:
            return int(self._socket.getsockname()[1])
        except OSError:
            return 0

    def write(self, data: bytes, timeout: float) -> None:
        """Send all octets; what is wrong with the socket shows at the next read."""
        self.transcript.sent(self.label, data)
        self.unwritten = None
        try:
            self._socket.settimeout(timeout)
            self._socket.sendall(data)
        except OSError as error:
            self.unwritten = str(error)
            self.transcript.note(self.label, SENT, f"(write failed: {error})")

    def read_frame(self, timeout: float) -> Frame:
        """The next whole frame, or NoFrameError after `timeout` seconds without one."""
        deadline = time.monotonic() + timeout
        while (frame := self._next_frame()) is None:
            self._fill(deadline, timeout)
        self.transcript.came(self.label, frame)
        return frame

    def read_octets(self, count: int, timeout: float) -> bytes:
        """Up to `count` octets as they come: fewer if the peer closes or is silent before."""
        deadline = time.monotonic() + timeout
        with contextlib.suppress(NoFrameError):
            while len(self._pending) < count:
                self._fill(deadline, timeout)
        octets = bytes(self._pending[:count])
        del self._pending[:count]
        if octets:
            self.transcript.note(self.label, CAME, f"octets {octets!r}")
        return octets

    @property
    def local_port(self) -> int:
        """The client's own port, by which a broker's operator finds its connection."""
        port: int = self._socket.getsockname()[1]
        return port

    def alive(self) -> bool:
        """Whether the peer has neither closed nor said anything that was not read."""
        if self.ended:
            return False
        try:
            self._socket.settimeout(0)
            socket.socket.recv(self._socket, 1, socket.MSG_PEEK)  # below TLS, which cannot peek
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def half_close(self) -> None:
        """Send FIN and go on reading."""
        self.transcript.note(self.label, SENT, "(FIN)")
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close at once with RST."""
        self.transcript.note(self.label, SENT, "(RST)")
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        self._socket.close()
        self.ended = True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
        self.ended = True

    def _fill(self, deadline: float, timeout: float) -> None:
        if self.ended:
            raise NoFrameError(CLOSED)
        try:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            data = self._socket.recv(READ_SIZE)
        except TimeoutError:
            raise NoFrameError(self._in_part(SILENCE), f"within {timeout:g} s") from None
        except OSError as error:
            raise self._ended_by(str(error)) from None
        if not data:
            raise self._ended_by(FIN)
        self._pending += data

    def _ended_by(self, how: str) -> NoFrameError:
        self.ended = True
        self.ending = how
        self.transcript.note(self.label, CAME, f"(socket closed: {how})")
        return NoFrameError(self._in_part(CLOSED), how)

    def _in_part(self, actual: str) -> str:
        if not self._pending:
            return actual
        rest = bytes(self._pending)
        self.transcript.note(self.label, CAME, f"octets {rest[:SHOWN]!r}, and no whole frame")
        return f"{actual} in mid-frame"

    def _next_frame(self) -> Frame | None:
        if self._pending.startswith(b"AMQP"):
            octets = self.read_octets(8, 0.5)
            raise NoFrameError(f"protocol header {' '.join(map(str, octets[4:]))}")
        if len(self._pending) < FRAME_OVERHEAD:
            return None
        _kind, _channel, size = PREFIX.unpack_from(self._pending)
        end = FRAME_OVERHEAD + size
        if len(self._pending) < end and size <= LARGEST_FRAME:
            return None
        octets = bytes(self._pending[:end])
        del self._pending[:end]
        return self._parsed(octets, size)

    def _parsed(self, octets: bytes, size: int) -> Frame:
        problem = f"a frame of {size} octets"
        if size <= LARGEST_FRAME:
            try:
                return next(FrameReader().feed(octets))
            except WireError as error:
                problem = str(error)
        self.transcript.note(self.label, CAME, f"octets {octets[:SHOWN]!r} [{problem}]")
        raise NoFrameError("garbage", f"{problem}: {octets[:24]!r}")
