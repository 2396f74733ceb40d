"""Frames and messages as a reader can take them: decoded, cut to size, and exact.

JSON as browsers read it has no integers beyond 53 bits: larger ones become text.
"""

import base64
from typing import Any

from reference_broker.wire.errors import WireError
from reference_broker.wire.methods import decode_header, decode_method, decode_properties
from reference_broker.wire.recent import SeenFrame
from reference_broker.wire.spec import (
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
)

from .shapes import Shape, plain

_EXACT = 2**53
_LONGEST_RUNE = 4  # octets of a character in UTF-8


def legible(value: Any) -> Any:
    """A field of a table, or an argument, as JSON can hold it without loss."""
    value = plain(value)
    if isinstance(value, dict):
        return {name: legible(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [legible(inner) for inner in value]
    too_large = isinstance(value, int) and not -_EXACT < value < _EXACT
    return str(value) if too_large else value


def payload(octets: bytes, *, cut: bool) -> Shape:
    """Text if it is UTF-8, else base64; `cut` says that there is more behind these octets."""
    for missing in range(_LONGEST_RUNE if cut else 1):  # a character may be cut in its middle
        try:
            text = octets[: len(octets) - missing].decode()
        except UnicodeDecodeError:
            continue
        return {"payload": text, "payload_encoding": "string"}
    return {"payload": base64.b64encode(octets).decode(), "payload_encoding": "base64"}


def frame(seen: SeenFrame) -> Shape:
    """A frame, decoded as far as it can be."""
    return {
        "number": seen.number,
        "at": int(seen.at * 1000),
        "from": "client" if seen.from_client else "broker",
        "channel": seen.channel,
        "size": seen.size,
        "cut": len(seen.payload) < seen.size,
        **_content(seen),
    }


def _content(seen: SeenFrame) -> Shape:
    cut = len(seen.payload) < seen.size
    try:
        if seen.type == FRAME_METHOD and not cut:
            method = decode_method(seen.payload)
            return {"name": method.name, "arguments": legible(_masked(method.arguments))}
        if seen.type == FRAME_HEADER and not cut:
            size, properties = decode_header(seen.payload)[2], decode_properties(seen.payload)
            return {"name": "header", "arguments": {"body_size": size, **legible(properties)}}
    except WireError as error:
        return {"name": "unreadable", "why": str(error), **payload(seen.payload, cut=cut)}
    return {"name": _NAMES.get(seen.type, "unknown type"), **payload(seen.payload, cut=cut)}


def _masked(arguments: dict[str, Any]) -> dict[str, Any]:
    return {name: "***" if name in _SECRETS else value for name, value in arguments.items()}


_SECRETS = frozenset({"response", "new_secret"})  # of start-ok, secure-ok and update-secret
_NAMES = {
    0: "no frame",
    FRAME_METHOD: "method",
    FRAME_HEADER: "header",
    FRAME_BODY: "body",
    FRAME_HEARTBEAT: "heartbeat",
}
