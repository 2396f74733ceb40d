"""Dead letters: what a message carries after it died, and when it has died in a circle.

See https://www.rabbitmq.com/docs/dlx. The x-death header is an array of tables, the latest death
first, one for each queue and reason with a count; the x-first-death headers never change.
"""

from typing import Any

from reference_broker.wire.content import body_of, header_of
from reference_broker.wire.framing import content_frames
from reference_broker.wire.methods import decode_properties
from reference_broker.wire.tables import Timestamp, Typed

from .message import Message, Traits

_NO_SPLIT = 2**31  # one body frame, whatever its size; `wire.content.reframe` splits on delivery


def buried(
    message: Message, exchange: str, keys: tuple[str, ...], queue: str, reason: str, now: int
) -> Message:
    """The message that died in `queue` as it goes to `exchange`, by `keys`.

    `now` is in seconds since the epoch. Where the keys are not the message's own, its CC goes.
    """
    keep_keys = keys == (message.routing_key, *message.traits.extra_keys)
    properties = decode_properties(header_of(message.frames))
    headers: dict[str, Any] = dict(properties.get("headers") or {})
    expiration = properties.pop("expiration", None)
    deaths = _add_death(_deaths(headers), message, queue, reason, now, expiration)
    headers["x-death"] = [_typed(death) for death in deaths]
    headers.setdefault("x-first-death-exchange", message.exchange)
    headers.setdefault("x-first-death-queue", queue)
    headers.setdefault("x-first-death-reason", reason)
    if not keep_keys:
        headers.pop("CC", None)
    channel = int.from_bytes(message.frames[1:3], "big")
    body = body_of(message.frames)
    frames = content_frames(channel, body, {**properties, "headers": headers}, _NO_SPLIT)
    traits: Traits = message.traits._replace(ttl=None)
    if not keep_keys:
        traits = traits._replace(extra_keys=())
    return Message(exchange, keys[0], frames, message.body_size, traits)


def _deaths(headers: dict[str, Any]) -> list[dict[str, Any]]:
    held = headers.get("x-death")
    return [dict(d) for d in held if isinstance(d, dict)] if isinstance(held, list) else []


def _add_death(
    deaths: list[dict[str, Any]],
    message: Message,
    queue: str,
    reason: str,
    now: int,
    expiration: str | None,
) -> list[dict[str, Any]]:
    for death in deaths:
        if death.get("queue") == queue and death.get("reason") == reason:
            deaths.remove(death)
            death["count"] = death.get("count", 0) + 1
            return [death, *deaths]
    death = {
        "count": 1,
        "reason": reason,
        "queue": queue,
        "time": Timestamp(now),
        "exchange": message.exchange,
        "routing-keys": [message.routing_key, *message.traits.extra_keys],
    }
    if expiration is not None:
        death["original-expiration"] = expiration
    return [death, *deaths]


def _typed(death: dict[str, Any]) -> dict[str, Any]:
    return {**death, "count": Typed("l", death["count"])}


def in_circle(message: Message, reason: str, queue: str) -> bool:
    """Whether a dead message has died in the queue before and was not rejected by anyone since."""
    if reason == "rejected":
        return False
    for death in _deaths(message.headers):
        if death.get("reason") == "rejected":
            return False
        if death.get("queue") == queue:
            return True
    return False
