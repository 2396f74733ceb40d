"""Our toxics in the words of Toxiproxy's HTTP API: the other way round than `kinds`."""

from collections.abc import Callable
from typing import Any

from faults.base import Unsupported
from faults.proxy.toxic import Toxic
from faults.toxics import (
    Bandwidth,
    Blackhole,
    CutAfter,
    Fin,
    Freeze,
    HalfClose,
    Latency,
    Mute,
    OneWayLoss,
    Refuse,
    Reset,
    Slicer,
    SlowClose,
)

from .closers import ResetPeer, Timeout

KILOBYTE = 1000

Attributes = dict[str, int]

WORDS: dict[type[Toxic], tuple[str, Callable[[Any], Attributes]]] = {
    Latency: ("latency", lambda it: {"latency": _milli(it.seconds), "jitter": _milli(it.jitter)}),
    Bandwidth: ("bandwidth", lambda it: {"rate": int(it.rate) // KILOBYTE}),
    Slicer: (
        "slicer",
        lambda it: {
            "average_size": it.size,
            "size_variation": it.variation,
            "delay": round(it.pause * 1e6),
        },
    ),
    SlowClose: ("slow_close", lambda it: {"delay": _milli(it.seconds)}),
    CutAfter: ("limit_data", lambda it: {"bytes": it.octets}),
    Timeout: ("timeout", lambda it: {"timeout": _milli(it.seconds)}),
    ResetPeer: ("reset_peer", lambda it: {"timeout": _milli(it.seconds)}),
    # Those without attributes a Toxiproxy does not have; `python -m faults serve` does.
    Freeze: ("freeze", lambda _: {}),
    Blackhole: ("blackhole", lambda _: {}),
    OneWayLoss: ("blackhole", lambda _: {}),
    Reset: ("reset", lambda _: {}),
    Fin: ("fin", lambda _: {}),
    HalfClose: ("half_close", lambda _: {}),
    Refuse: ("refuse", lambda _: {}),
    Mute: ("mute", lambda _: {}),
}


def described(toxic: Toxic) -> tuple[str, Attributes]:
    """Its type and attributes; Unsupported for what the API has no words for."""
    words = WORDS.get(type(toxic))
    narrower = isinstance(toxic, Bandwidth) and toxic.rate % KILOBYTE
    if words is None or narrower or (isinstance(toxic, CutAfter) and toxic.reset):
        raise Unsupported(f"{toxic!r} cannot be said in Toxiproxy's API: leave --toxiproxy out")
    kind, attributes = words
    return kind, attributes(toxic)


def _milli(seconds: float) -> int:
    return round(seconds * 1000)
