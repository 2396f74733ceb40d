"""What the makers of a program's steps draw from: who acts, and what is named."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from suites.stateful.model import Channel, Model
from suites.stateful.program import Step

QUEUES = ("$q0", "$q1", "$q2", "$q3")
EXCHANGES = ("$x0", "$x1", "$x2")
SYSTEM = ("amq.direct", "amq.fanout", "amq.topic", "amq.headers")
_SPREAD, _SIMPLEST = 37, 53
"""Hypothesis likes the ends of a range, and small numbers: chances lie all over it."""


THEMES: Mapping[str, tuple[str, ...]] = {
    "acks": ("x-priority", "global", "no_ack"),
    "consumers": ("x-single-active-consumer", "x-priority"),
    "dlx": ("x-dead-letter-exchange", "x-max-length", "x-overflow", "x-message-ttl", "expiration"),
    "errors": (),
    "lifecycle": ("durable", "exclusive", "no_ack"),
    "limits": ("x-max-priority", "priority", "x-max-length", "x-max-length-bytes", "expiration"),
    "routing": ("CC", "headers", "mandatory"),
    "tx": ("CC", "mandatory", "no_ack"),
}
"""Areas of steps, and the features that belong to each."""
AREAS = tuple(THEMES)
_MORE, _MOST = 8, 70  # times as often, and per cent at the most

Draw = Callable[[st.SearchStrategy[Any]], Any]


@dataclass(frozen=True, slots=True)
class Bent:
    """What one program has more of than others: chance alone seldom brings rare things together."""

    area: str = ""
    queues: Sequence[str] = QUEUES

    @staticmethod
    def drawn(draw: Draw) -> "Bent":
        """The simplest has all names, and no area weighs more than another."""
        area = draw(st.sampled_from(("", *AREAS)))
        return Bent(area, QUEUES[: draw(st.sampled_from((4, 2, 1)))])

    @property
    def features(self) -> tuple[str, ...]:
        """What it has more of."""
        return THEMES.get(self.area, ())


@dataclass(slots=True)
class Choice:
    """What the strategy draws from, as functions that give a step."""

    draw: Draw
    model: Model
    bent: Bent = field(default_factory=Bent)
    actor: Channel | None = None
    bodies: int = 0
    made_up: int = 0

    def of(self, values: Sequence[Any]) -> Any:
        """One of them; the first is the simplest."""
        return self.draw(st.sampled_from(values))

    def chance(self, per_cent: int, feature: str = "") -> bool:
        """True so often, and more often if the program is bent on the feature; false is simpler."""
        if feature in self.bent.features:
            per_cent = max(per_cent, min(_MORE * per_cent, _MOST))
        return bool((self.draw(st.integers(0, 99)) * _SPREAD + _SIMPLEST) % 100 < per_cent)

    # who acts

    def channels(self) -> list[Channel]:
        """The channels that are open."""
        return [ch for c in self.model.connections.values() for ch in c.channels.values()]

    @property
    def channel(self) -> Channel:
        """The open channel whose turn it is."""
        if self.actor is None:
            self.actor = self.of(self.channels())
        return self.actor

    def on_channel(self, action: str, **arguments: Any) -> Step:
        """The action on the channel whose turn it is."""
        return self.at(self.channel, action, **arguments)

    @staticmethod
    def at(channel: Channel, action: str, **arguments: Any) -> Step:
        """The action on this channel; what is empty or false is left out."""
        kept = {name: value for name, value in arguments.items() if value not in ("", False, {})}
        return Step(channel.connection.name, channel.number, action, kept)

    # what is named

    def queue(self) -> str:
        """Mostly one that is there, and may be used."""
        users = {None, self.channel.connection}
        there = sorted(q.name for q in self.model.queues.values() if q.owner in users)
        if there and not self.chance(3):
            return str(self.of(there))
        return str(self.of((*sorted(self.model.queues), *QUEUES, "amq.nobody")))

    def exchange(self) -> str:
        """Mostly one that is there."""
        there = [name for name in self.model.topology.exchanges if name.startswith("$")]
        if self.chance(3):
            return str(self.of((*EXCHANGES, "")))
        return str(self.of(SYSTEM if not there or self.chance(25) else there))

    def made_up_name(self, kind: str) -> str:
        """A symbol for what the broker will name; `g` for queues, `t` for consumers."""
        self.made_up += 1
        return f"${kind}{self.made_up}"
