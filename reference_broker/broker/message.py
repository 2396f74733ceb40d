"""A message: what was published, where to, and what a broker must know of its properties."""

from typing import Any, NamedTuple

from reference_broker.wire import content, fast
from reference_broker.wire.errors import SoftError, WireError
from reference_broker.wire.methods import decode_properties

TRANSIENT, PERSISTENT = 1, 2
_MODES = frozenset({TRANSIENT, PERSISTENT})


class Traits(NamedTuple):
    """The properties on which a broker acts. `ttl` is in milliseconds."""

    persistent: bool = False
    priority: int = 0
    ttl: int | None = None
    user_id: str | None = None
    reply_to: str | None = None
    extra_keys: tuple[str, ...] = ()  # routing keys of the CC and BCC headers


_PLAIN = {TRANSIENT: Traits(), PERSISTENT: Traits(persistent=True)}


def read_traits(properties: bytes) -> Traits:
    """What the properties, a header's payload from the flags on, ask of the broker.

    Raises:
        SoftError: a value that RabbitMQ refuses with 406.
        WireError: the properties cannot be decoded.
    """
    mode = fast.plain_delivery_mode(properties)
    if mode in _PLAIN:
        return _PLAIN[mode]
    decoded = decode_properties(bytes(12) + properties)
    mode = decoded.get("delivery_mode", TRANSIENT)
    if mode not in _MODES:
        raise SoftError(406, f"invalid message: {{delivery_mode_unknown,{mode}}}")
    return Traits(
        persistent=mode == PERSISTENT,
        priority=decoded.get("priority", 0),
        ttl=_expiration(decoded.get("expiration")),
        user_id=decoded.get("user_id"),
        reply_to=decoded.get("reply_to"),
        extra_keys=_extra_keys(decoded.get("headers") or {}),
    )


def _expiration(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal()):
        raise SoftError(406, f"invalid expiration '{text}': not a non-negative whole number")
    return int(text)


def _extra_keys(headers: dict[str, Any]) -> tuple[str, ...]:
    keys: list[str] = []
    for header in ("CC", "BCC"):
        value = headers.get(header)
        if value is None:
            continue
        if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
            raise SoftError(406, f"unsupported value for header '{header}': not an array of text")
        keys += value
    return tuple(keys)


class Message:
    """One published message; the same object in every queue that it reached.

    `frames` holds the content's octets as they came (see `wire.content`).
    """

    __slots__ = ("body_size", "exchange", "frames", "routing_key", "traits")

    def __init__(
        self, exchange: str, routing_key: str, frames: bytes, body_size: int, traits: Traits
    ) -> None:
        self.exchange = exchange
        self.routing_key = routing_key
        self.frames = frames
        self.body_size = body_size
        self.traits = traits

    @property
    def headers(self) -> dict[str, Any]:
        """The headers property, decoded at each call; empty when absent or undecodable."""
        try:
            found = decode_properties(content.header_of(self.frames)).get("headers")
        except WireError:
            return {}
        return found or {}
