"""Whether what a broker answers is legal, whatever it was told: AMQP, and memcached's text."""

import re

from reference_broker.wire.errors import WireError
from reference_broker.wire.framing import FrameReader
from reference_broker.wire.spec import FRAME_HEARTBEAT, METHODS, PROTOCOL_HEADER, REPLY_CODES
from suites.clients.assembly import Assembler
from suites.clients.received import Received

LARGEST = 131072  # octets of a frame, as negotiated
_SERVERS = frozenset(
    {name for name in METHODS if name.endswith("-ok") and name.split(".")[0] != "connection"}
    - {"channel.flow-ok"}
    | {f"connection.{name}" for name in ("start", "tune", "open-ok", "close", "close-ok")}
    | {f"connection.{name}" for name in ("blocked", "unblocked", "update-secret-ok")}
    | {"channel.close", "channel.flow-ok", "basic.deliver", "basic.return", "basic.ack"}
    | {"basic.nack", "basic.cancel", "basic.get-empty", "basic.get-ok"}
)


class IllegalAnswerError(Exception):
    """The broker said what no broker may say."""


class Answers:
    """What a broker writes on one connection, judged as it comes."""

    def __init__(self) -> None:
        self.closing = False  # the broker has sent connection.close
        self.closed = False  # and nothing may follow any more
        self.channels: set[int] = set()
        self._reader = FrameReader()
        self._assembler = Assembler()
        self._begun = False
        self._start = b""

    def feed(self, data: bytes) -> list[Received]:
        """The methods that these octets complete. Raises IllegalAnswerError."""
        if not self._begun:
            data, self._start = self._start + data, b""
            if PROTOCOL_HEADER.startswith(data[:8]):  # the answer to a wrong header
                if len(data) < len(PROTOCOL_HEADER):
                    self._start = data
                    return []
                data, self.closed = data[8:], True
            self._begun = True
        try:
            return list(self._methods(data))
        except WireError as error:
            raise IllegalAnswerError(f"the broker answers garbage: {error}") from error

    def _methods(self, data: bytes) -> list[Received]:
        found = []
        for frame in self._reader.feed(data):
            if self.closed:
                raise IllegalAnswerError(f"a frame of type {frame.type} after the last word")
            if len(frame.payload) > LARGEST:
                raise IllegalAnswerError(f"a frame of {len(frame.payload)} octets")
            if frame.type == FRAME_HEARTBEAT:
                continue
            method = self._assembler.feed(frame)
            if method is not None:
                self._judge(method)
                found.append(method)
        return found

    def _judge(self, method: Received) -> None:
        name, number = method.name, method.channel
        if name not in _SERVERS:
            raise IllegalAnswerError(f"{name} is no server's to say")
        if self.closing and name != "connection.close-ok":
            raise IllegalAnswerError(f"{name} after connection.close")
        if name.startswith("connection.") is not (number == 0):
            raise IllegalAnswerError(f"{name} on channel {number}")
        if name in {"channel.close", "connection.close"}:
            self._judge_close(method)
        if name == "connection.close":
            self.closing = True
        elif name == "connection.close-ok":
            # Ours is answered also after the broker's own, which then still awaits its answer.
            self.closed = not self.closing
        elif name == "channel.open-ok":
            self.channels.add(number)
        elif number and number not in self.channels and name != "channel.close-ok":
            raise IllegalAnswerError(f"{name} on channel {number}, which is not open")
        elif name in {"channel.close", "channel.close-ok"}:
            self.channels.discard(number)

    @staticmethod
    def _judge_close(method: Received) -> None:
        ids = (method["class_id"], method["method_id"])
        known = {(0, 0)} | {spec.ids for spec in METHODS.values()}
        if method["reply_code"] not in REPLY_CODES:
            raise IllegalAnswerError(f"{method.name} with the code {method['reply_code']}")
        if ids not in known:
            raise IllegalAnswerError(f"{method.name} blames {ids[0]}.{ids[1]}, which is no method")


_LINE = re.compile(
    rb"(STORED|NOT_STORED|EXISTS|NOT_FOUND|DELETED|TOUCHED|END|OK|RESET|ERROR|\d+|"
    rb"(CLIENT|SERVER)_ERROR [^\r\n]+|VERSION [^\r\n]+|STAT [^ \n]+ [^\r\n]+|"
    rb"(?P<value>VALUE [^ \n]+ -?\d+ (?P<size>\d+)( \d+)?))\r\n"
)


def judge_text(replies: bytes) -> None:
    """Raise IllegalAnswerError unless these are whole replies of a memcached or memcacheq."""
    position = 0
    while position < len(replies):
        line = _LINE.match(replies, position)
        if line is None:
            shown = replies[position : position + 60]
            raise IllegalAnswerError(f"no reply of the text protocol: {shown!r}")
        if line[0].startswith(b"SERVER_ERROR internal"):
            raise IllegalAnswerError("SERVER_ERROR internal error")
        position = line.end()
        if line["value"]:
            position += int(line["size"]) + 2
            if replies[position - 2 : position] != b"\r\n":
                raise IllegalAnswerError(f"no end of the value of {line[0]!r}")
