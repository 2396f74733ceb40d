"""Programs of one AMQP connection, made as they run: each step is octets, right or wrong.

A program looks at what the broker answers, so that it can go on after a Close; the octets that it
wrote are kept, and repeat it without that look.
"""

from random import Random
from struct import pack

from reference_broker.wire.framing import (
    HEARTBEAT,
    PREFIX,
    body_frames,
    content_frames,
    encode_frame,
    method_frame,
)
from reference_broker.wire.methods import encode_header, encode_method, encode_properties
from reference_broker.wire.spec import (
    CONTENT_METHODS,
    FRAME_BODY,
    FRAME_HEADER,
    FRAME_METHOD,
    METHODS,
    PROTOCOL_HEADER,
)
from suites.clients.handshake import client_properties
from suites.fuzz.values import EXCHANGES, KEYS, QUEUES, Odd

VHOST = "/"  # as in recorded sessions
CHANNELS = (1, 2, 3)
_PLAIN = b"\0guest\0guest"
_CLIENT = tuple(
    name
    for name, spec in METHODS.items()
    if spec.ids[0] > 10 and name not in CONTENT_METHODS and not name.endswith("-ok")
    and name not in {"channel.open", "channel.close", "basic.get-empty", "channel.flow"}
)  # fmt: skip
_ALL = tuple(METHODS)
_COMMON = (
    "queue.declare", "queue.declare", "queue.bind", "basic.consume", "basic.get", "basic.ack",
    "basic.ack", "basic.nack", "basic.reject", "exchange.declare", "basic.qos",
)  # fmt: skip
_WEIGHTS = (30, 30, 37, 1, 2)  # of contents, what moves messages, all methods, closing, heartbeats
_HEADERS = (
    b"AMQP\x00\x01\x00\x00",
    b"AMQP\x03\x01\x00\x00",
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x16\x03",
)


def opening(vhost: str = VHOST, frame_max: int = 131072) -> list[bytes]:
    """What opens a connection, in its steps."""
    return [
        PROTOCOL_HEADER,
        method_frame(
            0,
            "connection.start-ok",
            client_properties=client_properties(),
            mechanism="PLAIN",
            response=_PLAIN,
            locale="en_US",
        ),
        method_frame(0, "connection.tune-ok", channel_max=2047, frame_max=frame_max, heartbeat=0),
        method_frame(0, "connection.open", virtual_host=vhost),
    ]


class Program:
    """One connection's octets, step by step, from a seed."""

    def __init__(self, seed: str) -> None:
        self._rng = rng = Random(seed)  # noqa: S311  what a seed repeats
        self._odd = Odd(rng, rng.choice((0.0, 0.01, 0.04, 0.3)))
        self._wrong = rng.choice((0.0, 0.01, 0.05, 0.3))  # how often a frame is malformed
        self._early = rng.random() < 0.15
        self._left = rng.choice((3, 12, 40, 100))
        self._openings = opening(frame_max=rng.choice((131072, 4096)))
        self._open: set[int] = set()
        self._closed: list[int] = []  # by the broker, since the last step
        self._acts = (
            self._publish,
            lambda number: self._method(number, rng.choice(_COMMON)),
            lambda number: self._method(number, rng.choice(_CLIENT)),
            self._close,
            lambda _number: self._one(HEARTBEAT),
        )
        self.frames = 0

    def told(self, closed: list[int]) -> None:
        """The broker has closed these channels."""
        self._closed += closed
        self._open.difference_update(closed)

    def step(self) -> bytes:
        """The next octets; none when the program is over."""
        if self._left <= 0:
            return b""
        rng = self._rng
        self._left -= 1
        if self._openings:
            return self._introduce()
        closed, self._closed = self._closed, []
        parts = [self._one(method_frame(number, "channel.close-ok")) for number in closed]
        parts += [self._act() for _ in range(rng.choice((1, 1, 1, 2, 5)))]
        return b"".join(parts)

    def _introduce(self) -> bytes:
        """The next step of the handshake, or something else in its place."""
        rng = self._rng
        right = self._one(self._openings.pop(0))
        if not self._early or rng.random() < 0.5:
            return right
        if len(self._openings) == 3 and rng.random() < 0.3:
            return rng.choice((*_HEADERS, rng.randbytes(rng.randrange(1, 12))))
        return rng.choice((self._scrambled(right), self._any_method(0), self._malformed(), right))

    def _act(self) -> bytes:
        rng = self._rng
        if rng.random() < self._wrong:
            return self._malformed()
        number = rng.choice(CHANNELS)
        if number not in self._open:
            self._open.add(number)
            return self._one(method_frame(number, "channel.open"))
        return rng.choices(self._acts, _WEIGHTS)[0](number)

    def _close(self, number: int) -> bytes:
        self._open.discard(number)
        return self._one(method_frame(number, "channel.close", reply_code=200))

    def _one(self, frame: bytes) -> bytes:
        self.frames += 1
        return frame

    def _method(self, number: int, name: str) -> bytes:
        return self._one(method_frame(number, name, **self._odd.arguments(METHODS[name])))

    def _publish(self, number: int) -> bytes:
        rng = self._rng
        size = rng.choice((0, 1, 10, 100, 100, 5000))
        exchange, key = rng.choice(EXCHANGES), rng.choice(KEYS)
        if rng.random() < 0.5:
            exchange, key = "", rng.choice(QUEUES)
        method = method_frame(
            number,
            "basic.publish",
            exchange=exchange,
            routing_key=key,
            mandatory=rng.random() < 0.2,
        )
        content = content_frames(number, bytes(size), self._odd.properties(), 4096)
        count = rng.choice((1, 1, 1, 4))  # a run of equal ones takes a way of its own
        self.frames += count * (2 + (size > 0) + size // 4088)
        return (method + content) * count

    def _any_method(self, number: int) -> bytes:
        return self._method(number, self._rng.choice(_ALL))

    # what is wrong

    def _malformed(self) -> bytes:
        rng = self._rng
        number = rng.choice((0, 1, 1, 2, 3, 4, 2047, 2048, 65535))
        makers = (
            lambda: self._any_method(number),
            lambda: self._scrambled(self._method(rng.choice(CHANNELS), rng.choice(_CLIENT))),
            lambda: self._bad_content(rng.choice(CHANNELS)),
            lambda: self._one(encode_frame(rng.randrange(256), number, rng.randbytes(9))),
            lambda: self._one(
                PREFIX.pack(1, number, rng.choice((0, 4, 2**16, 2**31, 2**32 - 1)))
                + b"\0\0\0\0\xce"
            ),
            lambda: self._one(encode_frame(1, number, rng.randbytes(rng.randrange(20)))),
            lambda: self._one(self._bad_table(rng.choice(CHANNELS))),
            lambda: self._one(encode_frame(8, number, rng.randbytes(rng.randrange(2)))),
            lambda: rng.randbytes(rng.randrange(1, 30)),
        )
        return rng.choice(makers)()

    def _scrambled(self, frame: bytes) -> bytes:
        """The frame with some octets changed, or cut short, or longer."""
        rng = self._rng
        octets = bytearray(frame)
        form = rng.randrange(4)
        if form == 0 and octets:
            octets[rng.randrange(len(octets))] = rng.randrange(256)
        elif form == 1:
            payload = bytes(octets[7:-1]) + rng.randbytes(rng.randrange(1, 5))
            return encode_frame(FRAME_METHOD, int.from_bytes(octets[1:3], "big"), payload)
        elif form == 2:
            payload = bytes(octets[7:-1])[: rng.randrange(max(1, len(octets) - 8))]
            return encode_frame(FRAME_METHOD, int.from_bytes(octets[1:3], "big"), payload)
        elif octets:
            octets[-1] = rng.randrange(256)
        return bytes(octets)

    def _bad_content(self, number: int) -> bytes:
        """Content frames that do not follow each other as they should."""
        rng = self._rng
        method = method_frame(number, rng.choice(tuple(CONTENT_METHODS)))
        header = pack(
            ">HHQ",
            rng.choice((60, 60, 60, 50, 0)),
            rng.choice((0, 0, 0, 1)),
            rng.choice((0, 1, 10, 11, 2**40, 2**64 - 1)),
        ) + rng.choice((b"\0\0", b"\xff\xff", b"\0\1\0\0", encode_properties({"headers": {}}), b""))
        bodies = body_frames(number, bytes(rng.randrange(12)), 16)
        right = encode_frame(FRAME_HEADER, number, encode_header(3, {}))
        parts = [
            method,
            encode_frame(FRAME_HEADER, number, header),
            bodies,
            encode_frame(FRAME_BODY, rng.choice(CHANNELS), b""),
            right,
            HEARTBEAT,
            method_frame(number, "basic.qos"),
        ]
        chosen = rng.choices(parts, k=rng.randrange(1, 5)) if rng.random() < 0.5 else parts[:3]
        self.frames += len(chosen)
        return b"".join(chosen)

    def _bad_table(self, number: int) -> bytes:
        name = self._rng.choice(
            ("queue.declare", "exchange.declare", "basic.consume", "queue.bind")
        )
        whole = encode_method(
            name,
            **{
                key: value
                for key, value in self._odd.arguments(METHODS[name]).items()
                if key != "arguments"
            },
        )
        return encode_frame(FRAME_METHOD, number, whole[:-4] + self._odd.broken_table())
