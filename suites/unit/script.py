"""A session that only writes down what the protocol calls, and fails where it is told to."""

from typing import Any

from reference_broker.protocol.connection import Connection
from reference_broker.protocol.states import Phase
from reference_broker.wire.content import properties_of
from reference_broker.wire.errors import AmqpError, HardError, SoftError
from reference_broker.wire.framing import method_frame
from reference_broker.wire.spec import PROTOCOL_HEADER

ERRORS: dict[str, type[AmqpError]] = {"soft": SoftError, "hard": HardError}
_STARTED = PROTOCOL_HEADER + method_frame(0, "connection.start-ok", mechanism="PLAIN")
_TUNED = _STARTED + method_frame(0, "connection.tune-ok", channel_max=10, frame_max=4096)
OPENING = _TUNED + method_frame(0, "connection.open", virtual_host="/")
"""What a client says to open a connection."""
BEFORE: dict[Phase, bytes] = {
    Phase.START: PROTOCOL_HEADER,
    Phase.TUNE: _STARTED,
    Phase.OPENING: _TUNED,
    Phase.OPEN: OPENING,
    Phase.CLOSING: OPENING + method_frame(1, "queue.declare"),
}
"""Phase -> what brings a connection there."""


class ScriptedSession:
    """A `protocol.ports.SessionSink`; `calls` is what it was called for, in order.

    A method with an argument `soft` or `hard`, as queue or as virtual host, raises that error.
    """

    def __init__(self, max_message_size: int = 250_000) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.repeated = 0  # publishes that were said to be like the last one
        self.connection = Connection(self, max_message_size)

    def feed(self, *pieces: bytes) -> "ScriptedSession":
        """Let the connection receive, piece by piece."""
        for piece in pieces:
            self.connection.receive(piece)
        return self

    def take(self) -> list[tuple[Any, ...]]:
        """The calls since the last look."""
        calls, self.calls = self.calls, []
        return calls

    def greet(self) -> None:
        """The protocol header was good."""
        self.calls.append(("greet",))

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """A method on channel 0."""
        self.calls.append(("method", 0, name, arguments))
        fail(arguments)
        if name == "connection.tune-ok":
            self.connection.tuned(arguments["frame_max"])

    def open_channel(self, number: int) -> "ScriptedChannel":
        """Channel.open; there are ten."""
        self.calls.append(("open", number))
        if number > 10:
            raise HardError(530, "ten channels at most", (20, 10))
        return ScriptedChannel(self, number)

    def channel_gone(self, number: int, *, answer: bool) -> None:
        """A channel is closed."""
        self.calls.append(("gone", number, answer))

    def channel_failed(self, number: int, error: SoftError) -> None:
        """The client is told by Channel.Close."""
        self.calls.append(("channel failed", number, error.code, error.method or (0, 0)))

    def failed(self, error: AmqpError) -> None:
        """The client is told by Connection.Close."""
        self.calls.append(("failed", error.code, error.method or (0, 0)))

    def refuse(self, reply: bytes, why: str) -> None:
        """The socket ends."""
        del why
        self.calls.append(("refuse", reply))

    def closed(self) -> None:
        """The handshake of closing is over."""
        self.calls.append(("closed",))


class ScriptedChannel:
    """A `protocol.ports.ChannelSink`."""

    def __init__(self, session: ScriptedSession, number: int) -> None:
        self._session = session
        self._number = number

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """A method without content."""
        self._session.calls.append(("method", self._number, name, arguments))
        fail(arguments)

    def publish(self, method: bytes, properties: bytes, frames: bytes, body_size: int) -> None:
        """A whole content."""
        self._last = method, properties, body_size
        self._session.calls.append(("publish", self._number, method, properties, frames, body_size))
        for name, kind in ERRORS.items():
            if name.encode() in method:
                raise kind(404, "as told", (60, 40))

    def publish_again(self, frames: bytes) -> None:
        """A whole content like the last one, the message-id apart."""
        self.publish_alike(properties_of(frames), frames)

    def publish_alike(self, properties: bytes, frames: bytes) -> None:
        """One with other properties."""
        last = method, _properties, body_size = self._last
        self._session.repeated += 1
        self.publish(method, properties, frames, body_size)
        self._last = last

    def ack(self, delivery_tag: int, multiple: bool) -> None:
        """A basic.ack."""
        self._session.calls.append(("ack", self._number, delivery_tag, multiple))
        if delivery_tag == 404:
            raise SoftError(406, "unknown delivery tag", (60, 80))


def fail(arguments: dict[str, Any]) -> None:
    """Raise what the arguments ask for."""
    told = arguments.get("queue") or arguments.get("virtual_host")
    if told in ERRORS:
        raise ERRORS[told](404, "as told")


def opened(*channels: int) -> ScriptedSession:
    """A session whose connection is open, and these channels."""
    session = ScriptedSession().feed(OPENING)
    for number in channels:
        session.feed(method_frame(number, "channel.open"))
    session.calls.clear()
    return session
