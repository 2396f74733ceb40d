"""Odd values of every type that the wire has, most of them legal, so that a program gets far."""

from random import Random
from struct import pack
from typing import Any

from reference_broker.wire.spec import PROPERTIES, MethodSpec
from reference_broker.wire.tables import ByteArray, Timestamp, Typed, encode_longstr, encode_table

QUEUES = tuple(f"q{number}" for number in range(6))
EXCHANGES = ("e0", "e1", "e2", "e3", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "")
KEYS = (*QUEUES, "a", "a.b", "#", "*", "a.#", "", "amq.rabbitmq.reply-to")
TAGS = ("c0", "c1", "c2", "")
TYPES = ("direct", "fanout", "topic", "headers")
ODD_STRINGS = (
    "../../etc/passwd", "\0", "a\0b", "x" * 255, "é" * 127, "\u202e", "<script>", "amq.gen-x",
    "amq.rabbitmq.reply-to.x", "%s%n", "\r\n", "'; drop table queues; --", "amq.rabbitmq.trace",
)  # fmt: skip
ARGUMENT_NAMES = (
    "x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-overflow",
    "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-priority", "x-queue-mode",
    "x-queue-type", "x-single-active-consumer", "x-delivery-limit", "x-priority", "x-match",
    "alternate-exchange", "CC", "BCC", "x-death", "x-delivery-count", "expiration", "k",
)  # fmt: skip
_BY_NAME: dict[str, tuple[str, ...]] = {
    "queue": (*QUEUES, *QUEUES, ""),
    "exchange": EXCHANGES,
    "source": EXCHANGES,
    "destination": EXCHANGES,
    "routing_key": KEYS,
    "consumer_tag": TAGS,
    "type": TYPES,
}
_EDGES = {bits: (0, 1, 2, 2 ** (bits - 1), 2**bits - 1) for bits in (8, 16, 32, 64)}
_BITS = {"octet": 8, "short": 16, "long": 32, "longlong": 64, "timestamp": 64}
_RARE = ("passive", "immediate", "internal", "exclusive", "if_unused", "if_empty")
_TRUE = {**dict.fromkeys(_RARE, 0.06), "immediate": 0.01, "requeue": 0.95}  # how often
_SENSIBLE: dict[str, tuple[Any, ...]] = {
    "x-queue-type": ("classic", "quorum", "stream"),
    "x-overflow": ("drop-head", "reject-publish", "reject-publish-dlx"),
    "x-dead-letter-exchange": EXCHANGES,
    "alternate-exchange": EXCHANGES,
    "x-match": ("all", "any", "all-with-x", "any-with-x"),
    "x-single-active-consumer": (True, False),
}


class Odd:
    """Draws values from a seeded source; `oddness` is how often one is not sensible."""

    def __init__(self, rng: Random, oddness: float = 0.04) -> None:
        self._rng = rng
        self._oddness = oddness

    def arguments(self, spec: MethodSpec) -> dict[str, Any]:
        """All arguments of a method, reserved ones seldom."""
        rng = self._rng
        return {
            name: self.argument(name, kind)
            for name, kind in spec.arguments
            if not name.startswith("reserved") or rng.random() < self._oddness
        }

    def argument(self, name: str, kind: str) -> Any:
        """One argument of a method."""
        rng = self._rng
        if kind == "bit":
            return rng.random() < _TRUE.get(name, 0.3)
        if kind == "table":
            return self.table()
        if kind in _BITS:
            return self._number(name, kind)
        text = self.text(name)
        return text.encode("utf-8", "surrogateescape") if kind == "longstr" else text

    def _number(self, name: str, kind: str) -> int:
        rng = self._rng
        if name == "prefetch_size" and rng.random() > self._oddness:
            return 0
        if rng.random() < self._oddness:
            return rng.choice(_EDGES[_BITS[kind]])
        return rng.randrange(8)

    def text(self, name: str = "") -> str:
        """A short string, from what the argument `name` usually holds."""
        rng = self._rng
        if rng.random() < self._oddness:
            return rng.choice(ODD_STRINGS)
        return rng.choice(_BY_NAME.get(name, KEYS))

    def table(self, depth: int = 0) -> dict[str, Any]:
        """A table, mostly of arguments that mean something."""
        rng = self._rng
        if rng.random() < 0.6:
            return {}
        names = rng.choices(ARGUMENT_NAMES, k=rng.randrange(1, 4))
        return {name: self.field(name, depth) for name in names}

    def field(self, name: str, depth: int = 0) -> Any:
        """One value of a table."""
        rng = self._rng
        if rng.random() < 0.5 and name in _SENSIBLE:
            return rng.choice(_SENSIBLE[name])
        if rng.random() < 0.6:
            return rng.randrange(4)
        kind = rng.randrange(14 if depth < 4 else 11)
        return self._made(kind, depth)

    def _made(self, kind: int, depth: int) -> Any:
        rng = self._rng
        makers = (
            lambda: rng.choice((-1, -(2**63), 2**63 - 1, 2**31, 0)),
            lambda: rng.random() * 1e300,
            lambda: float("nan"),
            lambda: Timestamp(rng.choice(_EDGES[64])),
            lambda: ByteArray(rng.randbytes(5)),
            lambda: None,
            lambda: rng.random() < 0.5,
            self.text,
            lambda: rng.randbytes(4),
            lambda: Typed(rng.choice("bBsuIilL"), rng.randrange(100)),
            lambda: Typed("T", 2**64 - 1),
            lambda: self.table(depth + 1),
            lambda: [self.field("k", depth + 1) for _ in range(rng.randrange(4))],
            lambda: [self.text("routing_key") for _ in range(rng.randrange(3))],
        )
        return makers[kind]()

    def properties(self) -> dict[str, Any]:
        """Some properties of a content."""
        rng = self._rng
        chosen = [pair for pair in PROPERTIES if rng.random() < 0.12]
        return {name: self._property(name, kind) for name, kind in chosen}

    def _property(self, name: str, kind: str) -> Any:
        rng = self._rng
        if name == "user_id" and rng.random() > self._oddness:
            return "guest"
        if name == "expiration" and rng.random() > self._oddness:
            return str(rng.randrange(1000))
        if name == "reply_to":
            return rng.choice(("amq.rabbitmq.reply-to", "q1"))
        return self.argument(name, kind)

    def broken_table(self) -> bytes:
        """A table that is none: nested too deep, of unknown types, or that lies of its length."""
        rng = self._rng
        form = rng.randrange(4)
        if form == 0:
            return self._deep(rng.choice((100, 127, 128, 129, 1000)))
        if form == 1:
            return encode_longstr(b"\x01k" + rng.randbytes(rng.randrange(12)))
        whole = bytearray(encode_table({"k": "v", "n": [1, {"t": True}]}))
        if form == 2:
            whole[rng.randrange(len(whole))] = rng.randrange(256)
            return bytes(whole)
        return pack(">I", rng.choice((0, 1, 2**31, 2**32 - 1))) + bytes(whole[4:])

    def _deep(self, depth: int) -> bytes:
        inner = b""
        for _ in range(depth):
            inner = (
                b"\x01kF" + encode_longstr(inner)
                if self._rng.random() < 0.9
                else (b"\x01kA" + encode_longstr(b""))
            )
        return encode_longstr(inner)
