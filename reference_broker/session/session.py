"""One client's connection: from the greeting to the end."""

import logging
from typing import Any, Protocol

from reference_broker.broker.access import User
from reference_broker.broker.vhost import VHost
from reference_broker.protocol.connection import Connection
from reference_broker.protocol.states import Phase
from reference_broker.wire.errors import AmqpError, HardError, SoftError
from reference_broker.wire.framing import method_frame

from . import consuming, opening, topology, transactions  # noqa: F401  they fill the table of handlers
from .admission import admit_channel
from .by_the_spec import make_channel
from .channel import Channel
from .hub import Hub
from .publishing import Routes
from .security import Security

log = logging.getLogger(__name__)

_LARGE = 512 * 1024  # octets of content that are not copied once more to save a system call
_LONGEST = 255  # octets of a short string
_FORCED = 320  # the reply code of a close that somebody asked the broker for


class Transport(Protocol):
    """What a session needs of whatever carries its octets."""

    peer: str
    name: str  # `PEER -> OWN ADDRESS`, as RabbitMQ names connections
    local: bool  # whether the client is on this machine
    security: Security | None  # None without TLS

    def write(self, data: bytes | memoryview) -> None:
        """Send the octets, in order."""

    def close(self) -> None:
        """End the connection once all is sent."""

    def hold_input(self, why: str) -> None:
        """Read nothing from the client until `release_input` with the same word."""

    def release_input(self, why: str) -> None:
        """Read again, if nothing else holds, beginning with what was read already."""

    def tuned(self, heartbeat: int) -> None:
        """The heartbeat is negotiated, in seconds; 0 for none."""

    def opened(self) -> None:
        """The handshake is over."""

    def closing(self) -> None:
        """The broker has sent Close: do not wait for the answer for ever."""


class Session:
    """The broker's side of one connection; what `protocol.connection` calls."""

    def __init__(self, hub: Hub, transport: Transport) -> None:
        self.hub = hub
        self.transport = transport
        config = hub.config
        self.protocol = Connection(self, config.max_message_size, config.semantics)
        self.out: list[bytes] = []
        self.gathered = 0  # octets of deliveries in `out`
        self.writable = True
        self.frame_max = hub.config.frame_max
        self.channel_max = hub.config.channel_max
        self.heartbeat = 0  # seconds, as negotiated
        self.since = hub.broker.clock.epoch()
        self.mechanism = ""
        self.client_properties: dict[str, Any] = {}
        self.user: User | None = None
        self.channels: dict[int, Channel] = {}
        self._vhost: VHost | None = None
        self._routes: Routes | None = None
        self._blocked = False
        self._finished = False
        self._ended = False
        hub.sessions.add(self)

    @property
    def vhost(self) -> VHost:
        """The vhost that was opened."""
        assert self._vhost is not None  # noqa: S101  no channel without an open vhost
        return self._vhost

    @property
    def routes(self) -> Routes:
        """The routes that this connection's publishes have used."""
        assert self._routes is not None  # noqa: S101  the same
        return self._routes

    def enter(self, vhost: VHost, user: User) -> None:
        """The vhost is open."""
        self._vhost = vhost
        observer = self.hub.observer
        self._routes = (observer.routes if observer else Routes)(vhost, user, self.hub.replies)
        self.transport.opened()

    @property
    def state(self) -> str:
        """How the connection is, in the words of RabbitMQ's management."""
        if self._blocked:
            return "blocked"
        return "blocking" if self.hub.alarm else "running"

    def inside(self, vhost: VHost) -> bool:
        """Whether the client has opened this vhost."""
        return self._vhost is vhost

    def open_for(self, user: User) -> bool:
        """Whether the connection is open, and this user's."""
        return self._vhost is not None and self.user is user

    def capable(self, capability: str) -> bool:
        """Whether the client claims the capability."""
        claimed = self.client_properties.get("capabilities")
        return isinstance(claimed, dict) and claimed.get(capability) is True

    # octets

    def receive(self, data: bytes | memoryview) -> None:
        """Take what the socket read, and keep no view of it; `Hub.settle` writes what came."""
        self.protocol.receive(data)

    def send(self, data: bytes) -> None:
        """Add to the output."""
        if not self.out:
            self.hub.dirty.add(self)
        self.out.append(data)

    def call(self, channel: int, name: str, /, **arguments: Any) -> None:
        """Add a method to the output."""
        self.send(method_frame(channel, name, **arguments))

    def flush(self) -> None:
        """Hand the output to the transport."""
        out, self.out = self.out, []
        gathered, self.gathered = self.gathered, 0
        if gathered > _LARGE:
            self._write_apart(out)
        elif out:
            self.transport.write(b"".join(out))
        if self._finished:
            self.transport.close()

    def _write_apart(self, out: list[bytes]) -> None:
        """Write large contents as they are: to join them to the rest would be to copy them."""
        small: list[bytes] = []
        for part in out:
            if len(part) < _LARGE:
                small.append(part)
                continue
            self.transport.write(b"".join(small))
            self.transport.write(memoryview(part))  # of which asyncio can leave a rest uncopied
            small.clear()
        if small:
            self.transport.write(b"".join(small))

    def pause_writing(self) -> None:
        """The transport's buffer is full: its consumers take no more for now."""
        self.writable = False
        self.transport.hold_input("unread output")
        for channel in self.channels.values():
            channel.park()

    def resume_writing(self) -> None:
        """The transport's buffer has drained."""
        self.writable = True
        self.transport.release_input("unread output")
        for channel in list(self.channels.values()):
            channel.refresh()

    # alarms; see https://www.rabbitmq.com/docs/connection-blocked

    def block(self) -> None:
        """The client has published while an alarm is on: take nothing more from it."""
        if self._blocked:
            return
        self._blocked = True
        self.transport.hold_input("alarm")
        if self.capable("connection.blocked"):
            self.call(0, "connection.blocked", reason=self.hub.alarm)

    def unblock(self) -> None:
        """The alarm is off."""
        if not self._blocked:
            return
        self._blocked = False
        if self.capable("connection.blocked"):
            self.call(0, "connection.unblocked")
        self.transport.release_input("alarm")

    # what the protocol calls

    def greet(self) -> None:
        """Answer the protocol header with Start."""
        opening.start(self)

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """A method of class connection."""
        if name == "connection.close":
            self.end()
            self.call(0, "connection.close-ok")
        elif name != "connection.close-ok":
            opening.STEPS[name](self, **arguments)

    def open_channel(self, number: int) -> Channel:
        """Open a channel. Raises HardError 530 when as many are open as may be."""
        if self.channel_max and len(self.channels) >= self.channel_max:
            raise HardError(
                530,
                f"number of channels opened ({len(self.channels)}) has reached the negotiated "
                f"channel_max ({self.channel_max})",
                (20, 10),
            )
        assert self.user is not None  # noqa: S101  no channel without a user
        if self.hub.config.channel_max_per_node or self.user.limits:
            admit_channel(self.hub, self.user)
        if self.hub.config.semantics.channel_numbers and number > self.channel_max > 0:
            raise HardError(504, f"channel {number} is above {self.channel_max}", (20, 10))
        channel = self.channels[number] = make_channel(self, number)
        if self.hub.observer is not None:
            channel.consumer_type = self.hub.observer.consumers(channel.consumer_type)
        self.call(number, "channel.open-ok")
        return channel

    def channel_gone(self, number: int, *, answer: bool) -> None:
        """The client has closed a channel, or has answered our Close."""
        channel = self.channels.pop(number, None)
        if channel is not None:
            channel.end()
        if answer:
            self.call(number, "channel.close-ok")

    def channel_failed(self, number: int, error: SoftError) -> None:
        """Close a channel for an error on it."""
        log.info("%s channel %d closed: %s", self.transport.peer, number, error.reply_text)
        channel = self.channels.pop(number, None)
        if channel is not None:
            channel.end()
        self._say_close(number, "channel.close", error)

    def failed(self, error: AmqpError) -> None:
        """Close the connection for an error on it."""
        asked_for = error.code == _FORCED
        level = logging.INFO if asked_for else logging.WARNING
        log.log(level, "%s connection closed: %s", self.transport.peer, error.reply_text)
        self.end()
        self._say_close(0, "connection.close", error)
        self.transport.closing()

    def _say_close(self, channel: int, name: str, error: AmqpError) -> None:
        text = _short(error.reply_text)
        class_id, method_id = error.method or (0, 0)
        self.call(
            channel,
            name,
            reply_code=error.code,
            reply_text=text,
            class_id=class_id,
            method_id=method_id,
        )

    def refuse(self, reply: bytes, why: str) -> None:
        """End the socket without a Close method."""
        log.warning("%s refused: %s", self.transport.peer, why)
        if reply:
            self.send(reply)
        self.closed()

    def closed(self) -> None:
        """End the socket once the output is written, which may have to wait for a commit."""
        self._finished = True
        self.hub.dirty.add(self)

    # the end

    def shut_down(self, code: int, text: str) -> None:
        """The broker closes the connection."""
        if self.protocol.phase is Phase.OPEN:
            self.protocol.begin_close()
            self.failed(HardError(code, text))
            if self._blocked:  # or the answer would not be read
                self._blocked = False
                self.transport.release_input("alarm")
        else:
            self.refuse(b"", text)

    def end(self) -> None:
        """Give back everything that belongs to the connection; once, whatever ended it."""
        if self._ended:
            return
        self._ended = True
        self.hub.sessions.discard(self)
        channels, self.channels = self.channels, {}
        # Or one channel's consumers would be sent what another gives back.
        for channel in channels.values():
            channel.park()
        for channel in channels.values():
            channel.end()
        if self._vhost is not None:
            self._vhost.drop_owner(self)

    def gone(self) -> None:
        """The socket has ended: give all back, and let go of what refers back here.

        Without a circle the memory of a connection is free at once; the collector comes seldom.
        """
        self.end()
        self._routes = None  # they may lead to queues that were the connection's own
        del self.protocol


def _short(text: str) -> str:
    """The text as a short string can carry it; longer ones end in dots, as RabbitMQ's do."""
    octets = text.encode(errors="backslashreplace")
    if len(octets) > _LONGEST:
        octets = octets[: _LONGEST - 3] + b"..."
    return octets.decode(errors="ignore")
