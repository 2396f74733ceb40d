"""Every octet arrives later."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import DelayLine
from faults.proxy.toxic import Toxic

from .settings import at_least

if TYPE_CHECKING:
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class Latency(Toxic):
    """Delays all that passes by `seconds`, give or take up to `jitter`; order is kept.

        sent      |ab|  |c|
        arrives        |ab|  |c|
                  ──────► seconds

    Applied to both directions it lengthens a round trip by twice as much.
    """

    seconds: float
    jitter: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        at_least(0, seconds=self.seconds, jitter=self.jitter)

    def stage(self, stream: "Stream") -> DelayLine:
        """A line whose due times are drawn per chunk."""
        return _Late(self, stream)


class _Late(DelayLine):
    def __init__(self, toxic: Latency, stream: "Stream") -> None:
        super().__init__(stream)
        self._toxic = toxic
        self._random = stream.random(toxic.seed)

    def feed(self, data: bytes) -> None:
        jitter = self._random.uniform(-1, 1) * self._toxic.jitter if self._toxic.jitter else 0.0
        self.put(data, self.stream.loop.time() + max(0.0, self._toxic.seconds + jitter))
