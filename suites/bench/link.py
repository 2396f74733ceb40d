"""A blocking TCP connection to a broker, whatever is spoken on it."""

import socket

from suites.bench.errors import PATIENCE, BenchError

READ_SIZE = 1 << 20


class Link:
    """One connection; every wait ends after PATIENCE seconds with a BenchError."""

    def __init__(self, host: str, port: int) -> None:
        self.pending = bytearray()
        try:
            self.socket = socket.create_connection((host, port), PATIENCE)
        except OSError as error:
            raise BenchError(f"cannot connect to {host}:{port}: {error}") from None
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes | memoryview) -> None:
        """All these octets."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise _broken(error) from None

    def send_some(self, data: memoryview) -> int:
        """As many of these octets as the socket takes at once; how many those are."""
        try:
            return self.socket.send(data)
        except OSError as error:
            raise _broken(error) from None

    def read_into(self, buffer: memoryview) -> int:
        """What has come, at most a buffer full; BenchError if the broker has closed."""
        try:
            count = self.socket.recv_into(buffer)
        except OSError as error:
            raise _broken(error) from None
        if not count:
            raise BenchError("the broker closed the connection")
        return count

    def await_pending(self, size: int) -> None:
        """Read until so many octets are pending."""
        while len(self.pending) < size:
            try:
                data = self.socket.recv(READ_SIZE)
            except OSError as error:
                raise _broken(error) from None
            if not data:
                raise BenchError("the broker closed the connection")
            self.pending += data

    def take(self, size: int) -> bytes:
        """The next so many octets."""
        self.await_pending(size)
        octets = bytes(self.pending[:size])
        del self.pending[:size]
        return octets

    def take_pending(self) -> bytes:
        """What was read and not yet taken."""
        return self.take(len(self.pending))

    def close(self) -> None:
        """Close it, with a farewell where the protocol has one."""
        self.socket.close()


def _broken(error: OSError) -> BenchError:
    if isinstance(error, TimeoutError):
        return BenchError(f"the broker was silent for {PATIENCE:g} s")
    return BenchError(f"the connection broke: {error}")
