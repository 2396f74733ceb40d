"""When octets passed a proxy, so that times count from what was really sent."""

import time
from typing import TYPE_CHECKING

from faults.proxy import Toxic
from faults.proxy.stage import Stage

if TYPE_CHECKING:
    from faults.proxy.stream import Stream, Way


class Watch(Toxic):
    """Harms nothing: notes the time of each read, by direction. Enter it before the faults."""

    def __init__(self) -> None:
        self.times: dict[Way, list[float]] = {"up": [], "down": []}

    def last(self, way: "Way", until: float) -> float:
        """When octets last passed that way, in seconds of the monotonic clock, up to `until`."""
        return max((at for at in self.times[way] if at <= until), default=until)

    def stage(self, stream: "Stream") -> Stage:
        """Look on."""
        return _Watching(self.times[stream.way], stream)


class _Watching(Stage):
    def __init__(self, times: list[float], stream: "Stream") -> None:
        super().__init__(stream)
        self._times = times

    def feed(self, data: bytes) -> None:
        self._times.append(time.monotonic())
        self.next.feed(data)
