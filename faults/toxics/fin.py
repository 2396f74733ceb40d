"""FIN now: the whole connection, or one direction of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from faults.proxy.stage import Stage
from faults.proxy.toxic import Toxic

if TYPE_CHECKING:
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class Fin(Toxic):
    """Closes the connections there are, as a peer that calls close(); new ones are not touched.

        client ◄─FIN─ proxy ─FIN─► upstream        direction="both"
        client ◄─FIN─ proxy        upstream        direction="down"

    What a closed side still sends is answered by RST. In one direction only, the other side is told
    nothing, and is closed when the fault is left.
    """

    momentary: ClassVar[bool] = True

    def stage(self, stream: "Stream") -> Stage:
        """Strike, and hold the side that was not struck."""
        return _Closed(stream)


class _Closed(Stage):
    def begin(self) -> None:
        self.stream.sink.retire()

    def heal(self) -> None:
        self.stream.source.retire()
