"""What can be done to one frame."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from .stage import FrameStage

Place = Literal["before", "inside", "after"]
"""Where a link is cut, as seen from a frame."""


@dataclass(frozen=True)
class Drop:
    """The frame does not arrive."""

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Pass nothing on."""
        del frame, stage
        return True


@dataclass(frozen=True)
class Hold:
    """The frame, and all behind it, arrives so many seconds later."""

    seconds: float

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError(f"hold({self.seconds:g}) holds nothing: give more than 0 seconds")

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Put it in line for later."""
        stage.hold(frame, self.seconds)
        return True


@dataclass(frozen=True)
class Duplicate:
    """The frame arrives twice."""

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Pass it on, and again."""
        stage.pass_on(frame * 2)
        return True


@dataclass(frozen=True)
class Swap:
    """The frame arrives after the next one of its direction."""

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Keep it."""
        stage.keep(frame)
        return True


@dataclass(frozen=True)
class Truncate:
    """Only the frame's first octets arrive; what follows it does not wait for the rest."""

    octets: int

    def __post_init__(self) -> None:
        if self.octets < 1:
            raise ValueError(f"truncate({self.octets}) leaves nothing: use drop(), or 1 or more")

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Pass on the beginning of a frame that is longer than that."""
        if len(frame) <= self.octets:
            return False
        stage.pass_on(frame[: self.octets])
        return True


@dataclass(frozen=True)
class Flip:
    """One octet arrives with every bit inverted."""

    octet: int

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Invert the octet of a frame that has it."""
        if not -len(frame) <= self.octet < len(frame):
            return False
        hurt = bytearray(frame)
        hurt[self.octet] ^= 0xFF
        stage.pass_on(bytes(hurt))
        return True


@dataclass(frozen=True)
class Cut:
    """The link ends before, in the middle of, or after the frame."""

    place: Place

    def __post_init__(self) -> None:
        if self.place not in get_args(Place):
            raise ValueError(f"cut({self.place!r}): give one of {', '.join(get_args(Place))}")

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Pass on what comes before the cut, then cut."""
        octets = {"before": 0, "inside": len(frame) // 2, "after": len(frame)}[self.place]
        stage.pass_on(frame[:octets])
        stage.cut()
        return True
