"""`when("basic.ack", nth=3).drop()`: a frame, and what becomes of it."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.toxic import DIRECTIONS, Direction, Toxic

from .actions import Cut, Drop, Duplicate, Flip, Hold, Place, Swap, Truncate
from .kinds import channel_of, check_kind, kind_of
from .stage import Action, FrameStage

if TYPE_CHECKING:
    from faults.proxy.core import Core
    from faults.proxy.stream import Stream


@dataclass(frozen=True)
class When:
    """Which frames; say what becomes of them with one of its methods.

    `kind` is a method's name, "header", "body" or "heartbeat". `nth` counts the frames of that kind
    from 1, on all connections concerned together, from when the fault comes into force; without
    it every one is meant. `channel` narrows it to one channel, `direction` to one way.
    """

    kind: str
    nth: int | None = None
    direction: Direction = "both"
    channel: int | None = None

    def __post_init__(self) -> None:
        check_kind(self.kind)
        if self.nth is not None and self.nth < 1:
            raise ValueError(f"nth is {self.nth}: frames are counted from 1; leave it out for all")
        if self.direction not in DIRECTIONS:
            allowed = ", ".join(DIRECTIONS)
            raise ValueError(f"direction is {self.direction!r}: give one of {allowed}")
        if self.channel is not None and not 0 <= self.channel <= 0xFFFF:  # noqa: PLR2004  a short
            raise ValueError(f"channel is {self.channel}: give 0 to 65535, or leave it out for all")

    def drop(self) -> "FrameFault":
        """It does not arrive."""
        return FrameFault(self, Drop())

    def hold(self, seconds: float) -> "FrameFault":
        """It and all behind it arrives so many seconds later."""
        return FrameFault(self, Hold(seconds))

    def duplicate(self) -> "FrameFault":
        """It arrives twice."""
        return FrameFault(self, Duplicate())

    def swap(self) -> "FrameFault":
        """It arrives after the next frame of its direction."""
        return FrameFault(self, Swap())

    def truncate(self, octets: int) -> "FrameFault":
        """Only its first `octets` octets arrive; a frame that is no longer passes unhurt."""
        return FrameFault(self, Truncate(octets))

    def flip(self, octet: int) -> "FrameFault":
        """Its octet number `octet` is inverted: 0 is the frame's type, -1 its end.

        A frame that is shorter passes unhurt.
        """
        return FrameFault(self, Flip(octet))

    def cut(self, place: Place) -> "FrameFault":
        """The link is closed on both sides "before", "inside" or "after" it."""
        return FrameFault(self, Cut(place))


class FrameFault(Toxic):
    """What `when(…)` makes; to be given to `Proxy.fault`.

    `hits` counts the frames it has struck, and `wait` waits for the first.
    """

    def __init__(self, condition: When, action: Action) -> None:
        self.condition = condition
        self.action = action
        self.hits = 0
        self._seen = 0
        self._hit = threading.Event()

    @property
    def direction(self) -> Direction:
        """As the condition says."""
        return self.condition.direction

    def wait(self, timeout: float) -> bool:
        """Wait until a frame was struck; False if none was after `timeout` seconds."""
        return self._hit.wait(timeout)

    def enter(self, core: "Core") -> None:
        """Count from the beginning."""
        del core
        self.hits = self._seen = 0
        self._hit.clear()

    def stage(self, stream: "Stream") -> FrameStage:
        """Watch the frames of one direction."""
        return FrameStage(self, self.action, stream)

    def chooses(self, frame: bytes) -> bool:
        """Whether it is the frame that the condition means."""
        condition = self.condition
        if kind_of(frame) != condition.kind:
            return False
        if condition.channel is not None and channel_of(frame) != condition.channel:
            return False
        self._seen += 1
        return condition.nth is None or self._seen == condition.nth

    def struck(self) -> None:
        """Count."""
        self.hits += 1
        self._hit.set()

    def __repr__(self) -> str:
        return f"{self.condition!r}.{self.action!r}"


def when(
    kind: str,
    *,
    nth: int | None = None,
    direction: Direction = "both",
    channel: int | None = None,
) -> When:
    """Which frames a fault is about; ValueError when there are no such frames. See `When`."""
    return When(kind, nth, direction, channel)
