"""One connection of a client, and the one to the upstream that serves it."""

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from .end import End
from .stream import Stream

if TYPE_CHECKING:
    from .core import Core


class Link:
    """Joins two ends by two streams. `number` counts the proxy's connections from 1."""

    def __init__(self, core: "Core", number: int) -> None:
        self.number = number
        self.opened_at = monotonic()
        self._core = core
        self.client = End(self._accepted, self._lost)
        self.upstream = End(self._connected, self._lost)
        self.up = Stream(self, "up", self.client, self.upstream)
        self.down = Stream(self, "down", self.upstream, self.client)
        self.client.incoming = self.upstream.outgoing = self.up
        self.client.outgoing = self.upstream.incoming = self.down
        self._admitted = False
        self._connecting: asyncio.Task[None] | None = None

    @property
    def address(self) -> tuple[str, int]:
        """The client's host and port."""
        return self.client.address

    @property
    def streams(self) -> tuple[Stream, Stream]:
        """Both directions."""
        return self.up, self.down

    def admit(self) -> None:
        """Connect to the upstream, once."""
        if not self._admitted:
            self._admitted = True
            self._connecting = asyncio.create_task(self._connect())

    def cut(self) -> None:
        """End both sides, after what was passed on so far."""
        self.client.retire()
        self.upstream.retire()

    def reset(self) -> None:
        """Send RST to both sides."""
        self.client.reset()
        self.upstream.reset()

    def abandon(self) -> None:
        """The proxy ends: leave nothing open."""
        if self._connecting is not None:
            self._connecting.cancel()
        self.client.drop()
        self.upstream.drop()

    def _accepted(self) -> None:
        self.up.block(self)  # until the upstream is there
        self._core.accepted(self)

    async def _connect(self) -> None:
        try:
            await self._core.connect(lambda: self.upstream)
        except OSError:
            self.upstream.gone = True
            self.client.reset()  # the nearest thing to a refusal that is left
            self._lost()

    def _connected(self) -> None:
        self.up.unblock(self)

    def _lost(self) -> None:
        if self.client.gone and not self._admitted:
            self.upstream.gone = True
        if self.client.gone and self.upstream.gone:
            self._core.forget(self)


Selector = int | set[int] | range | Callable[[Link], bool]
"""Which connections: a number, several, or a predicate."""
