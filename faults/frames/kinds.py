"""What a frame is called: a method's name, `header`, `body` or `heartbeat`."""

from difflib import get_close_matches
from struct import Struct

from reference_broker.wire.spec import (
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    METHODS,
    METHODS_BY_ID,
)

_OTHERS = {FRAME_HEADER: "header", FRAME_BODY: "body", FRAME_HEARTBEAT: "heartbeat"}
_CHANNEL = Struct(">xH")
_IDS = Struct(">7xHH")


def check_kind(kind: str) -> None:
    """Raise ValueError, with the nearest names, when no frame is called so."""
    allowed = [*METHODS, *_OTHERS.values()]
    if kind not in allowed:
        near = get_close_matches(kind, allowed, n=3) or ["basic.ack"]
        raise ValueError(
            f"no frame is called {kind!r}: give header, body, heartbeat or a method's name"
            f" such as {', '.join(near)}"
        )


def kind_of(frame: bytes) -> str | None:
    """What a whole frame is called; None for what has no name."""
    if frame[0] != FRAME_METHOD:
        return _OTHERS.get(frame[0])
    if len(frame) <= _IDS.size:
        return None
    spec = METHODS_BY_ID.get(_IDS.unpack_from(frame))
    return spec and spec.name


def channel_of(frame: bytes) -> int:
    """The channel that a whole frame is on."""
    channel: int = _CHANNEL.unpack_from(frame)[0]
    return channel
