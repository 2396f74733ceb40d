"""Frames of one direction of one connection, taken apart and passed on."""

from typing import TYPE_CHECKING, Protocol

from faults.proxy.stage import DelayLine

if TYPE_CHECKING:
    from faults.proxy.ending import Ending
    from faults.proxy.stream import Stream


class Action(Protocol):
    """What is done to a frame that was chosen."""

    def strike(self, frame: bytes, stage: "FrameStage") -> bool:
        """Do it, in place of passing the frame on; False if it could not be done."""


class Trigger(Protocol):
    """Chooses frames."""

    def chooses(self, frame: bytes) -> bool:
        """Whether this one is to be struck; called once for each frame that passes."""

    def struck(self) -> None:
        """A frame was struck."""


class FrameStage(DelayLine):
    """Passes on whole frames, those of one read together, and hands the chosen ones to an action.

    A stream that is not AMQP passes unchanged.
    """

    def __init__(self, trigger: Trigger, action: Action, stream: "Stream") -> None:
        super().__init__(stream)
        self._trigger = trigger
        self._action = action
        self._boundary = stream.boundary.copy()
        self._joining = bool(self._boundary.skip or self._boundary.head)
        self._partial = b""
        self._kept = b""
        self._out: list[bytes] = []
        self._cut = False

    def feed(self, data: bytes) -> None:
        """Take the frames apart."""
        start = 0
        for end in self._boundary.advance(data):
            frame, self._partial = self._partial + data[start:end], b""
            start = end
            if self._joining:  # the rest of a frame that has partly gone by
                self._joining = False
                self.pass_on(frame)
            else:
                self._whole(frame)
        self._partial += data[start:]
        if self._joining or self._boundary.lost:
            self._release_parts()
        self._flush()

    def end(self, ending: "Ending") -> None:
        """What waits for more passes before the ending."""
        self._release_parts()
        self._flush()
        super().end(ending)

    def heal(self) -> None:
        """Pass on what is held."""
        self._release_parts()
        self._flush()
        super().heal()

    def pass_on(self, data: bytes) -> None:
        """Let these octets pass in their turn."""
        self._out.append(data)

    def keep(self, frame: bytes) -> None:
        """Hold this frame until the next one has passed."""
        self._kept = frame

    def hold(self, frame: bytes, seconds: float) -> None:
        """Hold this frame, and with it all that follows, for a time."""
        self._flush()
        self.put(frame, self.stream.loop.time() + seconds)

    def cut(self) -> None:
        """Cut the link after what has passed so far."""
        self._flush()
        self._cut = True
        super().heal()
        self.stream.link.cut()

    def _whole(self, frame: bytes) -> None:
        chosen = not self._cut and self._trigger.chooses(frame)
        if self._kept:
            self.pass_on(frame)
            self.pass_on(self._kept)
            self._kept = b""
        elif not chosen:
            self.pass_on(frame)
        elif self._action.strike(frame, self):
            self._trigger.struck()
        else:
            self.pass_on(frame)

    def _release_parts(self) -> None:
        self.pass_on(self._kept + self._partial)
        self._kept = self._partial = b""

    def _flush(self) -> None:
        data = b"".join(self._out)
        self._out.clear()
        if data:
            self.put(data, 0.0)
