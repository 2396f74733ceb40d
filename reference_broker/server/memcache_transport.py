"""A socket's way to its session of the memcached text protocol."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from reference_broker.memcacheq.ports import Transport
from reference_broker.memcacheq.text import TextSession

log = logging.getLogger(__name__)

_BUFFER = 512 * 1024  # octets that may wait for a slow reader before its commands wait too


class FrontEnd(Protocol):
    """What makes sessions."""

    def connect(self, transport: Transport) -> TextSession:
        """A client has come."""


class MemcacheTransport(asyncio.Protocol):
    """One accepted socket; a `memcacheq.ports.Transport`.

    `settle` ends a turn: it commits and writes. `prompt` lets a client's replies go out before it.
    """

    def __init__(
        self, front: FrontEnd, settle: Callable[[], None], *, prompt: bool = False
    ) -> None:
        self.peer = "?"
        self.gone = asyncio.get_running_loop().create_future()
        self._front = front
        self._settle = settle
        self._prompt = prompt

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  a stream socket's
        self._transport = transport
        transport.set_write_buffer_limits(high=_BUFFER)
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = f"{host}:{port}"
        self._session = self._front.connect(self)

    def data_received(self, data: bytes) -> None:
        """Octets have come."""
        try:
            self._session.receive(data)
        except Exception:
            log.exception("%s: internal error", self.peer)
            self._session.fail("internal error")
        if self._prompt:
            self._session.flush()
        self._settle()

    def eof_received(self) -> bool:
        """The client sends no more; it may still read, so the session closes when it is done."""
        self._session.finished()
        self._settle()
        return True

    def pause_writing(self) -> None:
        """The client does not read."""
        self._session.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._session.resume_writing()
        self._settle()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket has ended."""
        log.debug("%s: gone (%s)", self.peer, exc or "closed")
        self._session.end()
        self._settle()
        del self._session  # which refers back here
        self.gone.set_result(None)

    # what the session calls

    def write(self, data: bytes) -> None:
        """Send the octets, in order."""
        self._transport.write(data)

    def close(self) -> None:
        """End the connection once all is sent."""
        self._transport.close()

    def pause_reading(self) -> None:
        """Leave in the socket what the client sends."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take it again."""
        self._transport.resume_reading()

    def after(self, delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call in `delay` seconds, and settle what came of it."""
        return asyncio.get_running_loop().call_later(delay, self._later, call)

    def fail(self, text: str) -> None:
        """Throw away the replies that are not out, say what is wrong, and close."""
        if self.gone.done():
            return
        self._session.out.clear()
        self._session.fail(text)
        self._session.flush()

    def abort(self) -> None:
        """End the socket now."""
        self._transport.abort()

    def _later(self, call: Callable[[], None]) -> None:
        call()
        self._settle()
