"""What the suites of TLS share: one port, clients of it, and how it turns clients away."""

import contextlib
import socket
import ssl
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from suites.brokers.base import Endpoint
from suites.brokers.tls import Tls
from suites.clients.handshake import PROTOCOL_HEADER
from suites.clients.link import CLOSED, SILENCE
from suites.harness.evidence import Evidence
from suites.harness.fixtures import RawClients
from suites.verify import Mismatch

PATIENCE = 30.0  # seconds; brokers give a client 5 to 10 to get through TLS's handshake
TRIES = 20  # to see an alert before the reset that follows it
RESET = "reset"
ALERT = 21  # the type of a TLS record (RFC 8446, 5.1)


def shown(endpoint: Endpoint, certificate: Path) -> Endpoint:
    """The same, for a client that shows this certificate."""
    tls = endpoint.tls or Tls()
    return replace(endpoint, tls=replace(tls, certfile=certificate))


def clients(endpoint: Endpoint, evidence: Evidence) -> RawClients:
    """Makes raw clients of this port."""
    return RawClients(endpoint, evidence)


def outcome(endpoint: Endpoint, context: ssl.SSLContext | None = None) -> str:
    """What the broker says to a client that greets: `connection.start`, an alert, or the end.

    In TLS 1.3 a client may have greeted when the broker refuses it; a broker that closes its socket
    with the greeting unread resets it, and a reset can take the alert with it. So that is repeated.
    """
    for _ in range(TRIES):
        answer = _outcome(endpoint, context)
        if RESET not in answer:
            break
    return answer


def _outcome(endpoint: Endpoint, context: ssl.SSLContext | None) -> str:
    tls = endpoint.tls or Tls()
    with socket.create_connection((endpoint.host, endpoint.port), PATIENCE) as link:
        try:
            with (context or tls.context()).wrap_socket(
                link, server_hostname=endpoint.host
            ) as secured:
                with contextlib.suppress(OSError):  # of a broker that has refused already
                    secured.sendall(PROTOCOL_HEADER)
                answer = secured.recv(7)
        except ssl.SSLError as error:
            return _alert(error) if error.reason else f"{CLOSED} ({RESET}: {error})"
        except ConnectionError as error:
            return f"{CLOSED} ({RESET}: {error})"
    return "connection.start" if answer[:3] == b"\x01\x00\x00" else CLOSED


def _alert(error: ssl.SSLError) -> str:
    """The alert's name in RFC 8446; OpenSSL puts the version that brought it before it."""
    _, alert, name = error.reason.partition("_ALERT_")
    return f"alert {name.lower()}" if alert else str(error.reason)


def only(version: str) -> ssl.SSLContext:
    """A client's context for this version alone: TLSv1_1, TLSv1_2, TLSv1_3."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # it is meant
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL itself would refuse the old version
    return context


def rest_of(link: socket.socket) -> bytes:
    """All that comes until the socket ends, however it ends; Mismatch if it does not."""
    link.settimeout(PATIENCE)
    octets = b""
    try:
        while chunk := link.recv(65536):
            octets += chunk
    except ConnectionResetError:
        return octets
    except TimeoutError:
        raise still_open() from None
    return octets


def still_open() -> Mismatch:
    """The broker does not end what it should."""
    return Mismatch(CLOSED, SILENCE, f"within {PATIENCE:g} s")


def below(client: Any) -> socket.socket:
    """The socket of a raw client, to do what its TLS would not."""
    link: socket.socket = client.link._socket  # noqa: SLF001  no client should offer this
    return link
