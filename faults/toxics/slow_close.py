"""The end of a connection is learned late."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import DelayLine
from faults.proxy.toxic import Toxic

from .settings import at_least

if TYPE_CHECKING:
    from faults.proxy.ending import Ending
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class SlowClose(Toxic):
    """Passes octets at once, and a FIN or RST `seconds` after it was sent.

    sent      |ab| FIN
    arrives   |ab|      FIN
                   ────► seconds

    The other direction is not kept waiting.
    """

    seconds: float

    def __post_init__(self) -> None:
        at_least(0, seconds=self.seconds)

    def stage(self, stream: "Stream") -> DelayLine:
        """A line for the ending alone."""
        return _SlowEnd(self, stream)


class _SlowEnd(DelayLine):
    def __init__(self, toxic: SlowClose, stream: "Stream") -> None:
        super().__init__(stream)
        self._seconds = toxic.seconds

    def feed(self, data: bytes) -> None:
        self.next.feed(data)

    def end(self, ending: "Ending") -> None:
        self.put(ending, self.stream.loop.time() + self._seconds)
