"""A scripted server on loopback that opens connections properly, and then says what it is told to.

It stands in for a broker when the harness itself is on trial: it never answers, writes garbage,
ends in mid-frame, or replies with the wrong method.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from reference_broker.wire.framing import Frame, FrameReader, method_frame
from reference_broker.wire.methods import Method, decode_method
from reference_broker.wire.spec import FRAME_METHOD
from suites.brokers.base import Endpoint

PROPERTIES = {"product": "Liar", "version": "1.2", "capabilities": {"basic.nack": True}}
START = method_frame(
    0,
    "connection.start",
    version_major=0,
    version_minor=9,
    server_properties=PROPERTIES,
    mechanisms="PLAIN",
    locales="en_US",
)


class Last(bytes):
    """An answer after which the connection ends."""


TRUTH = {
    "connection.start-ok": method_frame(
        0, "connection.tune", channel_max=100, frame_max=131072, heartbeat=60
    ),
    "connection.tune-ok": b"",
    "connection.open": method_frame(0, "connection.open-ok"),
    "connection.close": method_frame(0, "connection.close-ok"),
    "connection.close-ok": Last(),
    "channel.open": method_frame(1, "channel.open-ok"),
    "channel.close-ok": b"",
}


Script = Callable[[Method], bytes]
"""What to answer a method; `Liar.die` ends all connections."""


class Liar:
    """Serves each connection on a thread of its own until it is closed or dies."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = Endpoint("127.0.0.1", self._listener.getsockname()[1])
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def die(self) -> None:
        """End every connection and accept no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.die()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._threads.append(
                threading.Thread(target=self._serve, args=(connection,), daemon=True)
            )
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if connection.recv(8, socket.MSG_WAITALL) != b"AMQP\x00\x00\x09\x01":
                return
            connection.sendall(START)
            reader = FrameReader()
            while data := connection.recv(65536):
                for frame in reader.feed(data):
                    answer = self._answer(frame)
                    connection.sendall(answer)
                    if isinstance(answer, Last):
                        return

    def _answer(self, frame: Frame) -> bytes:
        if frame.type != FRAME_METHOD:
            return b""
        method = decode_method(frame.payload)
        return TRUTH[method.name] if method.name in TRUTH else self._script(method)
