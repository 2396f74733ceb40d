"""One direction ends, the other goes on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from faults.proxy.ending import Ending
from faults.proxy.stage import Stage
from faults.proxy.toxic import Direction, Toxic

if TYPE_CHECKING:
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class HalfClose(Toxic):
    """Sends FIN one way, as a peer that calls shutdown(SHUT_WR); replies still pass.

        client ──────► ✂ FIN─► upstream
        client ◄────────────── upstream

    Strikes the connections there are. What is sent the ended way is lost, and an ended direction
    cannot be opened again.
    """

    momentary: ClassVar[bool] = True

    @property
    def direction(self) -> Direction:
        """The client's half."""
        return "up"

    def stage(self, stream: "Stream") -> Stage:
        """End this direction."""
        return _Half(stream)


class _Half(Stage):
    def begin(self) -> None:
        self.stream.sink.end(Ending.FIN)
