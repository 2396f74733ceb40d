"""What the protocol asks of a session: to take methods and contents, and to learn how it ends."""

from collections.abc import Callable
from typing import Any, Protocol

from reference_broker.wire.errors import AmqpError, SoftError


class HeldError(Exception):
    """A channel cannot take a content now; `retry` does, once the broker says `resume`."""

    def __init__(self, retry: Callable[[], None]) -> None:
        super().__init__()
        self.retry = retry


class ChannelSink(Protocol):
    """What a channel of the session offers to the protocol."""

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """A method without content."""

    def publish(self, method: bytes, properties: bytes, frames: bytes, body_size: int) -> None:
        """A whole content.

        `method` is the payload of its basic.publish, `properties` the header's payload from the
        flags on, `frames` the octets of its header and body frames. Raises HeldError where
        publishers have to wait: then nothing more is taken from this connection.
        """

    def publish_again(self, frames: bytes) -> None:
        """A whole content whose method, properties and body size are those of the last `publish`.

        The message-id of plain properties apart, on which a broker does not act.
        Nothing else has reached the channel since, but acks and contents that were alike.
        """

    def publish_alike(self, properties: bytes, frames: bytes) -> None:
        """The same with other properties, of which the same ones are given."""

    def ack(self, delivery_tag: int, multiple: bool) -> None:
        """A basic.ack."""


class SessionSink(Protocol):
    """What the session offers to the protocol."""

    def greet(self) -> None:
        """The protocol header was good."""

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """A method on channel 0 that is legal in this phase."""

    def open_channel(self, number: int) -> ChannelSink:
        """Channel.open; raises HardError when there may not be one more."""

    def channel_gone(self, number: int, *, answer: bool) -> None:
        """The client closed a channel (answer it), or answered the broker's Close."""

    def channel_failed(self, number: int, error: SoftError) -> None:
        """Tell the client by Channel.Close; the protocol drops what still arrives there."""

    def failed(self, error: AmqpError) -> None:
        """Tell the client by Connection.Close; the protocol drops what still arrives."""

    def refuse(self, reply: bytes, why: str) -> None:
        """End the socket without a Close method, after writing `reply`; `why` is for the log."""

    def closed(self) -> None:
        """The handshake of closing is over: end the socket."""
