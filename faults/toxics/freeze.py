"""Nothing passes, nothing is lost."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import DelayLine
from faults.proxy.toxic import Toxic

if TYPE_CHECKING:
    from faults.proxy.ending import Ending
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class Freeze(Toxic):
    """Holds all octets and endings, and delivers them when it is left.

        sent      |ab|  |c|  FIN
        arrives                   left: |abc| FIN

    The link stays up. Nothing is read meanwhile, so a sender can go on until the kernel's buffers
    are full, as on a network that loses every packet; it learns of no FIN or RST either.
    """

    def stage(self, stream: "Stream") -> DelayLine:
        """A line that is never due."""
        return _Frozen(stream)


class _Frozen(DelayLine):
    def begin(self) -> None:
        self.stream.block(self)

    def feed(self, data: bytes) -> None:
        self.put(data, float("inf"))

    def end(self, ending: "Ending") -> None:
        self.put(ending, float("inf"))
