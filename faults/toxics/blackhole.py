"""What passes is lost."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import Stage
from faults.proxy.toxic import Direction, Toxic

if TYPE_CHECKING:
    from faults.proxy.ending import Ending
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class Blackhole(Toxic):
    """Drops all octets; the link stays up and works again when it is left.

        sent      |ab|  |c|        |d|
        arrives             left:  |d|

    A FIN or RST does not pass either, but is delivered when the fault is left: else the survivor
    would wait for ever on a link that no longer exists.
    """

    def stage(self, stream: "Stream") -> Stage:
        """A hole."""
        return _Hole(stream)


class _Hole(Stage):
    def __init__(self, stream: "Stream") -> None:
        super().__init__(stream)
        self._ending: Ending | None = None

    def feed(self, data: bytes) -> None:
        """Drop."""

    def end(self, ending: "Ending") -> None:
        self._ending = ending

    def heal(self) -> None:
        if self._ending is not None:
            self.next.end(self._ending)


@dataclass(frozen=True)
class OneWayLoss(Blackhole):
    """A black hole in one direction, `way`; the other direction works."""

    way: Direction = "up"

    def __post_init__(self) -> None:
        self.check(self.way)

    @property
    def direction(self) -> Direction:
        """The direction that loses."""
        return self.way

    def check(self, direction: Direction) -> None:
        """Refuse to lose both ways."""
        if direction == "both":
            raise ValueError("a one-way loss goes up or down: for both ways use Blackhole()")
