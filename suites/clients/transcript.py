"""What went over the wire in both directions, decoded, with times: the evidence of a case."""

import time
from collections.abc import Iterator
from typing import Any

from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import PREFIX, Frame
from reference_broker.wire.methods import decode_header, decode_method, decode_properties
from reference_broker.wire.spec import (
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_OVERHEAD,
)

LINES_KEPT = 400
SHOWN = 160  # octets or characters of one value

SENT, CAME = ">", "<"


class Transcript:
    """The lines of all clients of one test, in order; times are seconds since its beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lines: list[str] = []
        self._left_out = 0

    @property
    def lines(self) -> list[str]:
        """What was kept: the first lines, and how many more writes and frames there were."""
        if not self._left_out:
            return list(self._lines)
        return [*self._lines, f"… {self._left_out} more lines left out"]

    def elapsed(self) -> float:
        """Seconds since the test's first client."""
        return time.monotonic() - self._began

    def note(self, label: str, direction: str, text: str) -> None:
        """Add one line."""
        if self._full:
            self._left_out += 1
            return
        self._lines.append(f"{self.elapsed():8.3f} {label} {direction} {text}")

    def came(self, label: str, frame: Frame) -> None:
        """Add a frame that was read."""
        self.note(label, CAME, "" if self._full else describe_frame(frame))

    def sent(self, label: str, data: bytes) -> None:
        """Add what was written, as frames where it is whole frames."""
        if self._full:  # to decode what nobody will read would slow down tests of many messages
            self._left_out += 1
            return
        for text in describe_octets(data):
            self.note(label, SENT, text)

    @property
    def _full(self) -> bool:
        return len(self._lines) >= LINES_KEPT


def describe_octets(data: bytes) -> Iterator[str]:
    """One text a whole frame, and one for what is no frame."""
    position = 0
    while position < len(data):
        end = _frame_end(data, position)
        if end is None:
            yield f"octets {_short(data[position:])}"
            return
        kind, channel, size = PREFIX.unpack_from(data, position)
        start = position + PREFIX.size
        yield describe_frame(Frame(kind, channel, data[start : start + size]))
        position = end


def _frame_end(data: bytes, position: int) -> int | None:
    """Where the frame at `position` ends, if a whole one with its end octet is there."""
    if len(data) - position < FRAME_OVERHEAD:
        return None
    _kind, _channel, size = PREFIX.unpack_from(data, position)
    end: int = position + FRAME_OVERHEAD + size
    return end if end <= len(data) and data[end - 1] == FRAME_END else None


def describe_frame(frame: Frame) -> str:
    """One line on a frame, decoded as far as it can be."""
    try:
        text = _decoded(frame)
    except WireError as error:
        text = f"type {frame.type} {_short(frame.payload)} [{error}]"
    return f"ch {frame.channel} {text}"


def _decoded(frame: Frame) -> str:
    if frame.type == FRAME_METHOD:
        method = decode_method(frame.payload)
        return " ".join([method.name, *_pairs(method.arguments)])
    if frame.type == FRAME_HEADER:
        class_id, weight, size = decode_header(frame.payload)
        properties = " ".join(_pairs(decode_properties(frame.payload)))
        return f"header class={class_id} weight={weight} size={size} {properties}".rstrip()
    if frame.type == FRAME_BODY:
        return f"body {_short(frame.payload)}"
    if frame.type == FRAME_HEARTBEAT and not frame.payload:
        return "heartbeat"
    return f"type {frame.type} {_short(frame.payload)}"


def _pairs(arguments: dict[str, Any]) -> list[str]:
    """What is set: empty strings, empty tables and bits that are off go without saying."""
    shown = {name: value for name, value in arguments.items() if not _unset(value)}
    return [f"{name}={_masked(name, value)}" for name, value in shown.items()]


def _unset(value: Any) -> bool:
    return value is False or (not value and isinstance(value, str | bytes | dict))


def _masked(name: str, value: Any) -> str:
    return "***" if name == "response" else _short(value)


def _short(value: Any) -> str:
    if isinstance(value, bytes) and len(value) > SHOWN:
        return f"{value[:SHOWN]!r}… ({len(value)} octets)"
    text = repr(value)
    return text if len(text) <= 4 * SHOWN else f"{text[: 4 * SHOWN]}…"
