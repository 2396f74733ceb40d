"""Ask a port of memcached's text protocol who it is: `version`, which every such server answers."""

import socket
import time
from collections.abc import Mapping

from suites.brokers.probe import NoHandshake

ANSWER = "VERSION "
LONGEST = 1000  # octets; a port that babbles is none of ours


class Ask:
    """Is called as `probe.handshake` is: the product and version, or NoHandshake.

    Such servers do not name themselves, so the product is given.
    """

    def __init__(self, product: str) -> None:
        self._product = product

    def __call__(self, host: str, port: int, timeout: float) -> Mapping[str, object]:
        """Ask; NoHandshake after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        try:
            with socket.create_connection((host, port), timeout=timeout) as link:
                link.sendall(b"version\r\n")
                line = _read_line(link, deadline)
        except OSError as error:
            raise NoHandshake(f"{host}:{port}: {error}") from error
        if not line.startswith(ANSWER):
            raise NoHandshake(f"{host}:{port} answered `version` by {line[:40]!r}")
        return {"product": self._product, "version": line.removeprefix(ANSWER)}


def _read_line(link: socket.socket, deadline: float) -> str:
    data = b""
    while not data.endswith(b"\r\n") and len(data) < LONGEST:
        link.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = link.recv(LONGEST)
        if not chunk:
            raise NoHandshake(f"the connection was closed after {data[:16]!r}")
        data += chunk
    return data.decode("latin-1").strip()
