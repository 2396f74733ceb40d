"""What RabbitMQ's API does not tell, for the page: all under /api/mqproof, beside RabbitMQ's.

Looking changes nothing: no message is taken out to be shown, and none is counted as redelivered.
"""

from collections.abc import Iterable
from typing import Any

from reference_broker.broker.flow import Flow
from reference_broker.broker.message import Message
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.management import shapes
from reference_broker.management.call import (
    NO_CONTENT,
    Answer,
    Call,
    answers,
    bad_request,
    not_found,
)
from reference_broker.management.legible import frame, legible, payload
from reference_broker.management.shapes import Shape
from reference_broker.session.channel import Channel
from reference_broker.session.session import Session
from reference_broker.wire.content import body_of, header_of
from reference_broker.wire.methods import decode_properties

from .connections import named_session, sessions
from .entities import named_queue

_MOST_MESSAGES = 100
_PREVIEW = 4096  # octets of a body
_MOST_WATCHED = 20


@answers("GET", "/mqproof/totals")
def totals(call: Call) -> Shape:
    """What has gone through the vhosts that the user may see, ever since they are there."""
    total, vhosts = Flow(), call.vhosts()
    for vhost in vhosts:
        gone = vhost.flow
        total.add(gone.entered, gone.delivered, gone.settled)
        total.add(entered=sum(queue.entered for queue in vhost.queues.values()))
    for channel in _channels(call.desk.hub.sessions):
        if any(channel.session.inside(vhost) for vhost in vhosts):
            total.add(delivered=channel.delivery_tag, settled=channel.settled)
    return {
        "at": call.desk.hub.broker.clock.now(),
        "entered": total.entered,
        "delivered": total.delivered,
        "settled": total.settled,
        "alarms": sorted(call.desk.hub.alarms),
    }


def _channels(of: Iterable[Session]) -> list[Channel]:
    return [channel for session in of for channel in session.channels.values()]


# queues


@answers("GET", "/mqproof/queues", "/mqproof/queues/{vhost}")
def all_queues(call: Call) -> list[Shape]:
    """As in RabbitMQ's list, with how many messages have ever entered each."""
    return [
        _queue(call, vhost, queue)
        for vhost in call.vhosts()
        for _name, queue in sorted(vhost.queues.items())
    ]


def _queue(call: Call, vhost: VHost, queue: Queue) -> Shape:
    return {**shapes.queue(vhost, queue, call.desk.node), "entered": queue.entered}


@answers("GET", "/mqproof/queues/{vhost}/{name}")
def one_queue(call: Call) -> Shape:
    """One, with its consumers, and who has messages of it that are not acknowledged."""
    vhost = call.vhost()
    queue = named_queue(call, vhost)
    node = call.desk.node
    details = [shapes.consumer(vhost, held, node) for held in shapes.consumers_of(queue)]
    return {
        **_queue(call, vhost, queue),
        "consumer_details": details,
        "holders": _holders(call, queue),
    }


def _holders(call: Call, queue: Queue) -> list[Shape]:
    """Per channel and consumer, how many messages are out; without a tag, to basic.get."""
    held: dict[tuple[Channel, str], int] = {}
    for channel in _channels(call.desk.hub.sessions):
        pending = channel.transaction.settled if channel.transaction is not None else ()
        out = [*channel.unacked.values(), *(entry[2] for entry in pending)]
        for owner, _position, _message, consumer in out:
            if owner is queue:
                who = channel, consumer.tag if consumer is not None else ""
                held[who] = held.get(who, 0) + 1
    return [
        {
            "consumer_tag": tag,
            "unacknowledged": count,
            "user": shapes.user_name(channel.session),
            "channel": channel.number,
            "connection": channel.session.transport.name,
        }
        for (channel, tag), count in held.items()
    ]


@answers("GET", "/mqproof/queues/{vhost}/{name}/messages")
def peek(call: Call) -> list[Shape]:
    """Ready messages, from the place `start` in line on, which stay where and as they are."""
    start, count = _number(call, "start", 0), _number(call, "count", 20)
    if count > _MOST_MESSAGES:
        raise bad_request(f"count cannot be more than {_MOST_MESSAGES}")
    vhost = call.vhost()
    queue = named_queue(call, vhost)
    call.user.check(vhost.name, "read", "queue", queue.name)
    return [
        _message(place, message, redelivered)
        for place, (_position, message, redelivered) in enumerate(queue.peek(start, count), start)
    ]


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < len(str(2**31))):
        raise bad_request(f"{name} cannot be {text}")
    return int(text)


def _message(place: int, message: Message, redelivered: bool) -> Shape:
    body = body_of(message.frames)
    return {
        "place": place,
        "redelivered": redelivered,
        "exchange": message.exchange,
        "routing_key": message.routing_key,
        "properties": legible(decode_properties(header_of(message.frames))),
        "payload_bytes": len(body),
        "cut": len(body) > _PREVIEW,
        **payload(body[:_PREVIEW], cut=len(body) > _PREVIEW),
    }


# connections


@answers("GET", "/mqproof/connections", "/mqproof/connections/{name}")
def connections(call: Call) -> Any:
    """As in RabbitMQ's list, or one, with what its socket tells and what its channels hold."""
    if "name" in call.path:
        return _connection(call, named_session(call))
    return [_connection(call, session) for session in sessions(call)]


def _connection(call: Call, session: Session) -> Shape:
    wire = call.desk.host.wire(session)
    channels = session.channels.values()
    return {
        **shapes.connection(session, call.desk.node),
        **wire.vitals()._asdict(),
        "watched": wire.watched,
        "consumers": sum(len(channel.consumers) for channel in channels),
        "messages_unacknowledged": sum(len(channel.unacked) for channel in channels),
        "exclusive_queues": [q.name for q in session.vhost.queues.values() if q.owner is session],
    }


_FRAMES = "/mqproof/connections/{name}/frames"


@answers("PUT", _FRAMES, tag="administrator")
def watch(call: Call) -> Answer:
    """Keep the connection's last frames from now on."""
    session, watched = named_session(call), call.desk.watched
    watched[session.transport.name] = call.desk.host.wire(session).watch()
    while len(watched) > _MOST_WATCHED:
        _end_watch(call, next(iter(watched)))
    return NO_CONTENT


@answers("GET", _FRAMES, tag="administrator")
def frames(call: Call) -> Shape:
    """The frames that are kept, those behind number `after`; also of one that is closed by now."""
    name, after = call.path["name"], _number(call, "after", 0)
    found = call.desk.watched.get(name)
    if found is None:
        raise not_found()
    session = _open(call, name)
    if session is not None:
        found = call.desk.watched[name] = call.desk.host.wire(session).watch()
    return {
        "open": session is not None,
        "seen": found.seen,
        "frames": [frame(seen) for seen in found.after(after)],
    }


@answers("DELETE", _FRAMES, tag="administrator")
def unwatch(call: Call) -> Answer:
    """Keep none any more."""
    if call.path["name"] not in call.desk.watched:
        raise not_found()
    _end_watch(call, call.path["name"])
    return NO_CONTENT


def _end_watch(call: Call, name: str) -> None:
    del call.desk.watched[name]
    session = _open(call, name)
    if session is not None:
        call.desk.host.wire(session).unwatch()


def _open(call: Call, name: str) -> Session | None:
    return next((s for s in sessions(call) if s.transport.name == name), None)
