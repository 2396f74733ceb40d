"""How the harness's clients speak TLS: whom they trust, and who they are."""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Tls:
    """A client's side of TLS, in the words of RabbitMQ's URIs; files are PEM.

    See https://www.rabbitmq.com/docs/uri-query-parameters.
    """

    cacertfile: Path | None = None
    """Who vouches for the broker; whom the system trusts if None."""
    certfile: Path | None = None
    """The client's own certificate; none is shown if None."""
    keyfile: Path | None = None
    """Its key; in the same file if None."""
    verify: bool = True
    """Whether the broker's certificate matters."""
    server_name: str | None = None
    """The name that the broker's certificate has to bear; that of its host if None."""

    def context(self) -> ssl.SSLContext:
        """For clients. Raises OSError for files that cannot be used."""
        context = ssl.create_default_context(cafile=self.cacertfile)
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certfile is not None:
            context.load_cert_chain(self.certfile, self.keyfile)
        return context


def connect(host: str, port: int, timeout: float, tls: Tls | None = None) -> socket.socket:
    """A connected socket, after TLS's handshake where TLS is spoken. Raises OSError."""
    link = socket.create_connection((host, port), timeout)
    if tls is None:
        return link
    try:
        return tls.context().wrap_socket(link, server_hostname=tls.server_name or host)
    except BaseException:
        link.close()
        raise
