"""RST now."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from faults.proxy.stage import Stage
from faults.proxy.toxic import Toxic

if TYPE_CHECKING:
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class Reset(Toxic):
    """Sends RST at once on the connections there are; new ones are not touched.

        client ◄─RST─ proxy ─RST─► upstream        direction="both"
        client ◄─RST─ proxy        upstream        direction="down"

    In one direction only, the other side is told nothing, and gets its RST when the fault is left.
    """

    momentary: ClassVar[bool] = True

    def stage(self, stream: "Stream") -> Stage:
        """Strike, and hold the side that was not struck."""
        return _Struck(stream)


class _Struck(Stage):
    def begin(self) -> None:
        self.stream.sink.reset()

    def heal(self) -> None:
        self.stream.source.reset()
