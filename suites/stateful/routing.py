"""The model's routing: exchanges, bindings, and which of them a message takes.

Written from the specification (3.1.3) and RabbitMQ's documentation, not from any broker's code, and
as plainly as can be: it looks at every binding.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

PREDECLARED = {
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.topic": "topic",
    "amq.headers": "headers",
    "amq.match": "headers",
}


@dataclass(slots=True)
class Exchange:
    """An exchange, with what two declares of it must agree in."""

    name: str
    kind: str
    durable: bool = False
    auto_delete: bool = False
    internal: bool = False
    alternate: str | None = None

    @property
    def traits(self) -> tuple[object, ...]:
        """What two declares must agree in."""
        return self.kind, self.durable, self.auto_delete, self.internal, self.alternate


@dataclass(frozen=True, slots=True)
class Binding:
    """From an exchange to a queue or another exchange (`to_queue` says which)."""

    source: str
    to_queue: bool
    destination: str
    key: str
    arguments: tuple[tuple[str, Any, type], ...] = ()

    def matches(self, kind: str, keys: Iterable[str], headers: Mapping[str, Any]) -> bool:
        """Whether a message that came to the source goes this way."""
        if kind == "fanout":
            return True
        if kind == "headers":
            return headers_match({name: value for name, value, _type in self.arguments}, headers)
        if kind == "topic":
            return any(topic_matches(words(self.key), words(key)) for key in keys)
        return self.key in keys


def frozen(arguments: Mapping[str, Any]) -> tuple[tuple[str, Any, type], ...]:
    """A binding's arguments as part of its identity; types tell 1 from True."""
    return tuple(sorted((name, value, type(value)) for name, value in arguments.items()))


def words(text: str) -> list[str]:
    """The words of a key or pattern; the empty string has none, as RabbitMQ splits it."""
    return text.split(".") if text else []


def topic_matches(pattern: list[str], key: list[str]) -> bool:
    """Whether they match, straight from the definition (3.1.3.3)."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return topic_matches(pattern[1:], key) or bool(key and topic_matches(pattern, key[1:]))
    return bool(key) and pattern[0] in {"*", key[0]} and topic_matches(pattern[1:], key[1:])


def headers_match(pattern: Mapping[str, Any], headers: Mapping[str, Any]) -> bool:
    """Whether all (or any) of the pattern's headers are there, by type and value."""
    match = str(pattern.get("x-match", "all"))
    wanted = [
        (name, value)
        for name, value in pattern.items()
        if name != "x-match" and (match.endswith("-with-x") or not name.startswith("x-"))
    ]
    found = [
        name in headers
        and (value is None or (type(value) is type(headers[name]) and value == headers[name]))
        for name, value in wanted
    ]
    return any(found) if match.startswith("any") else all(found)


@dataclass(slots=True)
class Topology:
    """All exchanges by name, all bindings, and the names of the queues that there are."""

    exchanges: dict[str, Exchange] = field(default_factory=dict)
    bindings: dict[Binding, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exchanges[""] = Exchange("", "direct", durable=True)
        for name, kind in PREDECLARED.items():
            self.exchanges[name] = Exchange(name, kind, durable=True)

    def route(
        self,
        exchange: str,
        keys: tuple[str, ...],
        headers: Mapping[str, Any],
        queues: Iterable[str],
    ) -> list[str]:
        """The names of the queues that a message reaches, each once."""
        reached: dict[str, None] = {}
        ahead, seen = [exchange], {exchange}
        while ahead:
            here = ahead.pop(0)
            for to_queue, name in self._next(here, keys, headers, queues):
                if to_queue:
                    reached[name] = None
                elif name in self.exchanges and name not in seen:
                    seen.add(name)
                    ahead.append(name)
        return list(reached)

    def _next(
        self, name: str, keys: tuple[str, ...], headers: Mapping[str, Any], queues: Iterable[str]
    ) -> list[tuple[bool, str]]:
        if not name:  # the default exchange knows every queue by its name
            return [(True, queue) for queue in queues if queue in keys]
        exchange = self.exchanges[name]
        ways = [
            (b.to_queue, b.destination)
            for b in self.bindings
            if b.source == name and b.matches(exchange.kind, keys, headers)
        ]
        if not ways and exchange.alternate is not None:
            return [(False, exchange.alternate)]
        return ways

    def is_source(self, exchange: str) -> bool:
        """Whether anything is bound to the exchange."""
        return any(binding.source == exchange for binding in self.bindings)

    def unbind(self, bindings: Iterable[Binding]) -> None:
        """Take bindings away; an auto-delete exchange goes with the last one from it."""
        for binding in list(bindings):
            if self.bindings.pop(binding, binding) is binding:
                continue
            exchange = self.exchanges.get(binding.source)
            if exchange and exchange.auto_delete and not self.is_source(binding.source):
                self.delete_exchange(binding.source)

    def delete_exchange(self, name: str) -> None:
        """Delete an exchange and its bindings; those from it do not count for its own ending."""
        del self.exchanges[name]
        for binding in [b for b in self.bindings if b.source == name]:
            del self.bindings[binding]
        self.unbind(b for b in list(self.bindings) if not b.to_queue and b.destination == name)

    def forget_queue(self, name: str) -> None:
        """The queue is deleted."""
        self.unbind(b for b in list(self.bindings) if b.to_queue and b.destination == name)
