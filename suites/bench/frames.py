"""What the generators send, encoded before the clock starts, and joined to bursts."""

from collections.abc import Iterator, Sequence
from struct import Struct
from typing import Any

from reference_broker.wire.framing import content_frames, method_frame
from reference_broker.wire.spec import FRAME_END, METHODS

CHANNEL = 1  # every generator uses one channel a connection
BURST = 262_144  # octets to be offered to a socket at once
ACK = Struct(">BHLLQBB")  # a whole basic.ack frame, as a client or as a broker sends it
ACK_PREFIX = (1, CHANNEL, 13, 60 << 16 | 80)
IDS = slice(7, 11)  # where class and method id stand in a method frame

_ID_WIDTH = 16


def ids(name: str) -> bytes:
    """The octets of a method's class and method id."""
    first, second = METHODS[name].ids
    return first.to_bytes(2) + second.to_bytes(2)


def method(name: str, /, **arguments: Any) -> bytes:
    """A method frame on the generators' channel."""
    return method_frame(CHANNEL, name, **arguments)


def message(
    body: bytes,
    *,
    exchange: str = "",
    routing_key: str,
    frame_max: int = 131_072,
    **properties: Any,
) -> bytes:
    """The frames of one basic.publish."""
    publish = method("basic.publish", exchange=exchange, routing_key=routing_key)
    return publish + content_frames(CHANNEL, body, properties, frame_max)


def ack(tag: int, *, multiple: bool = False) -> bytes:
    """A basic.ack frame."""
    return ACK.pack(*ACK_PREFIX, tag, multiple, FRAME_END)


def repeated(messages: Sequence[bytes], count: int) -> Iterator[bytes]:
    """Bursts of `count` messages in all, taken from these in turn."""
    lap = b"".join(messages)
    laps = max(1, BURST // len(lap))
    burst = lap * laps
    whole, rest = divmod(count, laps * len(messages))
    for _ in range(whole):
        yield burst
    laps, rest = divmod(rest, len(messages))
    if laps or rest:
        yield lap * laps + b"".join(messages[:rest])


def with_message_ids(body: bytes, routing_key: str, count: int) -> list[bytes]:
    """Bursts of `count` messages, no two with the same message-id."""
    blank = "?" * _ID_WIDTH
    template = message(body, routing_key=routing_key, message_id=blank)
    before, _, after = template.partition(blank.encode())
    numbers = (f"{number:0{_ID_WIDTH}}".encode() for number in range(count))
    return list(joined(before + number + after for number in numbers))


def joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, joined to bursts."""
    burst: list[bytes] = []
    size = 0
    for piece in pieces:
        burst.append(piece)
        size += len(piece)
        if size >= BURST:
            yield b"".join(burst)
            burst, size = [], 0
    if burst:
        yield b"".join(burst)
