"""The listening socket, which may refuse for a while without losing its port."""

import asyncio
import socket
from collections.abc import Callable

BACKLOG = 4096


def bound(host: str, port: int) -> socket.socket:
    """A socket that holds the port and, as long as it does not listen, refuses on it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
    return sock


class Listener:
    """Accepts connections; a second socket, which never listens, keeps the port meanwhile."""

    def __init__(self, host: str, port: int, protocol: Callable[[], asyncio.Protocol]) -> None:
        self.host = host
        self._protocol = protocol
        if port:
            _check_free(host, port)
        self._guard = bound(host, port)
        self.port: int = self._guard.getsockname()[1]
        self._server: asyncio.Server | None = None
        self._refusals = 0

    async def open(self) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        sock = bound(self.host, self.port)
        self._server = await loop.create_server(self._protocol, sock=sock, backlog=BACKLOG)

    def refuse(self) -> None:
        """Refuse connections until as many `relent` as `refuse`."""
        self._refusals += 1
        if self._server is not None:
            self._server.close()
            self._server = None

    async def relent(self) -> None:
        """Take back one `refuse`."""
        self._refusals -= 1
        if not self._refusals:
            await self.open()

    def close(self) -> None:
        """Give the port back."""
        self.refuse()
        self._guard.close()


def _check_free(host: str, port: int) -> None:
    # SO_REUSEPORT would let a second proxy share the port of the first.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            text = f"cannot listen on {host}:{port}: {error.strerror}"
            raise OSError(error.errno, text) from None
