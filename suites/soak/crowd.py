"""Many connections of one thread: they open, keep quiet but for heartbeats, and close."""

import selectors
import socket
import struct
import time

from reference_broker.wire.framing import HEARTBEAT, method_frame
from reference_broker.wire.spec import PROTOCOL_HEADER
from suites.brokers.base import Endpoint
from suites.clients.handshake import start_ok

_BATCH = 50  # connections that open at once
_PATIENCE = 60.0  # seconds for any answer
_OPEN_OK = b"\x00\x0a\x00\x29"  # class and method
_CLOSE_OK = b"\x00\x0a\x00\x33"
_CLOSE = method_frame(0, "connection.close", reply_code=200)
_RESET = struct.pack("ii", 1, 0)


class Crowd:
    """So many connections as `grow` was asked for; `lost` counts those that the broker ended."""

    def __init__(self, endpoint: Endpoint, heartbeat: int) -> None:
        self.opened = 0
        self.lost = 0
        self.heard = 0  # heartbeats
        self._endpoint = endpoint
        self._heartbeat = heartbeat
        self._sockets: dict[socket.socket, None] = {}  # in the order of their coming
        self._greeting = PROTOCOL_HEADER + b"".join(
            (
                method_frame(0, "connection.start-ok", **start_ok(endpoint)),
                method_frame(
                    0,
                    "connection.tune-ok",
                    channel_max=2047,
                    frame_max=131072,
                    heartbeat=heartbeat,
                ),
                method_frame(0, "connection.open", virtual_host=endpoint.vhost),
            )
        )

    def grow(self, count: int) -> None:
        """Open so many more, each to connection.open-ok."""
        while count > 0:
            batch = [self._connect() for _ in range(min(count, _BATCH))]
            for client in batch:
                self._await(client, _OPEN_OK)
                self._sockets[client] = None
            self.opened += len(batch)
            count -= len(batch)

    def _connect(self) -> socket.socket:
        client = socket.create_connection((self._endpoint.host, self._endpoint.port), _PATIENCE)
        client.sendall(self._greeting)
        return client

    def _await(self, client: socket.socket, wanted: bytes) -> bool:
        """Whether these octets come; one that ends before is lost."""
        client.settimeout(_PATIENCE)
        came = b""
        try:
            while wanted not in came:
                data = client.recv(4096)
                if not data:
                    break
                came = came[-len(wanted) :] + data
        except OSError:
            pass
        self.lost += wanted not in came
        return wanted in came

    def hold(self, seconds: float) -> None:
        """Let time pass, with heartbeats both ways."""
        with selectors.DefaultSelector() as selector:
            for client in self._sockets:
                client.setblocking(False)
                selector.register(client, selectors.EVENT_READ)
            end = time.monotonic() + seconds
            due = 0.0
            while (now := time.monotonic()) < end:
                if now >= due:
                    due = now + self._heartbeat / 3
                    self._beat()
                for key, _events in selector.select(min(due, end) - now):
                    assert isinstance(key.fileobj, socket.socket)
                    if not self._hear(key.fileobj):
                        selector.unregister(key.fileobj)

    def _beat(self) -> None:
        for client in self._sockets:
            try:
                client.send(HEARTBEAT)
            except OSError:
                continue  # it has ended, which reading counts

    def _hear(self, client: socket.socket) -> bool:
        """Whether the connection is still there."""
        try:
            data = client.recv(4096)
        except OSError:
            data = b""
        self.heard += data.count(HEARTBEAT)
        if not data:
            self.lost += 1
            del self._sockets[client]
            client.close()
        return bool(data)

    def shrink(self, count: int, *, rudely: bool = False) -> None:
        """Close the oldest ones, by the close handshake or by RST."""
        oldest = list(self._sockets)[:count]
        for client in oldest:
            del self._sockets[client]
            client.settimeout(_PATIENCE)
            if rudely:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                client.close()
            else:
                client.sendall(_CLOSE)
        for client in [] if rudely else oldest:
            self._await(client, _CLOSE_OK)
            client.close()

    def close(self) -> None:
        """Close all."""
        self.shrink(len(self._sockets))
