"""How a memcacheq value stands as an AMQP message, and the other way round.

| memcacheq            | AMQP                                                                    |
|----------------------|-------------------------------------------------------------------------|
| queue `q`            | the durable queue `q` of the vhost `/`, without arguments (see `names`) |
| value                | body                                                                    |
| flags, signed 32-bit | header `x-memcacheq-flags`, type `I`; absent when 0                     |
| exptime              | none: read and ignored, as the real server does                         |
| -                    | delivery-mode 2, exchange "", routing key `q`                           |

A message that an AMQP client published has the flags that its header says (any whole number, cut to
32 bits), 0 without one; its other properties are not seen here.
"""

from struct import Struct

from reference_broker.broker.message import Message, Traits
from reference_broker.wire.content import body_of
from reference_broker.wire.framing import END, PREFIX, body_frames, encode_frame
from reference_broker.wire.methods import encode_header
from reference_broker.wire.spec import FRAME_BODY, FRAME_HEADER, FRAME_OVERHEAD

from .numbers import signed32

FLAGS = "x-memcacheq-flags"
PERSISTENT = Traits(persistent=True)
_CHANNEL = 1  # where most consumers are: their deliveries go out as they were stored
_FRAME_MAX = 131072  # what most connections agree on
_SIZE = Struct(">L")


def header_frame(flags: int, length: int) -> bytes:
    """The content header of a value of `length` octets, as a frame."""
    properties: dict[str, object] = {"delivery_mode": 2}
    if flags:
        properties["headers"] = {FLAGS: flags}
    return encode_frame(FRAME_HEADER, _CHANNEL, encode_header(length, properties))


def ends_of_content(flags: int, length: int) -> tuple[bytes, bytes] | None:
    """What stands before and after a value in a message's frames; None if it takes several frames.

    Twin: `content`, which takes any value.
    """
    if length > _FRAME_MAX - FRAME_OVERHEAD:
        return None
    header = header_frame(flags, length)
    return (header + PREFIX.pack(FRAME_BODY, _CHANNEL, length), END) if length else (header, b"")


def content(flags: int, value: bytes) -> bytes:
    """The frames of a value's message."""
    return header_frame(flags, len(value)) + body_frames(_CHANNEL, value, _FRAME_MAX)


def flags_of(message: Message) -> int:
    """The flags that a message carries; 0 when it says none, or something else than a number."""
    flags = message.headers.get(FLAGS, 0)
    return signed32(flags) if isinstance(flags, int) else 0


def is_plain(message: Message) -> bool:
    """Whether the body stands in one piece before the last octet of the frames."""
    header: int = _SIZE.unpack_from(message.frames, 3)[0]
    overhead = len(message.frames) - header - FRAME_OVERHEAD - message.body_size
    return overhead == (FRAME_OVERHEAD if message.body_size else 0)


def value_of(message: Message) -> bytes:
    """The value: the body."""
    return body_of(message.frames) if message.body_size else b""
