"""Hostile sessions of the text protocol, for memcacheq and for memcached, without sockets."""

from collections.abc import Iterator
from random import Random

from reference_broker.broker.vhost import VHost
from reference_broker.memcacheq.frontend import Memcacheq
from reference_broker.memcacheq.kv_frontend import KeyValue
from reference_broker.memcacheq.settings import ITEM_SIZES, PROFILES, Settings
from reference_broker.memcacheq.text import LINE_MAX, TextSession
from suites.fuzz.answers import IllegalAnswerError, judge_text
from suites.fuzz.mutation import mutate
from suites.fuzz.world import BrokenError
from suites.memcacheq.recorded import exchanges
from suites.unit.memcacheq_stage import Front, Stage

FRONTS = (*(f"memcacheq-{profile}" for profile in PROFILES), "memcached")
_HELD_MAX = LINE_MAX + ITEM_SIZES["standard"] + 65536
_COMMANDS = (
    b"get", b"get", b"set", b"set", b"set", b"delete", b"version", b"verbosity", b"stats", b"quit",
    b"db_checkpoint", b"db_archive", b"gets", b"add", b"replace", b"append", b"prepend", b"cas",
    b"incr", b"decr", b"touch", b"flush_all", b"GET", b"\x80\x01", b"",
)  # fmt: skip
_WORDS = (
    b"q1", b"q2", b"q1/open", b"q1/close", b"q1/abort", b"q1/t=1", b"q1/peek", b"q1/close/open",
    b"0", b"1", b"3", b"10", b"-1", b"+1", b"007", b"2147483647", b"2147483648",
    b"4294967295", b"18446744073709551615", b"18446744073709551616", b"-9223372036854775808",
    b"9" * 60, b"noreply", b"queue", b"reset", b"", b"\0", b"k" * 250, b"k" * 251, b"a\rb",
    b"\xff\xfe", b"\xc3\xa9", b"../x", b"<script>", b"%s",
)  # fmt: skip
_ENDS = (b"\r\n",) * 8 + (b"\n", b"\r", b"\r\r\n", b"")
_CANARY = b"canary-7d1f4c"


def pieces(seed: str) -> Iterator[bytes]:
    """What a client writes, in its writes."""
    rng = Random(seed)  # noqa: S311  what a seed repeats
    data = _recorded(rng) if rng.random() < 0.3 else _drawn(rng)
    while data:
        size = rng.choice((1, 2, 7, 100, 5000, len(data)))
        yield data[:size]
        data = data[size:]


def _recorded(rng: Random) -> bytes:
    rows = rng.choice(exchanges()).rows
    return mutate(rng, b"".join(row.send for row in rows if len(row.send) < LINE_MAX))


def _drawn(rng: Random) -> bytes:
    return b"".join(_command(rng) for _ in range(rng.choice((1, 5, 30))))


def _command(rng: Random) -> bytes:
    if rng.random() < 0.5:
        return _right(rng)
    words = [rng.choice(_COMMANDS), *rng.choices(_WORDS, k=rng.randrange(6))]
    value = rng.randbytes(rng.randrange(12)) + b"\r\n" if rng.random() < 0.3 else b""
    return b" ".join(words) + rng.choice(_ENDS) + value


def _right(rng: Random) -> bytes:
    name = rng.choice((b"q1", b"q2", b"q3"))
    if rng.random() < 0.5:
        return (
            rng.choice((b"get %b\r\n", b"delete %b\r\n", b"get %b q9\r\n", b"get %b/open\r\n"))
            % name
        )
    size = rng.choice((0, 1, 10, 1000, 5000))
    value = bytes(size)
    return b"set %b %d 0 %d\r\n%b\r\n" % (name, rng.randrange(9), size, value)


class TextWorld:
    """One front end, a client that hurts it, and a canary."""

    def __init__(self, kind: str) -> None:
        self._stage = Stage()
        self._front = _front(kind, self._stage)
        self._canary = self._stage.connect(self._front)
        self._out = b""

    def run(self, writes: list[bytes]) -> None:
        """Let a client write all this, and shut its side. Raises BrokenError."""
        session = self._stage.connect(self._front)
        try:
            for data in writes:
                self._feed(session, data)
            session.finished()
            self._stage.settle()
            self._stage.run_timers()
        except Exception as error:
            raise BrokenError(f"{type(error).__name__}: {error}") from error
        replies = self._stage.reply(session)
        if not self._stage.closed(session):
            raise BrokenError("the client has said all, and is not let go")
        session.end()
        try:
            judge_text(replies)
        except IllegalAnswerError as error:
            raise BrokenError(str(error)) from error
        self._sing()

    def _feed(self, session: TextSession, data: bytes) -> None:
        if self._stage.closed(session):
            return
        self._stage.feed(session, data)
        if self._stage.held(session) > _HELD_MAX:
            raise BrokenError(f"{self._stage.held(session)} octets are held back")

    def _sing(self) -> None:
        self._stage.feed(self._canary, b"set %b 0 0 4\r\nsong\r\nget %b\r\n" % (_CANARY, _CANARY))
        came = self._stage.reply(self._canary)
        if came != b"STORED\r\nVALUE %b 0 4\r\nsong\r\nEND\r\n" % _CANARY:
            raise BrokenError(f"the canary got {came!r}")


def _front(kind: str, stage: Stage) -> Front:
    if kind == "memcached":
        return KeyValue(stage, "0", None)
    profile = kind.partition("-")[2]
    settings = Settings(strict=profile == "strict", item_size=ITEM_SIZES[profile])
    return Memcacheq(stage, VHost("/", stage), settings)
