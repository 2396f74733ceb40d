"""The sans-IO connection: octets in, calls out.

`Connection.receive` is fed what a socket read, walks the frames in it and calls the session for
each method and each whole content; the session answers by writing. Nothing here reads a clock or
touches a socket. Protocol violations are raised as SoftError and HardError by whoever finds them,
here or in the session, and all end in one place, `_fail`.
"""

from collections.abc import Callable

from reference_broker.semantics import RABBITMQ, Semantics
from reference_broker.wire import fast
from reference_broker.wire.errors import AmqpError, AnnouncedError, HardError, SoftError, WireError
from reference_broker.wire.framing import PREFIX
from reference_broker.wire.methods import Method, UnknownMethodError, decode_method
from reference_broker.wire.spec import (
    CONTENT_METHODS,
    FRAME_BODY,
    FRAME_END,
    FRAME_HEADER,
    FRAME_HEARTBEAT,
    FRAME_METHOD,
    FRAME_MIN_SIZE,
    FRAME_OVERHEAD,
    METHODS,
    PROTOCOL_HEADER,
)

from .content import Assembly
from .ports import ChannelSink, HeldError, SessionSink
from .states import SERVER_ONLY, STEPS, UNTRUSTED, Phase
from .strictness import check_strings

_CLOSE_OK = PREFIX.pack(FRAME_METHOD, 0, 4) + b"\x00\x0a\x00\x33" + bytes((FRAME_END,))
_SHORTEST_METHOD = PREFIX.size + 5  # octets of its frame, without arguments
_PUBLISH = b"\x00\x3c\x00\x28"  # class and method id of basic.publish
# Looked up once: Python 3.11 takes 50 ns to find a member of an enum.
_HEADER, _OPEN, _CLOSING, _CLOSED = Phase.HEADER, Phase.OPEN, Phase.CLOSING, Phase.CLOSED
_ACCEPTED_HEADERS = frozenset(
    {PROTOCOL_HEADER, b"AMQP\x01\x01\x08\x00", b"AMQP\x01\x01\x09\x01", b"AMQP\x01\x01\x00\x09"}
)  # RabbitMQ 3.x still greets clients of 0-8 and 0-9


def decode(payload: bytes) -> Method:
    """A method frame's payload, decoded. Raises HardError: 540 unknown method, 501 malformed."""
    try:
        return decode_method(payload)
    except UnknownMethodError as cause:
        raise HardError(540, str(cause), (0, 0)) from cause
    except WireError as cause:
        ids = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
        text = f"cannot decode {_octets(payload[4:])}: {cause}"
        raise HardError(501, text, ids if len(payload) >= 4 else (0, 0)) from cause  # noqa: PLR2004


def _octets(payload: bytes) -> str:
    return "<<" + ",".join(map(str, payload[:32])) + ">>"


STRANGERS_HEARTBEATS = 100
"""That many may come before connection.open is answered, for which one or two are plenty.

Any other frame advances the handshake or ends the connection: this bounds a stranger's frames."""


class Channel:
    """The protocol's side of one channel."""

    __slots__ = ("assembly", "closing", "number", "sink")

    def __init__(self, number: int, sink: ChannelSink) -> None:
        self.number = number
        self.sink = sink
        self.closing = False  # the broker has sent Channel.Close
        self.assembly: Assembly | None = None


class Connection:
    """One client's connection, as far as the protocol goes."""

    def __init__(
        self, session: SessionSink, max_message_size: int, semantics: Semantics = RABBITMQ
    ) -> None:
        self.phase = Phase.HEADER
        self.channels: dict[int, Channel] = {}
        self._session = session
        self._semantics = semantics
        self._max_message_size = max_message_size
        self._limit = FRAME_MIN_SIZE
        self._content_limit = min(FRAME_MIN_SIZE, max_message_size)  # above it: frame by frame
        self._buffer = b""
        self._position = 0
        self._framing_lost = False
        self._outline = b""  # the last publish up to its property flags
        self._pattern: fast.Pattern | None = None  # once two publishes had the same outline
        self._pattern_sink: ChannelSink
        self._current = 0  # the channel whose frame is being handled
        self._held: Callable[[], None] | None = None  # what waits for `resume`
        self._heartbeats_left = STRANGERS_HEARTBEATS

    def tuned(self, frame_max: int) -> None:
        """The negotiated frame-max holds from now on; 0 means no limit."""
        self._limit = frame_max or 2**32
        # RabbitMQ counts the payload alone, so eight octets more than agreed pass.
        if frame_max and self._semantics.whole_frames_count:
            self._limit -= FRAME_OVERHEAD
        self._content_limit = min(self._limit, self._max_message_size)

    @property
    def unread(self) -> bytes:
        """What has come and was not taken yet: it begins where a frame begins."""
        return self._buffer

    def begin_close(self) -> None:
        """The broker sends Close: from now on only the answer to it counts."""
        self.phase = Phase.CLOSING
        self.channels = {}
        self._held = None
        self._forget()

    def fail_channel(self, number: int, error: SoftError) -> None:
        """Close a channel for a reason of the broker's own, between two reads."""
        channel = self.channels.get(number)
        if self.phase is Phase.OPEN and channel is not None and not channel.closing:
            self._close_channel(channel, error)

    def _close_channel(self, channel: Channel, error: SoftError) -> None:
        self._forget()
        channel.closing, channel.assembly = True, None
        self._session.channel_failed(channel.number, error)

    def receive(self, data: bytes | memoryview) -> None:
        """Take what the socket read, which is copied once."""
        buffer = self._buffer + data if self._buffer else bytes(data)
        if self._held is not None:
            self._buffer = buffer
            return
        self._buffer = b""
        self._position = 0
        self._advance(buffer, None)

    def resume(self) -> None:
        """Take the content that was held back, and then what came after it."""
        held, self._held = self._held, None
        buffer, self._buffer = self._buffer, b""
        self._position = 0
        self._advance(buffer, held)

    def _advance(self, buffer: bytes, held: Callable[[], None] | None) -> None:
        """Do what was held back, and handle each whole frame from `_position` on."""
        while self.phase is not _CLOSED:
            if self._framing_lost:
                self._seek_close_ok(buffer)
                break
            try:
                if self.phase is _HEADER and not self._header(buffer):
                    break
                if held is not None:
                    retry, held = held, None
                    retry()
                self._walk(buffer)
            except HeldError as error:
                self._held = error.retry
                self._forget()
                break
            except AmqpError as error:
                self._fail(error)
            else:
                break
        else:
            buffer = b""  # nobody will read it, however much still comes
        self._buffer = buffer[self._position :]

    def _header(self, buffer: bytes) -> bool:
        """Judge the protocol header (4.2.2); whether it is good, and there."""
        start = buffer[: len(PROTOCOL_HEADER)]
        if not any(header.startswith(start) for header in _ACCEPTED_HEADERS):
            self.phase = Phase.CLOSED
            self._session.refuse(PROTOCOL_HEADER, f"no protocol header of AMQP 0-9-1: {start!r}")
            return False
        if len(start) < len(PROTOCOL_HEADER):
            return False
        self._position = len(PROTOCOL_HEADER)
        self.phase = Phase.START
        self._session.greet()
        return True

    def _walk(  # noqa: C901  the hot loop
        self, buffer: bytes
    ) -> None:
        """Handle each whole frame from `_position` on."""
        size = len(buffer)
        position = self._position
        while size - position >= _SHORTEST_METHOD:
            if self._pattern is not None:
                position = self._position = self._follow(self._pattern, buffer, position)
                if size - position < _SHORTEST_METHOD:
                    break
            kind, number, length, ids = fast.METHOD_PREFIX.unpack_from(buffer, position)
            end = self._end(buffer, position, kind, length)
            if not end:
                return
            channel = self.channels.get(number)
            if kind == FRAME_METHOD and channel is not None and channel.assembly is None:
                if ids == fast.BASIC_PUBLISH and not channel.closing and length > 8:  # noqa: PLR2004
                    stop = self._publish(channel, buffer, position, end)
                    if stop:
                        position = stop
                        continue
                elif ids == fast.BASIC_ACK and not channel.closing and length == 13:  # noqa: PLR2004
                    position = self._acks(channel, buffer, position)
                    continue
            self._handle(buffer, position, end)
            position = end + 1
            if self.phase is _CLOSED:
                return
        if size - position >= PREFIX.size:
            kind, _number, length = PREFIX.unpack_from(buffer, position)
            end = self._end(buffer, position, kind, length)
            if end:
                self._handle(buffer, position, end)

    def _end(self, buffer: bytes, position: int, kind: int, length: int) -> int:
        """Where the frame-end of the frame at `position` is; 0 if it has not come. HardError."""
        if length > self._limit:
            self._too_large(kind, length)
        end = position + PREFIX.size + length
        if end >= len(buffer):
            return 0
        if buffer[end] != FRAME_END:
            self._bad_end(kind, buffer[position + PREFIX.size : end], buffer[end])
        return end

    def _handle(self, buffer: bytes, position: int, end: int) -> None:
        """Handle a frame with all that it may be."""
        kind, number, _length = PREFIX.unpack_from(buffer, position)
        self._position = end + 1
        self._forget()
        channel = self.channels.get(number)
        if kind == FRAME_BODY and channel is not None and channel.assembly is not None:
            self._current = number
            channel.assembly.add_body(buffer[position : end + 1])
            self._deliver(channel, channel.assembly)
        else:
            self._frame(kind, number, buffer[position + PREFIX.size : end])

    def _acks(self, channel: Channel, buffer: bytes, position: int) -> int:
        """Take the basic.ack at `position`, and those that follow it; where they end."""
        self._current = channel.number
        ack, size = channel.sink.ack, fast.ACK.size
        start = fast.ack_start(channel.number)
        rest = memoryview(buffer)[position : len(buffer) - (len(buffer) - position) % size]
        for its_start, tag, bits, frame_end in fast.ACK.iter_unpack(rest):
            if its_start != start or frame_end != FRAME_END:
                break
            self._position = position = position + size
            ack(tag, bits & 1 == 1)
        return position

    def _publish(self, channel: Channel, buffer: bytes, position: int, end: int) -> int:
        """Take a basic.publish, whose frame-end is at `end`, with its content; where that ends.

        0 when the content is not all there.
        """
        start = end + 1
        stop, header_end, body = fast.whole_content(
            buffer, start, channel.number, self._content_limit
        )
        if not stop:
            return 0
        self._current, self._position = channel.number, stop
        method = buffer[position + 7 : end]
        properties = buffer[start + fast.HEADER_FIXED : header_end]
        channel.sink.publish(method, properties, buffer[start:stop], body)
        self._pattern = None  # it told of another publish than the last
        outline = buffer[position : start + fast.HEADER_FIXED + 2]
        if outline == self._outline:
            head = buffer[position : stop - 1 - body]
            self._pattern = fast.Pattern(head, start - position, header_end - position, body)
            self._pattern_sink = channel.sink
        self._outline = outline
        return stop

    def _follow(self, pattern: fast.Pattern, buffer: bytes, position: int) -> int:
        """Take the publishes from `position` on that follow the pattern; where they end."""
        before, after, after_at = pattern.before, pattern.after, pattern.after_at
        size, method_size = pattern.size, pattern.method_size
        sink = self._pattern_sink
        last = len(buffer) - size
        while position <= last and buffer[position + size - 1] == FRAME_END:
            if buffer.startswith(before, position) and (
                not after or buffer.startswith(after, position + after_at)
            ):
                self._position = stop = position + size
                sink.publish_again(buffer[position + method_size : stop])
            elif pattern.outlines(buffer, position):
                self._position = stop = position + size
                sink.publish_alike(
                    buffer[position + pattern.properties : position + pattern.header_end],
                    buffer[position + method_size : stop],
                )
            else:
                break
            position = stop
        return position

    # Everything below is off the hot path: one call a frame.

    def _frame(self, kind: int, number: int, payload: bytes) -> None:
        self._current = number
        if kind == FRAME_HEARTBEAT:
            self._heartbeat(number, payload)
        elif kind not in {FRAME_METHOD, FRAME_HEADER, FRAME_BODY}:
            raise HardError(501, f"type {kind}, all octets = {_octets(payload)}: unknown_frame")
        elif self.phase is _CLOSING and number:
            return  # the broker has sent Connection.Close: only channel 0 matters now
        elif number == 0:
            self._on_zero(kind, payload)
        elif self.phase is not _OPEN:
            what = f"type {kind}, all octets = {_octets(payload)}"
            bare = self.phase is not Phase.OPENING or self._semantics.bare_until_open
            raise (HardError if bare else AnnouncedError)(505, what, (0, 0))
        else:
            self._on_channel(kind, number, payload)

    def _heartbeat(self, number: int, payload: bytes) -> None:
        if payload:
            raise HardError(501, f"type 8, all octets = {_octets(payload)}: unknown_frame")
        if number:
            raise HardError(505, f"type 8, all octets = {_octets(payload)}")
        if self.phase in UNTRUSTED:
            self._heartbeats_left -= 1
            if self._heartbeats_left < 0:
                raise HardError(501, f"more than {STRANGERS_HEARTBEATS} heartbeats before the open")

    def _on_zero(self, kind: int, payload: bytes) -> None:
        if kind != FRAME_METHOD:
            if self.phase is _CLOSING:
                return
            raise HardError(505, f"type {kind}, all octets = {_octets(payload)}")
        method = self._decode(payload)
        following = STEPS[self.phase].get(method.name)
        if following is None:
            self._unexpected(method)
            return
        try:
            self._session.method(method.name, method.arguments)
        except AmqpError as error:
            error.blame(method.spec.ids)
            raise
        self.phase = following
        if following is _CLOSED:
            self._session.closed()

    def _unexpected(self, method: Method) -> None:
        if self.phase is _CLOSING:
            return
        ids = method.spec.ids
        if self.phase in UNTRUSTED:
            raise HardError(504, f"unexpected method in connection state {self.phase.name}", ids)
        if method.name.startswith("connection."):
            raise HardError(504, "unexpected method in connection state running", ids)
        raise HardError(504, f"method {method.name!r} on channel 0", ids)

    def _on_channel(self, kind: int, number: int, payload: bytes) -> None:
        channel = self.channels.get(number)
        if channel is None:
            self._on_absent(kind, number, payload)
        elif channel.closing:
            self._on_closing(kind, channel, payload)
        elif channel.assembly is not None:
            self._on_content(kind, channel, payload)
        elif kind == FRAME_METHOD:
            self._on_method(channel, payload)
        else:
            name = "header" if kind == FRAME_HEADER else "body"
            raise HardError(505, f"expected method frame, got non method {name} frame instead")

    def _on_absent(self, kind: int, number: int, payload: bytes) -> None:
        if kind != FRAME_METHOD:
            raise HardError(504, "expected 'channel.open'")
        method = decode(payload)
        if method.name != "channel.open":
            raise HardError(504, "expected 'channel.open'", method.spec.ids)
        self.channels[number] = Channel(number, self._session.open_channel(number))

    def _on_closing(self, kind: int, channel: Channel, payload: bytes) -> None:
        """After the broker's Channel.Close all is dropped but Close and Close-Ok (1.5.2.5)."""
        if kind != FRAME_METHOD:
            return
        name = decode(payload).name
        if name == "channel.close-ok":
            del self.channels[channel.number]
            self._session.channel_gone(channel.number, answer=False)
        elif name == "channel.close":
            self._session.channel_gone(channel.number, answer=True)

    def _on_content(self, kind: int, channel: Channel, payload: bytes) -> None:
        assembly = channel.assembly
        assert assembly is not None  # noqa: S101  the caller looked
        assembly.add(kind, payload)
        self._deliver(channel, assembly)

    def _deliver(self, channel: Channel, assembly: Assembly) -> None:
        """Give a content to the session, once all of it has come."""
        if not assembly.complete:
            return
        channel.assembly = None
        if not assembly.method.startswith(_PUBLISH):
            name = decode(assembly.method).name
            if name != "basic.deliver":  # which RabbitMQ silently ignores
                raise HardError(503, "unimplemented method", METHODS[name].ids)
            return
        if assembly.body_size > self._max_message_size:
            raise SoftError(
                406,
                f"message size {assembly.body_size} is larger than configured max size "
                f"{self._max_message_size}",
                METHODS["basic.publish"].ids,
            )
        channel.sink.publish(
            assembly.method, assembly.properties, assembly.frames, assembly.body_size
        )

    def _on_method(self, channel: Channel, payload: bytes) -> None:
        method = self._decode(payload)
        spec = method.spec
        if spec.name in CONTENT_METHODS:
            channel.assembly = Assembly(channel.number, payload)
        elif spec.name == "channel.close":
            del self.channels[channel.number]
            self._session.channel_gone(channel.number, answer=True)
        elif spec.name == "channel.open":
            raise HardError(504, "second 'channel.open' seen", spec.ids)
        elif spec.name in SERVER_ONLY:
            raise HardError(503, "unimplemented method", spec.ids)
        elif spec.name.startswith("connection."):
            raise HardError(503, f"unexpected method {method.name!r} on a channel", spec.ids)
        else:
            self._call(channel, method)

    def _decode(self, payload: bytes) -> Method:
        method = decode(payload)
        if self._semantics is not RABBITMQ:
            check_strings(method, self._semantics)
        return method

    @staticmethod
    def _call(channel: Channel, method: Method) -> None:
        try:
            channel.sink.method(method.name, method.arguments)
        except AmqpError as error:
            error.blame(method.spec.ids)
            raise

    def _forget(self) -> None:
        """No publish to come is known by what it is like."""
        self._outline, self._pattern = b"", None

    def _fail(self, error: AmqpError) -> None:
        self._forget()
        channel = self.channels.get(self._current)
        if self.phase in UNTRUSTED and not isinstance(error, AnnouncedError):
            self.phase = Phase.CLOSED
            self._session.refuse(b"", error.reply_text)
        elif self.phase is _CLOSING:
            self._framing_lost = True
        elif isinstance(error, SoftError) and channel is not None:
            self._close_channel(channel, error)
        else:
            self.begin_close()
            self._session.failed(error)

    def _seek_close_ok(self, buffer: bytes) -> None:
        """Framing is lost and the broker has said so: only the Close-Ok still counts."""
        self._position = max(0, len(buffer) - len(_CLOSE_OK) + 1)
        if buffer.endswith(_CLOSE_OK):
            self.phase = Phase.CLOSED
            self._session.closed()

    def _too_large(self, kind: int, length: int) -> None:
        self._current = 0
        limit = self._limit - FRAME_OVERHEAD
        what = f"type {kind}, all octets = <<>>: {{frame_too_large,{length},{limit}}}"
        self._framing_lost = True
        raise HardError(501, what)

    def _bad_end(self, kind: int, payload: bytes, end: int) -> None:
        self._current = 0
        self._framing_lost = True
        what = f"type {kind}, all octets = {_octets(payload)}: invalid frame-end {end:#04x}"
        raise HardError(501, what)
