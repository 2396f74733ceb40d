"""Exchanges: one small class a type, each saying which of its bindings a message matches."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from reference_broker.wire.errors import HardError, SoftError
from reference_broker.wire.tables import Table, encode_table, type_name

from .policy import NOTHING, Definition
from .topic import TopicTrie

if TYPE_CHECKING:
    from .queue import Queue

Destination = "Queue | Exchange"
_NO_ARGUMENTS = encode_table({})


class BindingKey(NamedTuple):
    """What makes a binding the same binding on one exchange."""

    destination: str
    to_queue: bool
    routing_key: str
    arguments: bytes  # encoded, keys sorted


class Binding:
    """A rule that leads from one exchange to a queue or to another exchange."""

    __slots__ = ("arguments", "destination", "key", "source")

    def __init__(
        self,
        source: "Exchange",
        destination: "Queue | Exchange",
        routing_key: str,
        arguments: Table,
    ) -> None:
        self.source = source
        self.destination = destination
        self.arguments = arguments
        self.key = binding_key(destination, routing_key, arguments)

    @property
    def routing_key(self) -> str:
        """The binding key."""
        return self.key.routing_key

    @property
    def durable(self) -> bool:
        """Whether both ends, and so the binding, survive a restart."""
        return self.source.durable and self.destination.durable


def binding_key(destination: "Queue | Exchange", routing_key: str, arguments: Table) -> BindingKey:
    """The identity of a binding to `destination`."""
    encoded = encode_table(dict(sorted(arguments.items()))) if arguments else _NO_ARGUMENTS
    return BindingKey(destination.name, not isinstance(destination, Exchange), routing_key, encoded)


class Exchange:
    """What all types share: bindings kept by identity, in the order they were made."""

    type = ""
    by_key_alone = True  # whether the routing key decides, so that a route may be remembered

    def __init__(
        self,
        name: str,
        *,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Table | None = None,
    ) -> None:
        self.name = name
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.arguments = arguments or {}
        self.bindings: dict[BindingKey, Binding] = {}
        self.alternate: str | None = None  # the exchange that gets what this one cannot route
        self.regulate(NOTHING)

    def regulate(self, policy: Definition) -> None:
        """Do what a policy asks from now on; the argument counts before it."""
        name = "alternate-exchange"
        self.alternate = self.arguments.get(name, policy.get(name))

    @property
    def traits(self) -> dict[str, Any]:
        """What two declares of one exchange must agree in."""
        return exchange_traits(
            self.type, self.durable, self.auto_delete, self.internal, self.arguments
        )

    def bind(self, binding: Binding) -> bool:
        """Add a binding; False when the same one is there already."""
        if binding.key in self.bindings:
            return False
        self.bindings[binding.key] = binding
        self._added(binding)
        return True

    def unbind(self, key: BindingKey) -> Binding | None:
        """Remove a binding; None when there is none like it."""
        binding = self.bindings.pop(key, None)
        if binding is not None:
            self._removed(binding)
        return binding

    def check_binding(self, arguments: Table) -> None:
        """Refuse binding arguments that this type cannot work with. Raises SoftError."""

    def matching(self, routing_key: str, headers: Mapping[str, Any]) -> Iterable[Binding]:
        """The bindings that a message with this key and these headers matches."""
        raise NotImplementedError

    def _added(self, binding: Binding) -> None:
        """A type that keeps an index of its own adds the binding to it."""

    def _removed(self, binding: Binding) -> None:
        """The reverse of `_added`."""


class DirectExchange(Exchange):
    """The routing key equals the binding key."""

    type = "direct"

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._by_key: dict[str, dict[Binding, None]] = {}

    def matching(self, routing_key: str, headers: Mapping[str, Any]) -> Iterable[Binding]:  # noqa: ARG002, D102
        return self._by_key.get(routing_key, ())

    def _added(self, binding: Binding) -> None:
        self._by_key.setdefault(binding.routing_key, {})[binding] = None

    def _removed(self, binding: Binding) -> None:
        bound = self._by_key[binding.routing_key]
        del bound[binding]
        if not bound:
            del self._by_key[binding.routing_key]


class FanoutExchange(Exchange):
    """Every binding, whatever the key."""

    type = "fanout"

    def matching(self, routing_key: str, headers: Mapping[str, Any]) -> Iterable[Binding]:  # noqa: ARG002, D102
        return self.bindings.values()


class TopicExchange(Exchange):
    """The binding key is a pattern of words."""

    type = "topic"

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        self._trie: TopicTrie[Binding] = TopicTrie()

    def matching(self, routing_key: str, headers: Mapping[str, Any]) -> Iterable[Binding]:  # noqa: ARG002, D102
        return self._trie.match(routing_key)

    def _added(self, binding: Binding) -> None:
        self._trie.add(binding.routing_key, binding)

    def _removed(self, binding: Binding) -> None:
        self._trie.remove(binding.routing_key, binding)


class HeadersExchange(Exchange):
    """The binding's arguments are compared with the message's headers."""

    type = "headers"
    by_key_alone = False
    _MATCHES = ("all", "any", "all-with-x", "any-with-x")

    def check_binding(self, arguments: Table) -> None:  # noqa: D102
        match = arguments.get("x-match", "all")
        if not isinstance(match, str):
            wrong = f"type {type_name(match)} (value {match}); expected longstr"
            raise SoftError(406, f"Invalid x-match field {wrong}")
        if match not in self._MATCHES:
            known = "all, any, all-with-x, or any-with-x"
            raise SoftError(406, f'Invalid x-match field value <<"{match}">>; expected {known}')

    def matching(self, routing_key: str, headers: Mapping[str, Any]) -> Iterator[Binding]:  # noqa: ARG002, D102
        return (b for b in self.bindings.values() if _headers_match(b.arguments, headers))


def _headers_match(pattern: Mapping[str, Any], headers: Mapping[str, Any]) -> bool:
    match = pattern.get("x-match", "all")
    wanted = (
        (name, value)
        for name, value in pattern.items()
        if name != "x-match" and (match.endswith("-with-x") or not name.startswith("x-"))
    )
    results = (name in headers and _same(value, headers[name]) for name, value in wanted)
    return any(results) if match.startswith("any") else all(results)


def _same(wanted: Any, found: Any) -> bool:
    """A void matches on presence alone; else kind and value are equal, whatever the width."""
    return wanted is None or (type(wanted) is type(found) and bool(wanted == found))


TYPES: dict[str, type[Exchange]] = {
    kind.type: kind for kind in (DirectExchange, FanoutExchange, TopicExchange, HeadersExchange)
}


def make_exchange(kind: str, name: str, **options: Any) -> Exchange:
    """An exchange of the type named. Raises HardError 503 for a type that does not exist."""
    exchange_type(kind)
    return TYPES[kind](name, **options)


def exchange_type(kind: str) -> str:
    """The type's own name. Raises HardError 503 for a type that does not exist."""
    if kind not in TYPES:
        raise HardError(503, f"unknown exchange type '{kind}'")
    return kind


def exchange_traits(
    kind: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table
) -> dict[str, Any]:
    """What two declares of one exchange must agree in, in the order in which it is compared."""
    return {
        "type": kind,
        "durable": durable,
        "auto_delete": auto_delete,
        "internal": internal,
        "alternate-exchange": arguments.get("alternate-exchange"),
    }
