"""A message: what was published, where to, and what a broker must know of its properties."""

import re
from math import isfinite
from typing import Any, NamedTuple

from reference_broker.wire import content, fast
from reference_broker.wire.errors import SoftError, WireError
from reference_broker.wire.framing import content_frames
from reference_broker.wire.methods import decode_properties

from .arguments import wrong_milliseconds

TRANSIENT, PERSISTENT = 1, 2
REPLIES = "amq.rabbitmq.reply-to"  # what a client names to get replies without a queue
_NUMBER = re.compile(r"[+-]?[0-9]+")
_NO_SPLIT = 2**31  # one body frame, whatever its size; `wire.content.reframe` splits on delivery
_MODES = frozenset({TRANSIENT, PERSISTENT})


class Traits(NamedTuple):
    """The properties on which a broker acts. `ttl` is in milliseconds."""

    persistent: bool = False
    priority: int = 0
    ttl: int | None = None
    user_id: str | None = None
    cc: tuple[str, ...] = ()  # further routing keys, of the CC header
    bcc: tuple[str, ...] = ()  # the same that receivers do not see
    special: bool = False  # whether publishing takes more than to follow a known route

    @property
    def further_keys(self) -> tuple[str, ...]:
        """All routing keys but the one in basic.publish."""
        return self.cc + self.bcc


_PLAIN: dict[int | None, Traits] = {TRANSIENT: Traits(), PERSISTENT: Traits(persistent=True)}


def plain_traits(properties: bytes) -> Traits | None:
    """The traits of properties that ask for nothing but a delivery-mode; None for all others."""
    return _PLAIN.get(fast.plain_delivery_mode(properties))


def read_traits(properties: bytes) -> Traits:
    """What the properties, a header's payload from the flags on, ask of the broker.

    Raises:
        SoftError: a value that RabbitMQ refuses with 406.
        WireError: the properties cannot be decoded, or have a number that Erlang lacks: not finite.
    """
    plain = plain_traits(properties)
    if plain is not None:
        return plain
    decoded = decode_properties(bytes(12) + properties)
    headers = decoded.get("headers") or {}
    if not _finite(headers):
        raise WireError("a number in the headers is infinite, or none")
    mode = decoded.get("delivery_mode", TRANSIENT)
    if mode not in _MODES:
        raise SoftError(406, f"invalid message: {{delivery_mode_unknown,{mode}}}")
    cc, bcc = _keys(headers, "CC"), _keys(headers, "BCC")
    return Traits(
        persistent=mode == PERSISTENT,
        priority=decoded.get("priority", 0),
        ttl=_expiration(decoded.get("expiration")),
        user_id=decoded.get("user_id"),
        cc=cc,
        bcc=bcc,
        special=bool(cc or bcc or decoded.get("reply_to") == REPLIES),
    )


def _finite(value: Any) -> bool:
    """Whether each float in a decoded value is a finite number."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    return not isinstance(value, list) or all(map(_finite, value))


def _expiration(text: str | None) -> int | None:
    if text is None:
        return None
    found = _NUMBER.match(text)
    number = int(found[0]) if found else 0
    if found is None:
        wrong = "no_integer"
    elif text[found.end() :]:
        wrong = f'{{leftover_string,"{text[found.end() :]}"}}'
    else:
        wrong = wrong_milliseconds(number)
    if wrong:
        raise SoftError(406, f"invalid expiration '{text}': {wrong}")
    return number


def _keys(headers: dict[str, Any], header: str) -> tuple[str, ...]:
    value = headers.get(header)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        raise SoftError(406, f"unsupported value for header '{header}': not an array of text")
    return tuple(value)


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

    @property
    def properties(self) -> dict[str, Any]:
        """The properties, decoded at each call; headers with their values as on the wire."""
        return decode_properties(content.header_of(self.frames), split_headers=True)

    def rewritten(self, properties: dict[str, Any]) -> "Message":
        """The same with other properties, for the broker's traits of it as it was."""
        channel = int.from_bytes(self.frames[1:3], "big")
        body = content.body_of(self.frames)
        frames = content_frames(channel, body, properties, _NO_SPLIT)
        return Message(self.exchange, self.routing_key, frames, self.body_size, self.traits)

    def with_traits(self, traits: Traits) -> "Message":
        """The same, treated by other traits than its properties give it."""
        return Message(self.exchange, self.routing_key, self.frames, self.body_size, traits)
