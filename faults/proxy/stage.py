"""What a toxic does to one direction of one link: it sees all that passes, and passes it on.

    source ──► stage ──► stage ──► sink
               (the fault that came first)

Everything here runs in the proxy's event loop.
"""

from collections import deque
from typing import TYPE_CHECKING, Protocol

from .ending import Ending

if TYPE_CHECKING:
    import asyncio

    from .stream import Stream

WINDOW = 16 << 20
"""How many octets a stage holds back before the sender is made to wait, as a full TCP window does.

Large, so that a delay alone does not limit the bandwidth of a loopback link.
"""


class Receiver(Protocol):
    """Whatever octets and endings are passed on to."""

    def feed(self, data: bytes) -> None:
        """Take octets."""

    def end(self, ending: Ending) -> None:
        """The sender has ended its direction, and nothing follows."""


class Stage:
    """Passes everything on unchanged; a fault overrides what it changes."""

    next: Receiver

    def __init__(self, stream: "Stream") -> None:
        self.stream = stream

    def begin(self) -> None:
        """The fault comes into force."""

    def feed(self, data: bytes) -> None:
        """Octets have come from the source."""
        self.next.feed(data)

    def end(self, ending: Ending) -> None:
        """The source has ended this direction."""
        self.next.end(ending)

    def heal(self) -> None:
        """The fault is left: pass on all that is held."""


class DelayLine(Stage):
    """Holds what passes until it is due, in order."""

    window = WINDOW

    def __init__(self, stream: "Stream") -> None:
        super().__init__(stream)
        self._line: deque[tuple[float, bytes | Ending]] = deque()
        self._held = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def last_due(self) -> float:
        """When the line will be empty, in the loop's seconds; 0 if it is empty now."""
        return self._line[-1][0] if self._line else 0.0

    def put(self, item: bytes | Ending, due: float) -> None:
        """Hold until `due`, or until what came before has been passed on."""
        due = max(due, self.last_due)
        if not self._line and due <= self.stream.loop.time():
            self._pass(item)
            return
        self._line.append((due, item))
        if isinstance(item, bytes):
            self._held += len(item)
            if self._held > self.window:
                self.stream.block(self)
        self._arm()

    def end(self, ending: Ending) -> None:
        """An ending waits for the octets before it."""
        self.put(ending, self.last_due)

    def heal(self) -> None:
        """Pass on all at once."""
        self._release(float("inf"))

    def _arm(self) -> None:
        if self._line and self._timer is None:
            self._timer = self.stream.loop.call_at(self._line[0][0], self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._release(self.stream.loop.time())
        self._arm()

    def _release(self, now: float) -> None:
        while self._line and self._line[0][0] <= now:
            item = self._line.popleft()[1]
            if isinstance(item, bytes):
                self._held -= len(item)
            self._pass(item)
        if self._held <= self.window // 2:
            self.stream.unblock(self)
        if not self._line and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _pass(self, item: bytes | Ending) -> None:
        if isinstance(item, Ending):
            self.next.end(item)
        else:
            self.next.feed(item)
