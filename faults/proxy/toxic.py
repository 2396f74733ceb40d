"""What is done to links; direction and connections are chosen where it is applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, get_args

if TYPE_CHECKING:
    from .core import Core
    from .link import Link
    from .stage import Stage
    from .stream import Stream

Direction = Literal["up", "down", "both"]
"""Towards the upstream (the broker), towards the client, or both."""

DIRECTIONS: tuple[str, ...] = get_args(Direction)


class Toxic:
    """One kind of harm. All its methods but the constructor run in the proxy's event loop."""

    momentary: ClassVar[bool] = False
    """Whether it strikes at once and only the connections of that moment."""

    @property
    def direction(self) -> Direction:
        """Which way it works unless told otherwise."""
        return "both"

    def check(self, direction: Direction) -> None:
        """Raise ValueError when it cannot work this way."""

    def stage(self, stream: Stream) -> Stage | None:
        """What it does to one direction of one connection; None for nothing."""
        del stream
        return None

    def admits(self, link: Link) -> bool:
        """Whether a new connection may be joined to the upstream while this is in force."""
        del link
        return True

    def enter(self, core: Core) -> None:
        """It comes into force at this proxy."""

    async def leave(self, core: Core) -> None:
        """It is left."""
