"""The two toxics of Toxiproxy that end a connection in a way of their own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.stage import Stage
from faults.proxy.toxic import Toxic

if TYPE_CHECKING:
    import asyncio

    from faults.proxy.ending import Ending
    from faults.proxy.stream import Stream


@dataclass
class Timeout(Toxic):
    """Drops everything; closes after `seconds` without octets (0: never), and when removed."""

    seconds: float
    replaced: bool = False  # its successor goes on, so nothing is closed

    def stage(self, stream: "Stream") -> Stage:
        """A hole with a clock."""
        return _Expiring(self, stream)


class _Expiring(Stage):
    def __init__(self, toxic: Timeout, stream: "Stream") -> None:
        super().__init__(stream)
        self._toxic = toxic
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._wind()

    def feed(self, data: bytes) -> None:
        del data
        self._wind()

    def end(self, ending: "Ending") -> None:
        del ending
        self._stop()
        self.stream.link.cut()

    def heal(self) -> None:
        self._stop()
        if not self._toxic.replaced:
            self.stream.link.cut()

    def _wind(self) -> None:
        self._stop()
        if self._toxic.seconds:
            self._timer = self.stream.loop.call_later(self._toxic.seconds, self.stream.link.cut)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


@dataclass(frozen=True)
class ResetPeer(Toxic):
    """Sends RST to both sides so many seconds after the first octets, which do not arrive."""

    seconds: float

    def stage(self, stream: "Stream") -> Stage:
        """A trap."""
        return _Trap(self, stream)


class _Trap(Stage):
    def __init__(self, toxic: ResetPeer, stream: "Stream") -> None:
        super().__init__(stream)
        self._seconds = toxic.seconds
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, data: bytes) -> None:
        del data
        self._spring()

    def end(self, ending: "Ending") -> None:
        del ending
        self._spring()

    def heal(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self.stream.link.reset()  # what was dropped cannot be made good

    def _spring(self) -> None:
        if self._timer is None:
            link = self.stream.link
            self._timer = self.stream.loop.call_later(self._seconds, link.reset)
