"""Dead letters: what a message carries after it died, and when it has died in a circle.

See https://www.rabbitmq.com/docs/dlx. The x-death header is an array of tables, the latest death
first, one for each queue and reason with a count; the x-first-death headers are set by the first
death. All other headers are passed on as they came, sorted by name as RabbitMQ leaves them.
"""

from typing import Any

from reference_broker.wire.tables import Timestamp, Typed, decode_value

from .message import Message

_MOST = 2**63 - 1  # what the count can hold; publishers may forge one


def buried(
    message: Message, exchange: str, keys: tuple[str, ...], queue: str, reason: str, now: int
) -> Message:
    """The message that died in `queue` as it goes to `exchange`, by `keys`.

    `now` is in seconds since the epoch. Where the keys are not the message's own, its CC goes.
    """
    properties = message.properties
    headers: dict[str, Any] = dict(properties.get("headers") or {})
    expiration = properties.pop("expiration", None)
    if "x-death" not in headers:
        headers["x-first-death-exchange"] = message.exchange
        headers["x-first-death-queue"] = queue
        headers["x-first-death-reason"] = reason
    held = decode_value(headers["x-death"]) if "x-death" in headers else []
    death = _death(message, queue, reason, now, expiration)
    headers["x-death"] = [_typed(entry) for entry in _added(_tables(held), death)]
    traits = message.traits._replace(ttl=None)
    if keys != (message.routing_key, *traits.further_keys):
        headers.pop("CC", None)
        traits = traits._replace(cc=(), bcc=())
    properties["headers"] = dict(sorted(headers.items()))
    frames = message.rewritten(properties).frames
    return Dead(exchange, keys[0], frames, message.body_size, traits)


class Dead(Message):
    """A message that the broker itself has buried, so that its x-death can be believed."""

    __slots__ = ()


def undisturbed(message: Message) -> Message:
    """The message without an x-death header that a client wrote.

    What a restart has brought back is not told apart: its deaths count anew.
    """
    if isinstance(message, Dead) or "x-death" not in message.headers:
        return message
    properties = message.properties
    headers = {name: value for name, value in properties["headers"].items() if name != "x-death"}
    return message.rewritten({**properties, "headers": headers})


def _death(
    message: Message, queue: str, reason: str, now: int, expiration: str | None
) -> dict[str, Any]:
    death = {
        "count": 1,
        "reason": reason,
        "queue": queue,
        "time": Timestamp(now),
        "exchange": message.exchange,
        "routing-keys": [message.routing_key, *message.traits.cc],
    }
    return death if expiration is None else {**death, "original-expiration": expiration}


def _added(deaths: list[dict[str, Any]], death: dict[str, Any]) -> list[dict[str, Any]]:
    """The deaths with one more: a new entry, or a count more on the one like it, in front."""
    for entry in deaths:
        if (entry.get("queue"), entry.get("reason")) == (death["queue"], death["reason"]):
            rest = [other for other in deaths if other is not entry]
            return [{**entry, "count": min(_count(entry) + 1, _MOST)}, *rest]
    return [death, *deaths]


def _tables(held: Any) -> list[dict[str, Any]]:
    return [dict(d) for d in held if isinstance(d, dict)] if isinstance(held, list) else []


def _count(death: dict[str, Any]) -> int:
    """The entry's count; publishers may forge anything."""
    count = death.get("count")
    return count if type(count) is int else 0


def _typed(death: dict[str, Any]) -> dict[str, Any]:
    return {**death, "count": Typed("l", _count(death))}


def in_circle(message: Message, reason: str, queue: str) -> bool:
    """Whether a dead message has died in the queue before and was not rejected by anyone since."""
    if reason == "rejected":
        return False
    for death in _tables(message.headers.get("x-death")):
        if death.get("reason") == "rejected":
            return False
        if death.get("queue") == queue:
            return True
    return False
