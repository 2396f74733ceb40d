"""Connections, channels and consumers."""

from collections.abc import Iterator

from reference_broker.management import shapes
from reference_broker.management.call import NO_CONTENT, Answer, Call, answers, has_tag, not_found
from reference_broker.management.shapes import Shape
from reference_broker.session import operations
from reference_broker.session.channel import Channel
from reference_broker.session.session import Session

_REASON = "Closed via management plugin"


def sessions(call: Call) -> list[Session]:
    """The open connections that the user may see, oldest first."""
    vhosts = call.vhosts()
    every = has_tag(call.user, "monitoring")
    found = [
        session
        for session in call.desk.hub.sessions
        if any(session.inside(vhost) for vhost in vhosts) and (every or session.user is call.user)
    ]
    return sorted(found, key=lambda session: (session.since, session.transport.name))


def named_session(call: Call) -> Session:
    """The open connection that the path names. Raises Refusal 404."""
    for session in sessions(call):
        if session.transport.name == call.path["name"]:
            return session
    raise not_found()


def _channels(call: Call) -> Iterator[Channel]:
    return (channel for s in sessions(call) for channel in s.channels.values())


@answers("GET", "/connections", "/vhosts/{vhost}/connections")
def all_connections(call: Call) -> list[Shape]:
    """Those that the user may see."""
    return [shapes.connection(session, call.desk.node) for session in sessions(call)]


@answers("GET", "/connections/{name}")
def one_connection(call: Call) -> Shape:
    """One."""
    return shapes.connection(named_session(call), call.desk.node)


@answers("DELETE", "/connections/{name}")
def close_connection(call: Call) -> Answer:
    """Close it, with the reason in the header X-Reason."""
    operations.close([named_session(call)], call.reason or _REASON)
    return NO_CONTENT


@answers("GET", "/connections/username/{user}")
def connections_of_user(call: Call) -> list[Shape]:
    """One user's."""
    return [shape for shape in all_connections(call) if shape["user"] == call.path["user"]]


@answers("DELETE", "/connections/username/{user}")
def close_connections_of_user(call: Call) -> Answer:
    """Close all of one user's."""
    found = [s for s in sessions(call) if shapes.user_name(s) == call.path["user"]]
    operations.close(found, call.reason or _REASON)
    return NO_CONTENT


@answers("GET", "/connections/{name}/channels")
def channels_of_connection(call: Call) -> list[Shape]:
    """Those of one connection."""
    return [
        shapes.channel(channel, call.desk.node) for channel in named_session(call).channels.values()
    ]


@answers("GET", "/channels", "/vhosts/{vhost}/channels")
def all_channels(call: Call) -> list[Shape]:
    """Those that the user may see."""
    return [shapes.channel(channel, call.desk.node) for channel in _channels(call)]


@answers("GET", "/channels/{name}")
def one_channel(call: Call) -> Shape:
    """One, with its consumers."""
    for channel in _channels(call):
        if shapes.channel_name(channel) == call.path["name"]:
            node, vhost = call.desk.node, channel.session.vhost
            details = [shapes.consumer(vhost, c, node) for c in channel.consumers.values()]
            return {**shapes.channel(channel, node), "consumer_details": details}
    raise not_found()


@answers("GET", "/consumers", "/consumers/{vhost}")
def all_consumers(call: Call) -> list[Shape]:
    """Those of the queues that the user may see."""
    return [
        shapes.consumer(vhost, consumer, call.desk.node)
        for vhost in call.vhosts()
        for queue in vhost.queues.values()
        for consumer in shapes.consumers_of(queue)
    ]
