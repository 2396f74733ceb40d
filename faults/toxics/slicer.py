"""Octets arrive in small pieces."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import DelayLine
from faults.proxy.toxic import Toxic

from .settings import above_zero, at_least

if TYPE_CHECKING:
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class Slicer(Toxic):
    """Passes pieces of about `size` octets, give or take `variation`, `pause` seconds apart.

        sent      |abcdefgh|
        arrives   |ab| |cde| |f| |gh|

    With no pause the pieces still leave as separate writes, but the kernel may join what has not
    been read yet.
    """

    size: int
    variation: int = 0
    pause: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        above_zero(size=self.size)
        at_least(0, variation=self.variation, pause=self.pause)
        if self.variation >= self.size:
            raise ValueError(f"variation is {self.variation}: give less than size, {self.size}")

    def stage(self, stream: "Stream") -> DelayLine:
        """A line of pieces."""
        return _Sliced(self, stream)


class _Sliced(DelayLine):
    window = 1 << 18

    def __init__(self, toxic: Slicer, stream: "Stream") -> None:
        super().__init__(stream)
        self._toxic = toxic
        self._random = stream.random(toxic.seed)

    def feed(self, data: bytes) -> None:
        size, spread = self._toxic.size, self._toxic.variation
        due = max(self.stream.loop.time(), self.last_due + self._toxic.pause)
        start = 0
        while start < len(data):
            length = size + self._random.randint(-spread, spread) if spread else size
            self.put(data[start : start + length], due)
            due += self._toxic.pause
            start += length
