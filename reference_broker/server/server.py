"""The server: listens, hands sockets to sessions, stops in good order."""

import asyncio
import errno
import logging
import os

from reference_broker.broker.broker import Broker
from reference_broker.broker.definitions import load_definitions
from reference_broker.config import Config
from reference_broker.session.hub import Hub

from .transport import AmqpTransport

log = logging.getLogger(__name__)

_GOODBYE = 1.0  # seconds that clients have to answer the Close of a stopping broker


class StartError(Exception):
    """The server cannot start; the text says why and what to do."""


class Server:
    """One broker on one port. Lives in the event loop in which `start` was awaited."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.broker = Broker()
        self.hub = Hub(self.broker, config)
        self._transports: set[AmqpTransport] = set()
        self._listener: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that was bound."""
        assert self._listener is not None  # noqa: S101  after start only
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen. Raises StartError, or DefinitionsError for an unusable definitions file."""
        if self.config.definitions is None:
            self.broker.add_guest()
        else:
            load_definitions(self.broker, self.config.definitions)
        loop = asyncio.get_running_loop()
        host, port = self.config.host, self.config.port
        try:
            self._listener = await loop.create_server(self._accept, host, port, backlog=1024)
        except OSError as cause:
            raise StartError(_why(cause, host, port)) from cause

    def _accept(self) -> AmqpTransport:
        transport = AmqpTransport(self.hub, self.config, self.hub.settle)
        self._transports.add(transport)
        transport.gone.add_done_callback(lambda _gone: self._transports.discard(transport))
        return transport

    async def stop(self) -> None:
        """Close every connection with 320, wait a little for the answers, and end."""
        if self._listener is None:
            return
        self._listener.close()
        for session in list(self.hub.sessions):
            session.shut_down("broker forced connection closure with reason 'shutdown'")
        self.hub.settle()
        await self._gone(_GOODBYE)
        for transport in list(self._transports):
            transport.abort()
        await self._gone(None)
        await self._listener.wait_closed()

    async def _gone(self, timeout: float | None) -> None:  # noqa: ASYNC109  a bound, not an error
        waiting = [transport.gone for transport in self._transports]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout)


def _why(cause: OSError, host: str, port: int) -> str:
    where = f"{host}:{port}"
    if cause.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: the port is in use; choose another with --port, or 0"
    if cause.errno == errno.EACCES:
        return f"cannot listen on {where}: not permitted; choose a port above 1023 with --port"
    return f"cannot listen on {where}: {cause.strerror or os.strerror(cause.errno or 0)}"
