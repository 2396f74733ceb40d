"""One socket of a link: the client's or the upstream's."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .ending import Ending

if TYPE_CHECKING:
    from .stream import Stream

WRITE_BUFFER = 1 << 20
"""Octets that wait for a slow reader before the other side is not read any further."""

_NO_LINGER = struct.pack("ii", 1, 0)  # closing sends RST and drops what is unsent


class End(asyncio.Protocol):
    """Feeds what it reads to `incoming`, and is the sink of `outgoing`."""

    incoming: "Stream"
    outgoing: "Stream"

    def __init__(self, opened: Callable[[], None], lost: Callable[[], None]) -> None:
        self._opened = opened
        self._lost = lost
        self._transport: asyncio.Transport | None = None
        self._ended = False  # nothing more is written
        self._retired = False  # nothing more is read either
        self.gone = False

    @property
    def address(self) -> tuple[str, int]:
        """The peer's host and port; ("", 0) while there is none."""
        return self._info("peername")[:2] or ("", 0)

    def feed(self, data: bytes) -> None:
        """Write, unless this side was ended."""
        if not self._ended and self._transport is not None:
            self._transport.write(data)

    def end(self, ending: Ending) -> None:
        """FIN after all that was written, or RST now."""
        if ending is Ending.RST:
            self.reset()
        elif not self._ended:
            self._ended = True
            self._send_fin()

    def reset(self) -> None:
        """Send RST, drop everything unsent, and read no more."""
        if self._transport is not None:
            with contextlib.suppress(OSError):
                self._info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.drop()

    def retire(self) -> None:
        """Close as the kernel does for a process that ended: FIN, and RST for what still comes."""
        self.end(Ending.FIN)
        self._retired = True
        self.read(True)  # to learn of the peer's own end

    def drop(self) -> None:
        """Close without waiting for anything, as the kernel does for a process that is killed."""
        self._ended = self._retired = True
        if self._transport is None:
            self.gone = True
        else:
            self._transport.abort()

    def read(self, wanted: bool) -> None:
        """Go on reading, or stop it."""
        if self._transport is None or self._transport.is_closing():
            return
        if wanted or self._retired:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  tells mypy; asyncio's doing
        self._transport = transport
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        if self.gone:  # a fault has ended this side before it was connected, likewise below
            self.reset()
            return
        if self._ended:
            self._send_fin()
        self._opened()

    def data_received(self, data: bytes) -> None:
        """Octets have come."""
        if self._retired:
            self.reset()
        else:
            self.incoming.head.feed(data)

    def eof_received(self) -> bool:
        """The peer has sent FIN; the other direction stays open."""
        self.incoming.ended = True
        if not self._retired:
            self.incoming.head.end(Ending.FIN)
        return not self._ended

    def pause_writing(self) -> None:
        """The peer does not read fast enough."""
        self.outgoing.block(self)

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.outgoing.unblock(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed; an error says that the peer was the one."""
        self.gone = self._ended = True
        self.outgoing.unblock(self)
        if exc is not None and not self._retired:
            self._retired = True
            self.incoming.ended = True
            self.incoming.head.end(Ending.RST)
        self._lost()

    def _send_fin(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        # The peer may have gone a moment ago: then connection_lost is on its way.
        with contextlib.suppress(OSError):
            self._transport.write_eof()
        if self.incoming.ended:
            self._transport.close()

    def _info(self, name: str) -> Any:
        return () if self._transport is None else self._transport.get_extra_info(name, ())
