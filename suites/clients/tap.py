"""Write down what passes a proxy, so that clients that keep no transcript have one too."""

from typing import TYPE_CHECKING

from faults.proxy import Toxic
from faults.proxy.stage import Stage
from reference_broker.wire.framing import PREFIX
from reference_broker.wire.spec import FRAME_OVERHEAD, PROTOCOL_HEADER
from suites.clients.transcript import CAME, SENT, Transcript, describe_octets

if TYPE_CHECKING:
    from faults.proxy.ending import Ending
    from faults.proxy.stream import Stream

_GREETING = PROTOCOL_HEADER[:4]


class Tap(Toxic):
    """Harms nothing: notes the frames that client and broker sent, before any other fault.

    Enter it before the faults, `proxy.fault(Tap(transcript, "C"), only=1)`: what they hold or lose
    is then noted at the moment when it was sent.
    """

    def __init__(self, transcript: Transcript, label: str) -> None:
        self.transcript = transcript
        self.label = label

    def stage(self, stream: "Stream") -> Stage:
        """Listen in one direction of one connection."""
        return _Listening(self, stream)


class _Listening(Stage):
    def __init__(self, tap: Tap, stream: "Stream") -> None:
        super().__init__(stream)
        self._tap = tap
        self._arrow = SENT if stream.way == "up" else CAME
        self._rest = b""

    def feed(self, data: bytes) -> None:
        whole = self._rest + data
        end = _whole_frames(whole)
        self._rest = whole[end:]
        for text in describe_octets(whole[:end]):
            self._tap.transcript.note(self._tap.label, self._arrow, text)
        self.next.feed(data)

    def end(self, ending: "Ending") -> None:
        self._tap.transcript.note(self._tap.label, self._arrow, f"({ending.name})")
        self.next.end(ending)


def _whole_frames(data: bytes) -> int:
    """How many of the octets are whole frames, or a whole protocol header."""
    position = 0
    while len(data) - position >= FRAME_OVERHEAD:
        if data.startswith(_GREETING, position):
            size = len(PROTOCOL_HEADER)
        else:
            size = FRAME_OVERHEAD + PREFIX.unpack_from(data, position)[2]
        if position + size > len(data):
            break
        position += size
    return position
