"""The types of toxics by name, with their attributes: Toxiproxy's own, and ours beside them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from faults.frames import When, when
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
    Refuse,
    Reset,
    Slicer,
    SlowClose,
)
from faults.toxics.settings import at_least

from .closers import ResetPeer, Timeout
from .errors import bad_request

Attributes = dict[str, Any]


class Kind(NamedTuple):
    """Attributes with their defaults, whose types they keep, and what is made of them."""

    defaults: Mapping[str, int | str]
    make: Callable[[Attributes, int], Toxic]

    def toxic(self, attributes: Attributes, seed: int) -> Toxic:
        """The toxic itself. Raises ApiError when an attribute is out of range."""
        try:
            return self.make(attributes, seed)
        except ValueError as error:
            raise bad_request(error) from None

    def complete(self, given: object, known: Mapping[str, Any]) -> Attributes:
        """What is known with what is given over it; ApiError for a wrong type.

        As in Toxiproxy, a null changes nothing and unknown names are passed over.
        """
        if given is None:
            given = {}
        if not isinstance(given, dict):
            raise bad_request("attributes is not an object")
        attributes = dict(known)
        for name, default in self.defaults.items():
            value = given.get(name)
            if value is None:
                continue
            if type(value) is not type(default):
                wanted = type(default).__name__
                raise bad_request(f"attribute {name} is {value!r}: give a value of type {wanted}")
            attributes[name] = value
        return attributes


def _narrow(rate: int) -> Toxic:
    at_least(0, rate=rate)
    return Bandwidth(rate * 1000) if rate else Freeze()


def _waiting(kind: type[Timeout | ResetPeer], milliseconds: int) -> Toxic:
    at_least(0, timeout=milliseconds)
    return kind(milliseconds / 1000)


TOXIPROXY = {
    "latency": Kind(
        {"latency": 0, "jitter": 0},
        lambda a, seed: Latency(a["latency"] / 1000, a["jitter"] / 1000, seed),
    ),
    "bandwidth": Kind({"rate": 0}, lambda a, _: _narrow(a["rate"])),
    "slow_close": Kind({"delay": 0}, lambda a, _: SlowClose(a["delay"] / 1000)),
    "timeout": Kind({"timeout": 0}, lambda a, _: _waiting(Timeout, a["timeout"])),
    "reset_peer": Kind({"timeout": 0}, lambda a, _: _waiting(ResetPeer, a["timeout"])),
    "slicer": Kind(
        {"average_size": 0, "size_variation": 0, "delay": 0},
        lambda a, seed: Slicer(a["average_size"], a["size_variation"], a["delay"] / 1e6, seed),
    ),
    "limit_data": Kind({"bytes": 0}, lambda a, _: CutAfter(a["bytes"])),
}

LINK = {
    "freeze": Kind({}, lambda _, __: Freeze()),
    "blackhole": Kind({}, lambda _, __: Blackhole()),
    "reset": Kind({}, lambda _, __: Reset()),
    "fin": Kind({}, lambda _, __: Fin()),
    "half_close": Kind({}, lambda _, __: HalfClose()),
    "refuse": Kind({}, lambda _, __: Refuse()),
    "mute": Kind({}, lambda _, __: Mute()),
}

_FRAME: dict[str, int | str] = {"frame": "", "nth": 0, "channel": -1}  # 0, -1: every one


def _which(attributes: Attributes) -> When:
    channel = attributes["channel"]
    return when(
        attributes["frame"],
        nth=attributes["nth"] or None,
        channel=None if channel == -1 else channel,
    )


AMQP = {
    "amqp_drop": Kind(_FRAME, lambda a, _: _which(a).drop()),
    "amqp_hold": Kind({**_FRAME, "delay": 0}, lambda a, _: _which(a).hold(a["delay"] / 1000)),
    "amqp_duplicate": Kind(_FRAME, lambda a, _: _which(a).duplicate()),
    "amqp_swap": Kind(_FRAME, lambda a, _: _which(a).swap()),
    "amqp_truncate": Kind({**_FRAME, "octets": 0}, lambda a, _: _which(a).truncate(a["octets"])),
    "amqp_flip": Kind({**_FRAME, "octet": 0}, lambda a, _: _which(a).flip(a["octet"])),
    "amqp_cut": Kind({**_FRAME, "place": "after"}, lambda a, _: _which(a).cut(a["place"])),
}

KINDS: Mapping[str, Kind] = {**TOXIPROXY, **LINK, **AMQP}
