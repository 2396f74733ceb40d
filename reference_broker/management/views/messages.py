"""Publish a message, and look at those in a queue: for tests and for the curious, not for work."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from reference_broker.broker.message import Message, read_traits
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.management.call import Call, answers, bad_request
from reference_broker.management.shapes import Shape, plain
from reference_broker.wire.content import body_of, header_of
from reference_broker.wire.errors import AmqpError, SoftError, WireError
from reference_broker.wire.framing import content_frames
from reference_broker.wire.methods import decode_properties, encode_properties
from reference_broker.wire.spec import PROPERTIES

from .entities import exchange_name, named_queue

_PROPERTIES = frozenset(name for name, _type in PROPERTIES)
_ONE_FRAME = 2**31  # `wire.content.reframe` splits on delivery
_ACK_MODES = (
    "ack_requeue_true",
    "ack_requeue_false",
    "reject_requeue_true",
    "reject_requeue_false",
)


@answers("POST", "/exchanges/{vhost}/{name}/publish")
def publish(call: Call) -> Shape:
    """Publish one message; whether it reached a queue."""
    fields = call.need("routing_key", "properties", "payload", "payload_encoding")
    key, properties, payload, encoding = fields
    vhost, name = call.vhost(body=True), exchange_name(call.path["name"])
    body = _decoded(payload, encoding)
    try:
        call.user.check(vhost.name, "write", "exchange", name)
        return {"routed": send(vhost, name, str(key), body, properties)}
    except AmqpError as cause:
        raise bad_request(f"{cause.code} {cause.reply_text}") from cause
    except WireError as cause:
        raise bad_request(f"a property cannot be encoded: {cause}") from cause


def _decoded(payload: Any, encoding: Any) -> bytes:
    if not isinstance(payload, str):
        raise bad_request("payload should be text")
    if encoding == "string":
        return payload.encode()
    if encoding != "base64":
        raise bad_request(["unsupported_encoding", encoding])
    try:
        return base64.b64decode(payload, validate=True)
    except binascii.Error as cause:
        raise bad_request(["not_base64", payload]) from cause


def send(vhost: VHost, name: str, key: str, body: bytes, given: Mapping[str, Any]) -> bool:
    """Whether the message reached a queue; properties that nobody knows do not count.

    Raises:
        SoftError: no such exchange, an internal one, or a property that is refused.
        WireError: a property that cannot be encoded.
        Refusal: a full queue did not take it.
    """
    exchange = vhost.exchange(name)
    if exchange.internal:
        raise SoftError(
            403, f"cannot publish to internal exchange '{name}' in vhost '{vhost.name}'"
        )
    properties = {field: value for field, value in given.items() if field in _PROPERTIES}
    traits = read_traits(encode_properties(properties))
    frames = content_frames(1, body, properties, _ONE_FRAME)
    message = Message(name, key, frames, len(body), traits)
    queues, _stable = vhost.route(exchange, (key, *traits.further_keys), message.headers)
    if not vhost.spread(queues, message):
        raise bad_request("rejected Unable to publish message. Check queue limits.")
    return bool(queues)


@answers("POST", "/queues/{vhost}/{name}/get")
def get(call: Call) -> list[Shape]:
    """Take messages, and put them back or not, as `ackmode` says."""
    count, mode, encoding = call.need("count", "ackmode", "encoding")
    if mode not in _ACK_MODES:
        raise bad_request(f"ackmode is none of {', '.join(_ACK_MODES)}")
    if not isinstance(count, int) or count < 0:
        raise bad_request("count should be a number of messages")
    truncate = call.option("truncate", int, -1)
    vhost = call.vhost(body=True)
    queue = named_queue(call, vhost)
    vhost.queue(queue.name, None)  # nobody's exclusive one
    call.user.check(vhost.name, "read", "queue", queue.name)
    queue.touch()
    taken = _take(queue, count)
    found = [_shape(*each, encoding=encoding, truncate=truncate) for each in taken]
    _give_back(queue, [(position, message) for position, message, *_rest in taken], mode)
    return found


def _take(queue: Queue, count: int) -> list[tuple[int, Message, bool, int]]:
    taken: list[tuple[int, Message, bool, int]] = []
    while len(taken) < count and (first := queue.fetch()) is not None:
        taken.append((*first, len(queue)))
    return taken


def _give_back(queue: Queue, taken: list[tuple[int, Message]], mode: str) -> None:
    if mode.endswith("requeue_true"):
        queue.requeue(taken)
        return
    for position, message in taken:
        if mode.startswith("ack"):
            queue.settle(position, message)
        else:
            queue.reject(position, message)


def _shape(
    _position: int, message: Message, redelivered: bool, left: int, *, encoding: str, truncate: int
) -> Shape:
    body = body_of(message.frames)
    shown = body if truncate < 0 else body[:truncate]
    payload, used = _encoded(shown, encoding)
    return {
        "payload_bytes": len(body),
        "redelivered": redelivered,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "message_count": left,
        "properties": plain(decode_properties(header_of(message.frames))),
        "payload": payload,
        "payload_encoding": used,
    }


def _encoded(body: bytes, encoding: str) -> tuple[str, str]:
    if encoding == "auto":
        try:
            return body.decode(), "string"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), "base64"
