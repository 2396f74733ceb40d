"""Frames: how one is written, and a reader for those who want each frame as a value.

    octet   1      short  2..3     long  4..7     payload     octet
    +------+--------------+----------------+  +-----------+  +------+
    | type |   channel    |      size      |  | size long |  | 0xCE |
    +------+--------------+----------------+  +-----------+  +------+

The broker's own way in is `protocol.connection`, which walks the same layout without making a value
per frame.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Any, NamedTuple

from .errors import WireError
from .methods import encode_header, encode_method
from .spec import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD, FRAME_OVERHEAD

PREFIX = Struct(">BHL")
END = bytes((FRAME_END,))
HEARTBEAT = PREFIX.pack(8, 0, 0) + END


class Frame(NamedTuple):
    """One whole frame."""

    type: int
    channel: int
    payload: bytes


def encode_frame(kind: int, channel: int, payload: bytes) -> bytes:
    """The frame's octets."""
    return PREFIX.pack(kind, channel, len(payload)) + payload + END


def method_frame(channel: int, name: str, /, **arguments: Any) -> bytes:
    """A method as one frame."""
    return encode_frame(FRAME_METHOD, channel, encode_method(name, **arguments))


def content_frames(
    channel: int, body: bytes, properties: dict[str, Any] | None = None, frame_max: int = 131072
) -> bytes:
    """A content header and the body in as few frames as `frame_max` allows."""
    header = encode_header(len(body), properties or {})
    return encode_frame(FRAME_HEADER, channel, header) + body_frames(channel, body, frame_max)


def body_frames(channel: int, body: bytes, frame_max: int) -> bytes:
    """The body in frames of at most `frame_max` octets each; none for an empty body."""
    step = frame_max - FRAME_OVERHEAD
    return b"".join(
        encode_frame(FRAME_BODY, channel, body[start : start + step])
        for start in range(0, len(body), step)
    )


class FrameReader:
    """Turns octets, fed in any pieces, into frames."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Add octets and yield each frame that is now whole. Raises WireError."""
        self._pending += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        if len(self._pending) < FRAME_OVERHEAD:
            return None
        kind, channel, size = PREFIX.unpack_from(self._pending)
        end = PREFIX.size + size
        if len(self._pending) <= end:
            return None
        if self._pending[end] != FRAME_END:
            raise WireError(f"frame-end is {self._pending[end]:#04x}, not 0xce")
        payload = self._pending[PREFIX.size : end]
        self._pending = self._pending[end + 1 :]
        return Frame(kind, channel, payload)
