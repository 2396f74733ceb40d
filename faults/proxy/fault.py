"""A toxic at work on one proxy: which way, and on which connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.compose import Fault

from .toxic import DIRECTIONS, Direction, Toxic

if TYPE_CHECKING:
    from .link import Link, Selector
    from .proxy import Proxy


class LinkFault(Fault):
    """Hurts the connections of a proxy until it is left."""

    def __init__(
        self, proxy: Proxy, toxic: Toxic, direction: Direction | None, only: Selector | None
    ) -> None:
        direction = toxic.direction if direction is None else direction
        if direction not in DIRECTIONS:
            raise ValueError(f"direction is {direction!r}: give one of {', '.join(DIRECTIONS)}")
        toxic.check(direction)
        self.toxic = toxic
        self.direction = direction
        self._proxy = proxy
        self._only = only

    @property
    def duration(self) -> float | None:
        """0 for what strikes once."""
        return 0.0 if self.toxic.momentary else None

    def hurt(self) -> None:
        """Bring it into force on the connections there are and, unless momentary, on new ones."""
        self._proxy.call(lambda core: core.begin(self))

    def restore(self) -> None:
        """Release all that it held and take it out; harmless after the proxy has ended."""
        if self._proxy.running:
            self._proxy.call_async(lambda core: core.finish(self))

    def concerns(self, link: Link) -> bool:
        """Whether this connection is one of those chosen."""
        if self._only is None:
            return True
        if isinstance(self._only, int):
            return link.number == self._only
        if callable(self._only):
            return self._only(link)
        return link.number in self._only

    def attach(self, link: Link) -> None:
        """Start working on one connection."""
        if not self.concerns(link):
            return
        for stream in link.streams:
            if self.direction in (stream.way, "both"):
                stage = self.toxic.stage(stream)
                if stage is not None:
                    stream.insert(self, stage)

    def detach(self, link: Link) -> None:
        """Heal one connection."""
        for stream in link.streams:
            stream.remove(self)

    def admits(self, link: Link) -> bool:
        """Whether it lets a new connection through to the upstream."""
        return not self.concerns(link) or self.toxic.admits(link)

    def __repr__(self) -> str:
        only = "" if self._only is None else f", only={self._only!r}"
        return f"{self._proxy!r}.fault({self.toxic!r}, direction={self.direction!r}{only})"
