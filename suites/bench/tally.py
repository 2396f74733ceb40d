"""How much of what was awaited has come, told from octets without decoding each method."""

from collections.abc import Iterator

from reference_broker.wire.framing import PREFIX
from reference_broker.wire.methods import decode_header
from reference_broker.wire.spec import FRAME_BODY, FRAME_HEADER, FRAME_METHOD, FRAME_OVERHEAD
from suites.bench import frames
from suites.bench.errors import BenchError
from suites.bench.wire import DELIVER, described


class Confirms:
    """Which of the tags from 1 on are confirmed; a broker may confirm them in any order."""

    def __init__(self) -> None:
        self._floor = 0  # this tag and all below it are confirmed
        self._above: set[int] = set()
        self._pending = b""

    @property
    def count(self) -> int:
        """How many."""
        return self._floor + len(self._above)

    def feed(self, data: memoryview) -> None:
        """Take octets that hold nothing but basic.ack frames; else BenchError."""
        octets = self._pending + data
        whole = len(octets) - len(octets) % frames.ACK.size
        for *prefix, tag, multiple, _end in frames.ACK.iter_unpack(octets[:whole]):
            if tuple(prefix) != frames.ACK_PREFIX:
                raise BenchError(f"instead of a confirm came {described(octets)}")
            self._take(tag, bool(multiple))
        self._pending = octets[whole:]

    def _take(self, tag: int, multiple: bool) -> None:
        if not multiple:
            self._above.add(tag)
        elif tag > self._floor:
            self._floor = tag
            self._above = {above for above in self._above if above > tag}
        while self._floor + 1 in self._above:
            self._floor += 1
            self._above.remove(self._floor)


def delivery_size(octets: bytes) -> int:
    """The size of the delivery that stands first, or 0 if it is not all there."""
    left = -1  # octets of the body that are still to come; unknown before the header
    for kind, start, end in _whole_frames(octets):
        if kind == FRAME_METHOD and octets[start:end][frames.IDS] != DELIVER:
            raise BenchError(f"instead of a delivery came {described(octets[start:end])}")
        if kind == FRAME_HEADER:
            left = decode_header(octets[start + PREFIX.size : end - 1])[2]
        elif kind == FRAME_BODY:
            left -= end - start - FRAME_OVERHEAD
        if not left:
            return end
    return 0


def _whole_frames(octets: bytes) -> Iterator[tuple[int, int, int]]:
    """Each frame's type, start and end."""
    start = 0
    while start + PREFIX.size <= len(octets):
        kind, _channel, size = PREFIX.unpack_from(octets, start)
        end = start + size + FRAME_OVERHEAD
        if end > len(octets):
            return
        yield kind, start, end
        start = end
