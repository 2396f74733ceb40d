"""The frames of one content, header and body, kept as the octets that came.

A broker mostly passes a message on: to keep the publisher's frames and write them again beats
decoding and encoding. They go out verbatim when the channel number is the same and no frame is
larger than the consumer's frame-max; `reframe` does what is needed otherwise.
"""

from collections.abc import Iterator
from struct import Struct

from .framing import PREFIX, body_frames, encode_frame
from .spec import FRAME_HEADER, FRAME_OVERHEAD

_CHANNEL = Struct(">H")
_PAYLOAD_SIZE = Struct(">L")
_BODY_SIZE = Struct(">Q")
_FLAGS_AT = 12  # where the property flags start in a header's payload


def header_of(frames: bytes) -> bytes:
    """The content header's payload."""
    (size,) = _PAYLOAD_SIZE.unpack_from(frames, 3)
    return frames[PREFIX.size : PREFIX.size + size]


def properties_of(frames: bytes) -> bytes:
    """The content header's payload from the property flags on."""
    return header_of(frames)[_FLAGS_AT:]


def body_size_of(frames: bytes) -> int:
    """The body size that the content header announces."""
    size: int
    (size,) = _BODY_SIZE.unpack_from(frames, PREFIX.size + 4)
    return size


def body_of(frames: bytes) -> bytes:
    """The body, its frames joined."""
    pieces = [frames[start:end] for start, end in list(_payloads(frames))[1:]]
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def reframe(frames: bytes, channel: int, frame_max: int) -> bytes:
    """The same content for another channel, no body frame larger than `frame_max` octets.

    A header larger than `frame_max` goes out whole: it cannot be split.
    """
    spans = list(_payloads(frames))
    if all(end - start + FRAME_OVERHEAD <= frame_max for start, end in spans[1:]):
        number = _CHANNEL.pack(channel)
        if frames[1:3] == number:
            return frames
        copy = bytearray(frames)
        for start, _end in spans:
            copy[start - 6 : start - 4] = number
        return bytes(copy)
    header = encode_frame(FRAME_HEADER, channel, header_of(frames))
    return header + body_frames(channel, body_of(frames), frame_max)


def _payloads(frames: bytes) -> Iterator[tuple[int, int]]:
    """Where each frame's payload starts and ends."""
    position = 0
    while position < len(frames):
        _kind, _channel, size = PREFIX.unpack_from(frames, position)
        start = position + PREFIX.size
        yield start, start + size
        position = start + size + 1
