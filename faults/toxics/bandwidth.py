"""Octets arrive no faster than a rate."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import DelayLine
from faults.proxy.toxic import Toxic

from .settings import above_zero

if TYPE_CHECKING:
    from faults.proxy.stream import Stream

SLICES_PER_SECOND = 100


@dataclass(frozen=True)
class Bandwidth(Toxic):
    """Lets through `rate` octets a second, in slices of a hundredth of it.

    sent      |abcdefgh|
    arrives     |ab|  |cd|  |ef|  |gh|

    The sender is made to wait once 64 KiB are on the way.
    """

    rate: float

    def __post_init__(self) -> None:
        above_zero(rate=self.rate)

    def stage(self, stream: "Stream") -> DelayLine:
        """A line in which each slice takes its time."""
        return _Narrow(self, stream)


class _Narrow(DelayLine):
    window = 1 << 16  # a narrow link with a deep queue would be a slow one with a wide mouth

    def __init__(self, toxic: Bandwidth, stream: "Stream") -> None:
        super().__init__(stream)
        self._rate = toxic.rate
        self._slice = max(1, int(toxic.rate / SLICES_PER_SECOND))
        self._free_at = 0.0  # when the last slice will have passed

    def feed(self, data: bytes) -> None:
        now = self.stream.loop.time()
        for start in range(0, len(data), self._slice):
            piece = data[start : start + self._slice]
            self._free_at = max(self._free_at, now) + len(piece) / self._rate
            self.put(piece, self._free_at)
