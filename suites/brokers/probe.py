"""Ask an AMQP port who it is: the one test of readiness that all kinds share.

A process that lives, and even a port that accepts, may still not answer; only a
Connection.Start does. It is decoded with pamqp, a codec that the reference broker does not share.
"""

import socket
import time
from collections.abc import Callable, Mapping

from pamqp import commands, frame

from suites.brokers.base import BrokerError, Endpoint, Identity
from suites.brokers.tls import Tls, connect

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
METHOD_FRAME_ON_CHANNEL_0 = b"\x01\x00\x00"
FRAME_OVERHEAD = 8  # type, channel, size, end octet
MAX_START = 131_072  # far above any server's properties; guards against a port that babbles
POLL_INTERVAL = 0.05


class NoHandshake(Exception):  # noqa: N818  a state of the broker, often a passing one
    """Nothing answered the protocol header with a Connection.Start, and why."""


def handshake(host: str, port: int, timeout: float, tls: Tls | None = None) -> Mapping[str, object]:
    """The server-properties of the Connection.Start; NoHandshake after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    try:
        with connect(host, port, timeout, tls) as link:
            link.sendall(PROTOCOL_HEADER)
            data = _read_frame(link, deadline)
    except OSError as error:
        raise NoHandshake(f"{host}:{port}: {error}") from error
    return _server_properties(data)


Ask = Callable[[str, int, float], Mapping[str, object]]
"""Like `handshake`, for whatever protocol: what the server says of itself, or NoHandshake."""


def answers(endpoint: Endpoint, timeout: float, ask: Ask = handshake) -> bool:
    """Whether a handshake begins within `timeout` seconds."""
    try:
        ask(endpoint.host, endpoint.port, timeout)
    except NoHandshake:
        return False
    return True


def wait_ready(
    host: str,
    port: int,
    timeout: float,
    gone: Callable[[], str | None],
    ask: Ask | None = None,
) -> Mapping[str, object]:
    """Poll for a handshake for `timeout` seconds; BrokerError at once if `gone` gives a reason."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            return (ask or handshake)(host, port, min(5.0, max(0.1, deadline - time.monotonic())))
        except NoHandshake as error:
            if reason := gone():
                raise BrokerError(reason) from error
            if time.monotonic() >= deadline:
                raise BrokerError(f"no handshake within {timeout:g} s ({error})") from error
        time.sleep(POLL_INTERVAL)


def identity(properties: Mapping[str, object], configuration: Mapping[str, str]) -> Identity:
    """Product, version and platform from server-properties, beside the harness's settings."""
    platform = properties.get("platform")
    return Identity(
        product=str(properties.get("product", "unknown")),
        version=str(properties.get("version", "unknown")),
        configuration={**({"platform": str(platform)} if platform else {}), **configuration},
    )


def _read_frame(link: socket.socket, deadline: float) -> bytes:
    data = b""
    wanted = FRAME_OVERHEAD
    while len(data) < wanted:
        link.settimeout(max(0.001, deadline - time.monotonic()))
        chunk = link.recv(65536)
        if not chunk:
            raise NoHandshake(f"the connection was closed after {data[:16]!r}{_guess(data)}")
        data += chunk
        if data[:3] != METHOD_FRAME_ON_CHANNEL_0[: len(data)]:
            told = f"the answer is no method frame on channel 0: {data[:16]!r}"
            raise NoHandshake(told + _guess(data))
        if len(data) >= FRAME_OVERHEAD:
            wanted = FRAME_OVERHEAD + int.from_bytes(data[3:7])
        if wanted > MAX_START:
            raise NoHandshake(f"the first frame claims {wanted} bytes")
    return data[:wanted]


def _guess(data: bytes) -> str:
    """What it may be that answers so, if that is known."""
    return next((f" ({said})" for start, said in _OTHERS if data.startswith(start)), "")


_OTHERS = (
    (b"AMQP\x00\x01", "it asks for AMQP 1.0"),
    (b"AMQP\x03\x01", "it asks for AMQP 1.0 with SASL"),
    (b"AMQP", "it asks for another version of AMQP"),
    (b"HTTP/", "it speaks HTTP"),
    (b"ERROR\r\n", "it speaks a text protocol, such as memcached's"),
    (b"\x15\x03", "it speaks TLS"),
)


def _server_properties(data: bytes) -> Mapping[str, object]:
    try:
        method = frame.unmarshal(data)[2]
    except Exception as error:  # pamqp lets struct and value errors through
        raise NoHandshake(f"the first frame cannot be decoded: {error}") from error
    if not isinstance(method, commands.Connection.Start):
        raise NoHandshake(f"the first frame is no Connection.Start but {method!r}")
    return dict(method.server_properties or {})
