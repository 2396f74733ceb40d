"""One direction of a link: from a source, through the faults in force, to a sink."""

import asyncio
from random import Random
from typing import TYPE_CHECKING, Literal

from .boundary import Boundary
from .ending import Ending
from .stage import Receiver, Stage

if TYPE_CHECKING:
    from .end import End
    from .link import Link

Way = Literal["up", "down"]
"""Towards the upstream, or towards the client."""


class _Sink:
    """The end of the way: writes, and keeps count of frames for the faults that ask."""

    def __init__(self, end: "End", boundary: Boundary) -> None:
        self._end = end
        self._boundary = boundary

    def feed(self, data: bytes) -> None:
        self._end.feed(data)
        if not self._boundary.lost:
            self._boundary.advance(data)

    def end(self, ending: Ending) -> None:
        self._end.end(ending)


class Stream:
    """Where the stages of one direction stand in line."""

    def __init__(self, link: "Link", way: Way, source: "End", sink: "End") -> None:
        self.link = link
        self.way = way
        self.source = source
        self.sink = sink
        self.ended = False  # by its source
        self.boundary = Boundary()
        self.loop = asyncio.get_running_loop()
        self._stages: dict[object, Stage] = {}
        self._blockers: set[object] = set()
        self._sink = _Sink(sink, self.boundary)
        self.head: Receiver = self._sink

    def random(self, seed: int) -> Random:
        """The same numbers for the same seed, connection number and direction."""
        return Random(f"{seed} {self.link.number} {self.way}")  # noqa: S311  repeatable, no secret

    def insert(self, key: object, stage: Stage) -> None:
        """Put a fault's stage at the end of the line."""
        self._stages[key] = stage
        self._join()
        stage.begin()

    def remove(self, key: object) -> None:
        """Heal a fault's stage and take it out; harmless for one that is not there."""
        stage = self._stages.get(key)
        if stage is not None:
            stage.heal()
            del self._stages[key]
            self._join()

    def block(self, who: object) -> None:
        """Stop reading the source until everyone who blocks has unblocked."""
        self._blockers.add(who)
        self.source.read(False)

    def unblock(self, who: object) -> None:
        """Take back one's `block`; harmless without one."""
        if who in self._blockers:
            self._blockers.discard(who)
            if not self._blockers:
                self.source.read(True)

    def _join(self) -> None:
        stages = list(self._stages.values())
        followers: list[Receiver] = [*stages[1:], self._sink]
        for stage, follower in zip(stages, followers, strict=bool(stages)):
            stage.next = follower
        self.head = stages[0] if stages else self._sink
