"""Where in a stream the AMQP frames begin, so that a fault may join at any moment."""

from dataclasses import dataclass, replace

from reference_broker.wire.framing import PREFIX
from reference_broker.wire.spec import FRAME_OVERHEAD, PROTOCOL_HEADER

_PREFIX_SIZE = PREFIX.size
_GREETING = PROTOCOL_HEADER[:4]
_GREETING_TYPE = _GREETING[0]


@dataclass(slots=True)
class Boundary:
    """The position in one direction of a connection.

    `skip` octets of the current frame are yet to come; `head` is the beginning of a frame whose
    size is not known yet. A stream that does not look like AMQP is `lost` for good.
    """

    skip: int = 0
    head: bytes = b""
    lost: bool = False

    def copy(self) -> "Boundary":
        """The same position, to be moved on separately."""
        return replace(self)

    def advance(self, data: bytes) -> list[int]:
        """Move over `data`; returns the offsets in it at which a frame ends."""
        ends: list[int] = []
        if self.lost:
            return ends
        if self.skip > len(data):
            self.skip -= len(data)
            return ends
        position = self.skip
        if position:
            ends.append(position)
        position -= len(self.head)  # where the frame began, which may be before `data`
        whole = self.head + data if self.head else data
        offset = len(self.head)
        total = len(data)
        while total - position >= _PREFIX_SIZE:
            size = self._size(whole, position + offset)
            if size is None:
                return ends
            position += size
            if position > total:
                break
            ends.append(position)
        self.skip = max(position - total, 0)
        self.head = b"" if self.skip else whole[position + offset :]
        return ends

    def _size(self, data: bytes, at: int) -> int | None:
        if data[at] == _GREETING_TYPE and data[at : at + 4] == _GREETING:
            return len(PROTOCOL_HEADER)
        kind, _channel, size = PREFIX.unpack_from(data, at)
        if kind not in (1, 2, 3, 8):
            self.lost, self.skip, self.head = True, 0, b""
            return None
        return int(size) + FRAME_OVERHEAD
