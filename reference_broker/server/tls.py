"""TLS of one AMQP connection, and what of it is configured.

    socket <-> asyncio's transport <-> TlsTransport <-> AmqpTransport

asyncio's own TLS drops what a failed handshake has left to send, which is the alert that tells the
client why; so the octets are passed through `ssl.SSLObject` here.
"""

import asyncio
import contextlib
import logging
import ssl
from pathlib import Path
from typing import Any, cast

from reference_broker.config import Config
from reference_broker.session.security import Security, common_name, distinguished_name

from .listening import StartError

log = logging.getLogger(__name__)

VERIFY = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}
"""Whether clients are asked for a certificate, and may do without."""
LOGINS = {"distinguished_name": distinguished_name, "common_name": common_name}
"""What of a certificate's subject names the user, in RabbitMQ's words."""


def tls_context(config: Config) -> ssl.SSLContext:
    """What every connection's TLS starts from. Raises StartError."""
    if config.tls_certificate is None:
        raise StartError("--tls-port needs a certificate: name its file with --tls-certificate")
    if config.tls_verify != "none" and config.tls_ca is None:
        raise StartError(
            f"--tls-verify {config.tls_verify} needs to know whose certificates to trust: "
            "name their file with --tls-ca"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # as RabbitMQ on Erlang 25
    try:
        context.load_cert_chain(config.tls_certificate, config.tls_key, password=lambda: "")
    except (OSError, ValueError) as cause:
        raise StartError(_unusable("--tls-certificate", config.tls_certificate, cause)) from cause
    if config.tls_ca is not None:
        try:
            context.load_verify_locations(config.tls_ca)
        except (OSError, ValueError) as cause:
            raise StartError(_unusable("--tls-ca", config.tls_ca, cause)) from cause
    context.verify_mode = VERIFY[config.tls_verify]
    return context


def _unusable(option: str, path: Path, cause: Exception) -> str:
    why = getattr(cause, "reason", None) or getattr(cause, "strerror", None) or cause
    return f"{option} {path}: cannot be used ({why}); give PEM files, and a key without password"


def _read_into(tls: ssl.SSLObject, space: memoryview) -> int:
    """How many octets came; typeshed knows only the form of `read` that gives them."""
    return cast("int", tls.read(len(space), space))


class TlsTransport(asyncio.BufferedProtocol, asyncio.Transport):
    """asyncio's protocol to the socket, and the transport of the protocol within."""

    def __init__(
        self,
        context: ssl.SSLContext,
        config: Config,
        inner: asyncio.BufferedProtocol,
        inbox: memoryview,
    ) -> None:
        super().__init__()
        self.gone = asyncio.get_running_loop().create_future()
        self._config = config
        self._inner = inner
        self._inbox = inbox  # the broker's: what it holds is taken out before the next read
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._open = False  # the handshake is over
        self._paused = False
        self._closing = False

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._raw = cast("asyncio.Transport", transport)  # a stream socket's
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._config.handshake_timeout, self.abort)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  it is always -1
        """Where what comes is to be put."""
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        """Octets have come."""
        self._incoming.write(self._inbox[:nbytes])
        self._advance()

    def eof_received(self) -> None:
        """The client sends no more; asyncio closes the socket after this."""
        self._incoming.write_eof()
        self._advance()

    def pause_writing(self) -> None:
        """The client does not read."""
        if self._open:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._open:
            self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket has ended."""
        self._closing = True
        self._timer.cancel()
        if self._open:
            self._inner.connection_lost(exc)
        del self._inner  # which refers back here
        self.gone.set_result(None)

    # what the protocol within calls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send the octets, in order."""
        rest = memoryview(data)
        if self._closing:
            return
        while rest:
            rest = rest[self._tls.write(rest) :]
        self._flush()

    def pause_reading(self) -> None:
        """Hand nothing on until `resume_reading`."""
        self._paused = True
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        """Read again, beginning with what was taken from the socket already."""
        self._paused = False
        self._raw.resume_reading()
        asyncio.get_running_loop().call_soon(self._advance)

    def close(self) -> None:
        """Say that this is all, and end the connection once it is sent."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(ssl.SSLError):  # it would wait for the client to say so, too
            self._tls.unwrap()
        self._flush()
        self._raw.close()

    def abort(self) -> None:
        """End the socket now."""
        self._closing = True
        self._raw.abort()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """How much may wait for the client to read it."""
        self._raw.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """`security`, beside what the socket knows."""
        return self._security() if name == "security" else self._raw.get_extra_info(name, default)

    # between the two

    def _advance(self) -> None:
        """Go on as far as what has come allows."""
        try:
            if not self._open:
                self._shake_hands()
            self._read()
        except ssl.SSLWantReadError:
            self._flush()
        except ssl.SSLError as error:
            self._fail(error)

    def _shake_hands(self) -> None:
        self._tls.do_handshake()
        self._open = True
        self._timer.cancel()
        self._flush()
        self._inner.connection_made(self)

    def _read(self) -> None:
        """Hand on what has come, as much at once as the inbox holds."""
        while not (self._paused or self._closing):
            filled, ended = self._decrypt()
            if filled:
                self._inner.buffer_updated(filled)
            if ended:
                self.close()
            elif filled < len(self._inbox):
                break
        self._flush()  # what TLS itself has to answer

    def _decrypt(self) -> tuple[int, bool]:
        """How much is in the inbox now, and whether the client has said that this is all."""
        filled = 0
        while filled < len(self._inbox):
            try:
                count = _read_into(self._tls, self._inbox[filled:])
            except ssl.SSLWantReadError:
                break
            if not count:
                return filled, True
            filled += count
        return filled, False

    def _fail(self, error: ssl.SSLError) -> None:
        """TLS is broken: send the alert, and end the socket."""
        if not self._closing:
            peer = self._raw.get_extra_info("peername")
            log.info("%s: TLS failed: %s", f"{peer[0]}:{peer[1]}", error.reason or error)
        self._closing = True
        self._flush()
        self._raw.close()

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._raw.write(self._outgoing.read())

    def _security(self) -> Security:
        certificate = self._tls.getpeercert() or {}
        subject = cast("Any", certificate.get("subject", ()))
        issuer = cast("Any", certificate.get("issuer", ()))
        return Security(
            version=(self._tls.version() or "").lower(),
            asks=self._config.tls_verify != "none",
            login=LOGINS[self._config.tls_login](subject),
            subject=distinguished_name(subject),
            issuer=distinguished_name(issuer),
        )
