"""Assembly of a content from its frames, one state machine a channel (specification 4.2.6).

    idle --basic.publish--> header awaited --header, size 0--> idle
                                   |--header, size n--> n octets of body awaited --all there--> idle

Whatever else arrives in between is a 505 on the connection. `wire.fast.whole_content` takes the
common case, where all frames are there at once, in one step, and leaves every other to this.
"""

from reference_broker.wire.errors import HardError, WireError
from reference_broker.wire.framing import encode_frame
from reference_broker.wire.methods import decode_header
from reference_broker.wire.spec import BASIC_CLASS, FRAME_BODY, FRAME_HEADER, FRAME_OVERHEAD


class Assembly:
    """One content on its way in.

    `method` is the payload of its basic.publish, `properties` the header's payload from the flags
    on, `frames` the octets of all its frames once `complete`.
    """

    def __init__(self, channel: int, method: bytes) -> None:
        self.method = method
        self.properties = b""
        self.body_size = 0
        self._channel = channel
        self._missing = -1  # octets of body still to come; -1 while the header is awaited
        self._frames: list[bytes] = []

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return self._missing == 0

    @property
    def frames(self) -> bytes:
        """The octets of header and body frames."""
        return b"".join(self._frames)

    def add(self, kind: int, payload: bytes) -> None:
        """Take the next frame. Raises HardError when it is not the one that has to follow."""
        frame = encode_frame(kind, self._channel, payload)
        if self._missing < 0:
            self._add_header(kind, payload)
            self._frames.append(frame)
        elif kind == FRAME_BODY:
            self.add_body(frame)
        else:
            raise self._unexpected("body", "non content body")

    def add_body(self, frame: bytes) -> None:
        """Take a whole body frame as it came, so that nothing is copied. Raises HardError."""
        if self._missing < 0:
            raise self._unexpected("header", f"non content {_KINDS[FRAME_HEADER]}")
        size = len(frame) - FRAME_OVERHEAD
        # RabbitMQ takes a body longer than its header announced; here it is cut to the letter
        # of 4.2.6.1 only in that nothing of it is delivered: the content is over.
        if size > self._missing:
            raise HardError(501, f"a body frame of {size} octets, {self._missing} missing")
        self._missing -= size
        self._frames.append(frame)

    def _add_header(self, kind: int, payload: bytes) -> None:
        if kind != FRAME_HEADER:
            raise self._unexpected("header", f"non content {_KINDS[FRAME_HEADER]}")
        try:
            class_id, weight, size = decode_header(payload)
        except WireError as cause:
            raise HardError(501, str(cause)) from cause
        if weight:
            raise self._unexpected("header", "non content header")
        if class_id != BASIC_CLASS:
            wrong = f"content header for class {BASIC_CLASS}, got one for class {class_id} instead"
            raise HardError(505, f"expected {wrong}", (60, 40))
        self.properties = payload[12:]
        self.body_size = self._missing = size

    @staticmethod
    def _unexpected(awaited: str, got: str) -> HardError:
        wanted = f"content {awaited}" + (f" for class {BASIC_CLASS}" if awaited == "header" else "")
        return HardError(505, f"expected {wanted}, got {got} frame instead", (60, 40))


_KINDS = {FRAME_HEADER: "header", FRAME_BODY: "body"}
