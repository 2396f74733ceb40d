"""Say anything to a broker, and read what it says as methods, each read with a deadline."""

import time
from collections.abc import Collection
from typing import Any

from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import HEARTBEAT, Frame, content_frames, encode_frame
from reference_broker.wire.framing import method_frame as encode_method_frame
from reference_broker.wire.spec import FRAME_HEARTBEAT, METHODS
from suites.brokers.base import Endpoint
from suites.clients.assembly import Assembler
from suites.clients.link import SILENCE, Link, NoFrameError
from suites.clients.received import Delivery, Received
from suites.clients.transcript import Transcript
from suites.verify import Mismatch

TIMEOUT = 5.0
OVERDUE = 0.2  # seconds that reading on may go over the deadline
DEFAULT_FRAME_MAX = 131_072

ASYNCHRONOUS = frozenset(
    {
        "basic.deliver",
        "basic.return",
        "basic.ack",
        "basic.nack",
        "basic.cancel",
        "channel.flow",
        "connection.blocked",
        "connection.unblocked",
    }
)
"""What a broker may send at any moment, also before the reply that a client waits for."""

FAREWELLS = frozenset({"connection.close", "connection.close-ok"})

_REPLIES = {"basic.get": ("basic.get-ok", "basic.get-empty")}


class Conversation:
    """One connection: writes any octets, reads methods, one inbox for all channels.

    Whoever waits on one channel leaves the other channels' methods in the inbox, in order; but a
    connection.close concerns everyone.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout: float = TIMEOUT,
        transcript: Transcript | None = None,
        label: str = "A",
    ) -> None:
        self.endpoint = endpoint
        self.timeout = timeout
        self.frame_max = DEFAULT_FRAME_MAX
        self.heartbeats: list[float] = []
        self.link = Link(endpoint, transcript or Transcript(), label)
        self.closed = False
        """Whether the broker sent connection.close or connection.close-ok."""
        self._assembler = Assembler()
        self._inbox: list[Received] = []

    @property
    def transcript(self) -> list[str]:
        """What all clients of this test said and heard so far."""
        return self.link.transcript.lines

    def send_bytes(self, data: bytes) -> None:
        """Write octets as they are. A socket that the broker closed shows at the next read."""
        self.link.write(data, self.timeout)

    def send_frame(self, kind: int, channel: int, payload: bytes) -> None:
        """Write one frame with any type, channel and payload."""
        self.send_bytes(encode_frame(kind, channel, payload))

    def send(self, channel: int, name: str, /, **arguments: Any) -> None:
        """Write one method; arguments not given are empty, zero or false."""
        self.send_bytes(encode_method_frame(channel, name, **arguments))

    def send_heartbeat(self) -> None:
        """Write a heartbeat frame."""
        self.send_bytes(HEARTBEAT)

    def publish(
        self,
        channel: int,
        exchange: str,
        routing_key: str,
        body: bytes = b"",
        *,
        mandatory: bool = False,
        immediate: bool = False,
        frame_max: int | None = None,
        **properties: Any,
    ) -> None:
        """Write basic.publish, header and body frames of at most `frame_max` octets, at once."""
        method = encode_method_frame(
            channel,
            "basic.publish",
            exchange=exchange,
            routing_key=routing_key,
            mandatory=mandatory,
            immediate=immediate,
        )
        limit = frame_max or self.frame_max or DEFAULT_FRAME_MAX
        self.send_bytes(method + content_frames(channel, body, properties, limit))

    def read_frame(self, timeout: float | None = None) -> Frame:
        """The next frame that is no heartbeat, past the inbox; Mismatch when none comes."""
        try:
            return self._frame(self._limit(timeout))
        except NoFrameError as error:
            raise Mismatch("a frame", error.actual, error.detail) from None

    def read_method(self, channel: int | None = None, timeout: float | None = None) -> Received:
        """The next method, with content if it carries one, of this channel or of any."""
        return self._next("a method", channel, timeout)

    def expect(self, channel: int, *names: str, timeout: float | None = None) -> Received:
        """The channel's very next method, which must be one of these."""
        return self._named(names, self._next(" or ".join(names), channel, timeout))

    def find(self, channel: int, *names: str, timeout: float | None = None) -> Received:
        """The channel's next method of these names; asynchronous others stay for later."""
        skipped = ASYNCHRONOUS.difference(names)
        return self._named(names, self._next(" or ".join(names), channel, timeout, skipped))

    def call(
        self, channel: int, name: str, /, *, timeout: float | None = None, **arguments: Any
    ) -> Received:
        """Write a method and give its reply; what comes asynchronously before stays for later."""
        replies = _REPLIES.get(name, (f"{name}-ok",))
        if replies[0] not in METHODS:
            raise ValueError(f"{name} has no reply: use send() or publish()")
        self.send(channel, name, **arguments)
        return self.find(channel, *replies, timeout=timeout)

    def expect_content(
        self, channel: int, name: str, body: bytes | None = None, *, timeout: float | None = None
    ) -> Delivery:
        """The channel's very next method, which must be this one, with this body if given."""
        expected = name if body is None else f"{name} {body!r}"
        received = self._next(expected, channel, timeout)
        wrong_body = isinstance(received, Delivery) and body not in {None, received.body}
        if not isinstance(received, Delivery) or received.name != name or wrong_body:
            raise Mismatch(expected, str(received), received.detail)
        return received

    def expect_quiet(self, channel: int) -> None:
        """Mismatch if anything of this channel came and was not read.

        Proves a negative only after a round trip that what is excluded must have preceded.
        """
        waiting = [str(received) for received in self._inbox if received.channel == channel]
        if waiting:
            raise Mismatch("nothing more", ", ".join(waiting))

    def expect_heartbeat(self, timeout: float) -> float:
        """Wait for one heartbeat more, `timeout` seconds at most; give its time."""
        seen = len(self.heartbeats)
        deadline = time.monotonic() + timeout
        while len(self.heartbeats) == seen:
            self._wait("heartbeat", deadline, timeout, until_heartbeat=True)
        return self.heartbeats[-1]

    def _limit(self, timeout: float | None) -> float:
        return self.timeout if timeout is None else timeout

    @staticmethod
    def _named(names: tuple[str, ...], received: Received) -> Received:
        if received.name not in names:
            raise Mismatch(" or ".join(names), str(received), received.detail)
        return received

    def _next(
        self,
        expected: str,
        channel: int | None,
        timeout: float | None,
        skipped: Collection[str] = (),
    ) -> Received:
        limit = self._limit(timeout)
        deadline = time.monotonic() + limit
        looked = 0  # a busy channel fills the inbox: look at each entry once
        while (received := self._stored(channel, skipped, looked)) is None:
            looked = len(self._inbox)
            self._wait(expected, deadline, limit)
        return received

    def _wait(
        self, expected: str, deadline: float, limit: float, *, until_heartbeat: bool = False
    ) -> None:
        """Collect one frame more; past the deadline only what has arrived already counts."""
        remaining = deadline - time.monotonic()
        if remaining < -OVERDUE:  # other methods come and come, the expected one does not
            raise Mismatch(expected, SILENCE, f"within {limit:g} s, but for what was skipped")
        try:
            self._collect(max(0.0, remaining), until_heartbeat=until_heartbeat)
        except NoFrameError as error:
            detail = f"within {limit:g} s" if SILENCE in error.actual else error.detail
            raise Mismatch(expected, error.actual, detail) from None

    def _stored(self, channel: int | None, skipped: Collection[str], start: int) -> Received | None:
        for index in range(start, len(self._inbox)):
            received = self._inbox[index]
            concerned = channel in {None, received.channel} or received.name == "connection.close"
            if concerned and received.name not in skipped:
                return self._inbox.pop(index)
        return None

    def _collect(self, timeout: float, *, until_heartbeat: bool = False) -> None:
        """Read one frame, and put what it completes into the inbox."""
        frame = self._frame(timeout, until_heartbeat=until_heartbeat)
        if frame.type == FRAME_HEARTBEAT:
            return
        try:
            received = self._assembler.feed(frame)
        except WireError as error:
            raise NoFrameError("garbage", str(error)) from None
        if received is not None:
            self.closed = self.closed or received.name in FAREWELLS
            self._inbox.append(received)

    def _frame(self, timeout: float, *, until_heartbeat: bool = False) -> Frame:
        deadline = time.monotonic() + timeout
        while True:
            frame = self.link.read_frame(max(0.0, deadline - time.monotonic()))
            if frame.type != FRAME_HEARTBEAT:
                return frame
            self.heartbeats.append(self.link.transcript.elapsed())
            if until_heartbeat:
                return frame
