"""Frames of one connection become methods, with their contents where they carry one."""

from dataclasses import dataclass, field

from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import Frame
from reference_broker.wire.methods import decode_header, decode_method, decode_properties
from reference_broker.wire.spec import CONTENT_METHODS, FRAME_BODY, FRAME_HEADER, FRAME_METHOD
from suites.clients.received import Delivery, Received


@dataclass
class _Content:
    """A content whose frames are still coming; `missing` octets, None before the header."""

    method: Received
    missing: int | None = None
    frames: list[Frame] = field(default_factory=list)


class Assembler:
    """Feed it each frame; it gives a method when that is whole."""

    def __init__(self) -> None:
        self._contents: dict[int, _Content] = {}

    def feed(self, frame: Frame) -> Received | None:
        """What this frame completes. Raises WireError when the broker breaks the order."""
        if frame.type == FRAME_METHOD:
            return self._method(frame)
        content = self._contents.get(frame.channel)
        if frame.type not in {FRAME_HEADER, FRAME_BODY} or content is None:
            raise WireError(f"a frame of type {frame.type} that no content method announced")
        if (content.missing is None) is not (frame.type == FRAME_HEADER):
            raise WireError("content header and body frames out of order")
        return self._add(content, frame)

    def _method(self, frame: Frame) -> Received | None:
        name, arguments = _decoded(frame)
        received = Received(name, frame.channel, arguments)
        # A Close may cut a content short (specification 4.2.6); nothing else may.
        if self._contents.pop(frame.channel, None) and not name.endswith(".close"):
            raise WireError(f"{name} before the content's last frame")
        if name not in CONTENT_METHODS:
            return received
        self._contents[frame.channel] = _Content(received)
        return None

    def _add(self, content: _Content, frame: Frame) -> Received | None:
        content.frames.append(frame)
        if content.missing is None:
            content.missing = decode_header(frame.payload)[2]
        else:
            content.missing -= len(frame.payload)
        if content.missing < 0:
            raise WireError(f"{-content.missing} octets of body above the announced size")
        if content.missing:
            return None
        del self._contents[frame.channel]
        return _delivery(content)


def _decoded(frame: Frame) -> tuple[str, dict[str, object]]:
    method = decode_method(frame.payload)
    return method.name, method.arguments


def _delivery(content: _Content) -> Delivery:
    header, *bodies = content.frames
    return Delivery(
        name=content.method.name,
        channel=content.method.channel,
        arguments=content.method.arguments,
        properties=decode_properties(header.payload),
        header=header.payload,
        body=b"".join(frame.payload for frame in bodies),
        frames=tuple(content.frames),
    )
