"""The last frames of a connection, both ways, for whoever wants to look at them.

It is fed the octets as they come and go, in any pieces, and keeps of each frame the layout's fields
and the beginning of its payload, so that what it holds is bounded whatever is sent. Octets that are
no frame are kept as such; where the next frame begins after them nobody knows.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from .framing import PREFIX
from .spec import FRAME_END

KEPT_FRAMES = 500
KEPT_OCTETS = 4096  # of each payload; a method is seldom longer, and of a body that is a taste


class SeenFrame(NamedTuple):
    """One frame that went by; type 0 stands for octets that are no frame."""

    number: int  # from 1 on, of both directions together
    at: float  # seconds since 1970
    from_client: bool
    type: int
    channel: int
    size: int  # octets of payload
    payload: bytes  # its first octets


class RecentFrames:
    """A ring of frames. `unread` is what the broker has of the frame that is still coming."""

    def __init__(self, unread: bytes = b"") -> None:
        self.seen = 0  # frames, also those that were dropped from the ring since
        self._frames: deque[SeenFrame] = deque(maxlen=KEPT_FRAMES)
        self._cutters = {True: _Cutter(), False: _Cutter()}
        for _frame in self._cutters[True].cut(unread):
            pass  # came before anybody looked

    def add(self, data: bytes | memoryview, at: float, *, from_client: bool) -> None:
        """Octets go by."""
        for kind, channel, size, payload in self._cutters[from_client].cut(bytes(data)):
            self.seen += 1
            frame = SeenFrame(self.seen, at, from_client, kind, channel, size, payload)
            self._frames.append(frame)

    def after(self, number: int) -> list[SeenFrame]:
        """Those behind the frame of this number that are still here."""
        return [frame for frame in self._frames if frame.number > number]


class _Cutter:
    """Cuts one direction's octets into frames."""

    def __init__(self) -> None:
        self._head = b""  # of the prefix, as long as that is not whole
        self._payload = bytearray()
        self._missing = 0  # octets of payload
        self._inside = self._lost = False

    def cut(self, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        """Type, channel, size and beginning of each frame that is now whole."""
        position = 0
        while position < len(data) and not self._lost:
            if not self._inside:
                position = self._begin(data, position)
            elif self._missing:
                position = self._go_on(data, position)
            else:
                yield self._end(data, position)
                position += 1

    def _begin(self, data: bytes, position: int) -> int:
        end = position + PREFIX.size - len(self._head)
        self._head += data[position:end]
        if len(self._head) == PREFIX.size:
            self._inside = True
            self._missing = PREFIX.unpack(self._head)[2]
        return end

    def _go_on(self, data: bytes, position: int) -> int:
        end = min(len(data), position + self._missing)
        room = max(0, KEPT_OCTETS - len(self._payload))
        self._payload += data[position : min(end, position + room)]
        self._missing -= end - position
        return end

    def _end(self, data: bytes, position: int) -> tuple[int, int, int, bytes]:
        kind, channel, size = PREFIX.unpack(self._head)
        payload, head = bytes(self._payload), self._head
        self._head, self._inside = b"", False
        self._payload.clear()
        if data[position] == FRAME_END:
            return kind, channel, size, payload
        self._lost = True  # where the next frame begins nobody knows
        return 0, 0, size, (head + payload)[:KEPT_OCTETS]
