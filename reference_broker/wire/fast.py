"""The hottest frames, unrolled by hand. Each function names its readable twin and equals it.

Why: decoding by table costs some 4 µs a method, and a broker relays a message in less than that.
"""

from functools import cache
from struct import Struct, error

from .errors import WireError
from .framing import END, PREFIX
from .methods import decode_properties
from .spec import FRAME_BODY, FRAME_END, FRAME_HEADER, FRAME_METHOD, PROPERTIES

METHOD_PREFIX = Struct(">BHLL")  # a frame's seven octets, class and method id taken together
BASIC_PUBLISH = 60 << 16 | 40
BASIC_ACK = 60 << 16 | 80
ACK_START = PREFIX.size + 4  # octets of a basic.ack frame up to its arguments
ACK = Struct(f">{ACK_START}sQBB")  # the whole frame: that start, delivery tag, multiple, frame-end

_HEADER_PREFIX = Struct(">BHLHHQ")  # a header frame up to its body size
HEADER_FIXED = _HEADER_PREFIX.size  # 19: where the property flags start in a header frame
_unpack_header, _unpack_prefix = _HEADER_PREFIX.unpack_from, PREFIX.unpack_from
_NOT_WHOLE = 0, 0, 0
_HEADER_MIN = 14  # class, weight, body size, flags
_BASIC = 60
_TAG = Struct(">Q")
_FIXED_SIZES = {"octet": 1, "timestamp": 8}

# Property flags of class basic.
_DELIVERY_MODE = 0x1000
_REPLY_TO = 0x0200
_MESSAGE_ID = 0x0080
# All but headers, priority, expiration and user-id: whatever they say, a broker does not act on it,
# delivery-mode and the reply-to of direct replies apart. The flags left out do need a look.
_SKIPPABLE = 0xD6EC
_REPLIES = b"amq.rabbitmq.reply-to"


def whole_content(buffer: bytes, position: int, channel: int, limit: int) -> tuple[int, int, int]:
    """Where a content at `position` ends, its header frame's end, and its body size.

    (0, 0, 0) when it is not all there in one header and at most one body frame, or when anything is
    wrong with it: the content state machine (`protocol.channel`) then takes it frame by frame.
    """
    try:
        kind, number, length, class_id, weight, body = _unpack_header(buffer, position)
        end = position + 7 + length
        if (
            kind != FRAME_HEADER
            or number != channel
            or class_id != _BASIC
            or weight
            or not _HEADER_MIN <= length <= limit
            or buffer[end] != FRAME_END
        ):
            return _NOT_WHOLE
        if not body:
            return end + 1, end, 0
        stop = end + 8 + body
        if buffer[stop] != FRAME_END or body > limit:
            return _NOT_WHOLE
        if _unpack_prefix(buffer, end + 1) != (FRAME_BODY, channel, body):
            return _NOT_WHOLE
    except (IndexError, error):  # it ends before
        return _NOT_WHOLE
    return stop + 1, end, body


class Pattern:
    """What publishes on a channel that differ only in their bodies' octets have in common.

    `head` is all that stands before the body, `method_size` and `header_end` where in it the method
    frame and the header's payload end. Twin: `whole_content`, which finds the same in each of them.

    Of plain properties the message-id may have other octets, since a broker does not act on it:
    `before` and `after` are what stands on both sides of them, `after_at` where the latter starts.
    """

    __slots__ = (
        "_before_body",
        "_outline",
        "after",
        "after_at",
        "before",
        "header_end",
        "method_size",
        "properties",
        "size",
    )

    def __init__(self, head: bytes, method_size: int, header_end: int, body: int) -> None:
        self.method_size = method_size
        self.header_end = header_end
        self.properties = method_size + HEADER_FIXED  # where they start
        self.size = len(head) + body + 1
        self._outline = head[: self.properties + 2]  # up to the flags
        self._before_body = head[header_end:]
        start, end = message_id_at(head[self.properties : header_end])
        self.after_at = self.properties + end
        self.before, self.after = head, b""
        if end:
            self.before, self.after = head[: self.properties + start], head[self.after_at :]

    def outlines(self, buffer: bytes, position: int) -> bool:
        """Whether what stands at `position` differs from `head` in the properties' values alone."""
        return buffer.startswith(self._outline, position) and buffer.startswith(
            self._before_body, position + self.header_end
        )


def message_id_at(properties: bytes) -> tuple[int, int]:
    """Where the octets of the message-id start and end; (0, 0) in properties that are not plain.

    Twin: `methods.decode_properties`.
    """
    if plain_delivery_mode(properties) is None or not properties[1] & _MESSAGE_ID:
        return 0, 0
    position = 2
    for octets in _sizes((properties[0] << 8 | properties[1]) & ~(2 * _MESSAGE_ID - 1)):
        position += octets or properties[position] + 1
    return position + 1, position + 1 + properties[position]


def plain_delivery_mode(properties: bytes) -> int | None:
    """The delivery-mode of well-formed properties without headers, expiration and the like.

    1 when absent. None when the properties need the readable twin, `methods.decode_properties`.
    `properties` is a header's payload from the flags on.
    """
    size = len(properties)
    if size < 2:  # noqa: PLR2004  the flags
        return None
    flags = properties[0] << 8 | properties[1]
    if flags & ~_SKIPPABLE or (flags & _REPLY_TO and _REPLIES in properties):
        return None
    position, mode = 2, 1
    try:
        for octets in _sizes(flags):
            if not octets:
                position += properties[position] + 1
            else:
                if octets == 1:
                    mode = properties[position]
                position += octets
    except IndexError:
        return None
    return mode if position == size else None


@cache
def _sizes(flags: int) -> tuple[int, ...]:
    """The octets that each property takes; 0 for a short string, which tells them itself."""
    return tuple(
        _FIXED_SIZES.get(kind, 0)
        for index, (_name, kind) in enumerate(PROPERTIES)
        if flags & 0x8000 >> index
    )


def delivery_mode_by_table(properties: bytes) -> int:
    """The readable twin of `plain_delivery_mode`. Raises WireError."""
    mode = decode_properties(bytes(12) + properties).get("delivery_mode", 1)
    if not isinstance(mode, int):
        raise WireError("delivery-mode is an octet")
    return mode


def deliver_parts(
    channel: int, tag: bytes, exchange: bytes, routing_key: bytes
) -> tuple[bytes, bytes, bytes]:
    """What stands before the delivery tag of a basic.deliver frame, and after it.

    The second of the two ends is for redelivered messages. Twin: `framing.method_frame`. The three
    arguments are encoded short strings.
    """
    size = 4 + len(tag) + 9 + len(exchange) + len(routing_key)
    before = PREFIX.pack(FRAME_METHOD, channel, size) + b"\x00\x3c\x00\x3c" + tag
    after = exchange + routing_key + END
    return before, b"\x00" + after, b"\x01" + after


pack_tag = _TAG.pack


def ack_start(channel: int) -> bytes:
    """How each basic.ack frame on the channel starts."""
    return METHOD_PREFIX.pack(FRAME_METHOD, channel, 13, BASIC_ACK)


def ack_frame(start: bytes, delivery_tag: int, *, multiple: bool) -> bytes:
    """A basic.ack frame from its start. Twin: `framing.method_frame`."""
    return ACK.pack(start, delivery_tag, multiple, FRAME_END)
