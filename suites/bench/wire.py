"""A blocking AMQP connection that costs the client as little as it can."""

import contextlib
from typing import Any

from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import PREFIX, method_frame
from reference_broker.wire.methods import Method, decode_method
from reference_broker.wire.spec import FRAME_OVERHEAD, PROTOCOL_HEADER
from suites.bench.errors import BenchError
from suites.bench.frames import CHANNEL, IDS, ids
from suites.bench.link import Link
from suites.brokers.base import Endpoint

FRAME_MAX = 131_072  # what a broker without a limit of its own is told
CONTENT_FRAMES = 2  # header, one body frame
DELIVER = ids("basic.deliver")
CLOSE_OK = ids("connection.close-ok")
FAREWELL = method_frame(0, "connection.close", reply_code=200, reply_text="done")


class Wire(Link):
    """AMQP on a link."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.endpoint = endpoint
        self.frame_max = FRAME_MAX
        self.negotiated: tuple[int, int] = (0, FRAME_MAX)

    def open(self, *, channel: bool = True) -> None:
        """The opening handshake without heartbeats, and a channel."""
        self.send(PROTOCOL_HEADER)
        self._expect("connection.start")
        self.send(self.start_ok())
        tune = self._expect("connection.tune").arguments
        self.frame_max = tune["frame_max"] or FRAME_MAX
        self.negotiated = (tune["channel_max"], self.frame_max)
        self.send(self.tune_ok())
        self.call("connection.open", 0, virtual_host=self.endpoint.vhost)
        if channel:
            self.call("channel.open")

    def start_ok(self) -> bytes:
        """The frame that logs in."""
        login = f"\0{self.endpoint.user}\0{self.endpoint.password}".encode()
        # With authentication_failure_close a refused login is answered with its reason.
        properties = {"capabilities": {"authentication_failure_close": True}}
        return method_frame(
            0,
            "connection.start-ok",
            client_properties=properties,
            mechanism="PLAIN",
            response=login,
            locale="en_US",
        )

    def tune_ok(self) -> bytes:
        """The frame that agrees to what the broker proposed, but for heartbeats."""
        channel_max, frame_max = self.negotiated
        return method_frame(
            0, "connection.tune-ok", channel_max=channel_max, frame_max=frame_max, heartbeat=0
        )

    def call(self, name: str, channel: int = CHANNEL, /, **arguments: Any) -> Method:
        """Send a method and give the reply; BenchError if the broker answers something else."""
        self.send(method_frame(channel, name, **arguments))
        return self._expect(f"{name}-ok")

    def ask(self, request: bytes, reply: bytes) -> bytes:
        """Send a frame and give the one that answers, whose ids must be these."""
        self.send(request)
        frame = self.frame()
        if frame[IDS] != reply:
            raise BenchError(f"the broker answered {described(frame)}")
        return frame

    def delivery(self) -> None:
        """Read one delivery with a body of one frame."""
        first = self.frame()
        if first[IDS] != DELIVER:
            raise BenchError(f"instead of a delivery came {described(first)}")
        for _ in range(CONTENT_FRAMES):
            self.frame()

    def frame(self) -> bytes:
        """The next whole frame, undecoded."""
        self.await_pending(FRAME_OVERHEAD)
        return self.take(PREFIX.unpack_from(self.pending)[2] + FRAME_OVERHEAD)

    def close(self) -> None:
        """Close it, with AMQP's farewell if the broker still gives one."""
        with contextlib.suppress(BenchError, WireError):
            self.send(FAREWELL)
            while self.frame()[IDS] != CLOSE_OK:
                continue
        self.socket.close()

    def _expect(self, name: str) -> Method:
        try:
            frame = self.frame()
        except BenchError as error:
            raise BenchError(f"{error}, when {name} was awaited") from None
        with contextlib.suppress(WireError):
            method = decode_method(frame[PREFIX.size : -1])
            if method.name == name:
                return method
        raise BenchError(f"instead of {name} came {described(frame)}")


def described(frame: bytes) -> str:
    """A frame in words: the reason if it closes something."""
    kind, channel, _size = PREFIX.unpack_from(frame)
    try:
        method = decode_method(frame[PREFIX.size : -1])
    except WireError:
        return f"a frame of type {kind} on channel {channel}"
    if "reply_code" in method.arguments:
        return f"{method.name} {method.arguments['reply_code']} {method.arguments['reply_text']}"
    return method.name
