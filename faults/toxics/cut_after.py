"""The link is cut after so many octets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import Stage
from faults.proxy.toxic import Direction, Toxic

from .settings import at_least

if TYPE_CHECKING:
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class CutAfter(Toxic):
    """Closes both sides as soon as `octets` octets have passed, which all arrive.

        sent      |abcdefgh|
        arrives   |abcde| FIN          octets=5

    Each connection is counted from when the fault came into force; with direction="both", each
    direction for itself. With octets=0 the first octet cuts, and does not arrive. `reset` sends
    RST in place of FIN, and then the last octets may be lost.
    """

    octets: int
    reset: bool = False

    def __post_init__(self) -> None:
        at_least(0, octets=self.octets)

    @property
    def direction(self) -> Direction:
        """What the client sends."""
        return "up"

    def stage(self, stream: "Stream") -> Stage:
        """A counter."""
        return _Counted(self, stream)


class _Counted(Stage):
    def __init__(self, toxic: CutAfter, stream: "Stream") -> None:
        super().__init__(stream)
        self._left = toxic.octets
        self._reset = toxic.reset

    def feed(self, data: bytes) -> None:
        self.next.feed(data[: self._left])
        self._left -= min(self._left, len(data))
        if not self._left:
            if self._reset:
                self.stream.link.reset()
            else:
                self.stream.link.cut()
