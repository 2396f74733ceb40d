"""A virtual host: exchanges, queues and bindings, and the way from a routing key to queues.

Every operation that changes where messages go raises `version`, so that whoever remembers a route
knows when to forget it. Errors carry RabbitMQ's codes; see its AMQP 0-9-1 reference and errata.
"""

import base64
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from reference_broker.semantics import RABBITMQ, Semantics
from reference_broker.wire.errors import HardError, SoftError
from reference_broker.wire.tables import Table

from .arguments import (
    check_exchange_arguments,
    check_queue_arguments,
    check_queue_type,
    check_same,
    queue_traits,
)
from .burial import Burials
from .deadletter import buried, in_circle, undisturbed
from .exchange import (
    Binding,
    DirectExchange,
    Exchange,
    binding_key,
    exchange_traits,
    exchange_type,
    make_exchange,
)
from .flow import Flow
from .lease import Leases
from .message import Message
from .policy import Policies
from .ports import Clock, Consumer, Store
from .queue import Queue
from .queues import make_queue

_PREDECLARED = (
    ("amq.direct", "direct"),
    ("amq.fanout", "fanout"),
    ("amq.topic", "topic"),
    ("amq.headers", "headers"),
    ("amq.match", "headers"),
)
_RESERVED = "amq."


class VHost:
    """One virtual host."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        store: Store | None = None,
        semantics: Semantics = RABBITMQ,
    ) -> None:
        self.name = name
        self.semantics = semantics
        self._clock = clock
        self.version = 0
        self.exchanges: dict[str, Exchange] = {"": DirectExchange("", durable=True)}
        self.queues: dict[str, Queue] = {}
        self.store = store
        self.description = ""
        self.tags: list[str] = []
        self.flow = Flow()  # of queues and channels that are gone
        self.policies = Policies()
        self.limits: dict[str, int] = {}  # max-connections, max-queues; a negative one is none
        self._leases = Leases(clock, self.delete_queue)
        self._burials = Burials(self._dead_letter)
        self.spread = self._burials.spread
        self.burials_held = self._burials.held
        self._into: dict[Queue | Exchange, dict[Binding, None]] = {}
        for exchange, kind in _PREDECLARED:
            self.exchanges[exchange] = make_exchange(kind, exchange, durable=True)
        self.exchanges["amq.rabbitmq.trace"] = make_exchange(
            "topic", "amq.rabbitmq.trace", durable=True, internal=True
        )

    # look-ups

    def exchange(self, name: str) -> Exchange:
        """The exchange of that name. Raises SoftError 404."""
        found = self.exchanges.get(name)
        if found is None:
            raise SoftError(404, f"no exchange '{name}' in vhost '{self.name}'")
        return found

    def queue(self, name: str, user: object) -> Queue:
        """The queue, if the connection `user` may use it. Raises SoftError 404, 405."""
        found = self.queues.get(name)
        if found is None:
            raise SoftError(404, f"no queue '{name}' in vhost '{self.name}'")
        self._check_owner(found, user)
        return found

    def _check_owner(self, queue: Queue, user: object) -> None:
        if queue.owner is not None and queue.owner is not user:
            raise self._locked(queue)

    def _locked(self, queue: Queue) -> SoftError:
        return SoftError(
            405,
            f"cannot obtain exclusive access to locked {self._describe('queue', queue.name)}. "
            "It could be originally declared on another connection or the exclusive property "
            "value does not match that of the original declaration.",
        )

    def describe(self, queue: Queue) -> str:
        """The queue as the texts of errors name it."""
        return self._describe("queue", queue.name)

    def _describe(self, kind: str, name: str) -> str:
        return f"{kind} '{name}' in vhost '{self.name}'"

    # exchanges

    def declare_exchange(
        self,
        name: str,
        kind: str,
        *,
        durable: bool,
        auto_delete: bool,
        internal: bool,
        arguments: Table,
    ) -> Exchange:
        """Create an exchange, or find it there and the same.

        Raises:
            SoftError: 403 for the default or a reserved name, 406 when it is there and different.
            HardError: 503 for an unknown type.
        """
        self.not_default(name)
        exchange_type(kind)
        found = self.exchanges.get(name)
        if found is not None:
            asked = exchange_traits(kind, durable, auto_delete, internal, arguments)
            check_same(self._describe("exchange", name), found.traits, asked)
            return found
        if name.startswith(_RESERVED):
            raise SoftError(403, f"exchange name '{name}' contains reserved prefix 'amq.*'")
        check_exchange_arguments(self._describe("exchange", name), arguments)
        made = make_exchange(
            kind,
            name,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
            arguments=arguments,
        )
        self.add_exchange(made)
        if durable and self.store is not None:
            self.store.save_exchange(self.name, made)
        return made

    def add_exchange(self, exchange: Exchange) -> None:
        """Put an exchange in place, as a declare or a recovery made it."""
        exchange.regulate(self.policies.effective("exchanges", exchange.name))
        self.exchanges[exchange.name] = exchange
        self.version += 1

    def delete_exchange(self, name: str, *, if_unused: bool = False) -> None:
        """Delete an exchange with its bindings; a missing one is no error. Raises SoftError."""
        self.not_default(name)
        exchange = self.exchanges.get(name)
        if name.startswith(_RESERVED):
            raise SoftError(
                403, f"deletion of system {self._describe('exchange', name)} not allowed"
            )
        if exchange is None:
            return
        if if_unused and exchange.bindings:
            raise SoftError(406, f"{self._describe('exchange', name)} in use")
        self._remove_exchange(exchange)

    def _remove_exchange(self, exchange: Exchange) -> None:
        del self.exchanges[exchange.name]
        self.version += 1
        for binding in list(exchange.bindings.values()):
            self._into[binding.destination].pop(binding, None)
            self._forget(binding)
        if exchange.durable and self.store is not None:
            self.store.drop_exchange(self.name, exchange.name)
        self._remove_bindings_into(exchange)

    def not_default(self, name: str) -> None:
        """Refuse the default exchange where only a named one will do. Raises SoftError 403."""
        if not name:
            raise SoftError(403, "operation not permitted on the default exchange")

    def check_bindable(self, name: str) -> None:
        """Refuse to bind or unbind the default exchange. Raises SoftError 403."""
        if not self.semantics.default_exchange_binds:
            self.not_default(name)

    # queues

    def declare_queue(
        self,
        name: str,
        *,
        invented: bool = False,
        durable: bool,
        auto_delete: bool,
        owner: object | None,
        arguments: Table,
    ) -> Queue:
        """Create a queue, or find it there and the same.

        `invented` says that the name is the broker's own, from `invent_name`; `owner` is the
        connection to which an exclusive queue belongs.

        Raises:
            SoftError: 403 reserved name, 405 another's exclusive queue, 406 different or too many.
        """
        if name.startswith(_RESERVED) and not invented:
            raise SoftError(403, f"queue name '{name}' contains reserved prefix 'amq.*'")
        what, exclusive = self._describe("queue", name), owner is not None
        found = self.queues.get(name)
        if found is not None and found.owner is not owner:
            raise self._locked(found)
        check_queue_arguments(what, arguments)
        if found is not None:
            asked = queue_traits(found.kind, durable or exclusive, auto_delete, arguments)
            check_same(what, found.traits, asked)
            found.touch()
            return found
        properties = {"durable": durable, "auto_delete": auto_delete}
        check_queue_type(what, arguments, invented=invented, exclusive=exclusive, **properties)
        self._check_room(name)
        queue = make_queue(
            name, self._clock, self.semantics, owner=owner, arguments=arguments, **properties
        )
        self.add_queue(queue)
        if durable and not exclusive and self.store is not None:
            queue.keep_in(self.store, self.store.save_queue(self.name, queue))
        return queue

    def add_queue(self, queue: Queue) -> None:
        """Put a queue in place, bound to the default exchange by its name."""
        self.queues[queue.name] = queue
        queue.bury = self._burials.died
        queue.regulate(self.policies.effective("queues", queue.name))
        if queue.limits.expires is not None:
            self._leases.watch(queue)
        self._add_binding(Binding(self.exchanges[""], queue, queue.name, {}))

    @staticmethod
    def invent_name(prefix: str) -> str:
        """A name that nobody has: the prefix and 22 characters, as RabbitMQ makes them."""
        return prefix + base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")

    def delete_queue(self, queue: Queue, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Delete a queue; how many ready messages went with it.

        Raises:
            SoftError: 406 when it is in use, or not empty.
            HardError: 540 when its type cannot be deleted on condition.
        """
        if (if_unused or if_empty) and not queue.conditional_delete:
            flag = "if-unused" if if_unused else "if-empty"
            raise HardError(
                540,
                f"cannot delete {self._describe('queue', queue.name)}. queue.delete operations "
                f"with {flag} flag set are not supported by quorum queues",
            )
        if if_unused and queue.consumers:
            raise SoftError(406, f"{self._describe('queue', queue.name)} in use")
        if if_empty and len(queue):
            raise SoftError(406, f"{self._describe('queue', queue.name)} not empty")
        count = len(queue)
        del self.queues[queue.name]
        self._leases.forget(queue)
        self.flow.add(entered=queue.entered)
        self._remove_bindings_into(queue)
        queue.drop()
        return count

    def add_consumer(self, queue: Queue, consumer: Consumer) -> None:
        """Let a consumer share a queue. Raises SoftError 403 when one of them is exclusive."""
        if not queue.exclusive_consumers:
            consumer.exclusive = False
        taken = queue.consumers and (consumer.exclusive or queue.consumers[0].exclusive)
        if taken or (consumer.exclusive and queue.limits.single_active):
            raise SoftError(403, f"{self._describe('queue', queue.name)} in exclusive use")
        queue.add_consumer(consumer)

    def consumer_left(self, queue: Queue) -> None:
        """A consumer has left a queue: an auto-delete one without any goes."""
        if queue.auto_delete and not queue.consumers and not queue.deleted:
            self.delete_queue(queue)

    def _dead_letter(self, queue: Queue, message: Message, reason: str) -> None:
        """Send a message that died in a queue to the queue's dead-letter exchange, if it exists."""
        name, key = queue.limits.dead_letter_exchange, queue.limits.dead_letter_key
        exchange = None if name is None else self.exchanges.get(name)
        if exchange is None:
            return
        keys = (message.routing_key, *message.traits.further_keys) if key is None else (key,)
        if self.semantics.own_deaths:
            message = undisturbed(message)
        dead = buried(message, exchange.name, keys, queue.name, reason, int(self._clock.epoch()))
        queues, _stable = self.route(exchange, keys, dead.headers)
        self.spread([q for q in queues if not in_circle(dead, reason, q.name)], dead)

    def drop_owner(self, owner: object) -> None:
        """A connection has ended: its exclusive queues go."""
        for queue in [q for q in self.queues.values() if q.owner is owner]:
            self.delete_queue(queue)

    # policies and limits

    def regulate(self) -> None:
        """The policies have changed: let everything follow them."""
        self.version += 1
        for exchange in self.exchanges.values():
            exchange.regulate(self.policies.effective("exchanges", exchange.name))
        for queue in list(self.queues.values()):
            self._regulate_queue(queue)

    def _regulate_queue(self, queue: Queue) -> None:
        lease = queue.limits.expires
        queue.regulate(self.policies.effective("queues", queue.name))
        if queue.limits.expires != lease:
            queue.touch()
            self._leases.watch(queue)

    def _check_room(self, name: str) -> None:
        """Refuse one queue more than the limit max-queues. Raises SoftError 406."""
        most = self.limits.get("max-queues", -1)
        if 0 <= most <= len(self.queues):
            raise SoftError(
                406,
                f"cannot declare queue '{name}': queue limit in vhost '{self.name}' ({most}) "
                "is reached",
            )

    # bindings

    def bind(
        self, source: Exchange, destination: Queue | Exchange, routing_key: str, arguments: Table
    ) -> None:
        """Bind; the same binding twice is one. Raises SoftError 406 for unusable arguments."""
        source.check_binding(arguments)
        binding = Binding(source, destination, routing_key, arguments)
        if self._add_binding(binding) and self.store is not None and _kept(binding):
            self.store.save_binding(self.name, binding)

    def restore_binding(
        self, source: Exchange, destination: Queue | Exchange, routing_key: str, arguments: Table
    ) -> None:
        """Bind as the store remembers it."""
        self._add_binding(Binding(source, destination, routing_key, arguments))

    def _add_binding(self, binding: Binding) -> bool:
        if not binding.source.bind(binding):
            return False
        self._into.setdefault(binding.destination, {})[binding] = None
        self.version += 1
        return True

    def unbind(
        self,
        source: Exchange,
        destination: Queue | Exchange,
        routing_key: str,
        arguments: Table,
        user: object,
    ) -> None:
        """Unbind; what is not bound is no error. Raises SoftError 405 for another's queue."""
        key = binding_key(destination, routing_key, arguments)
        if key in source.bindings and isinstance(destination, Queue):
            self._check_owner(destination, user)
        binding = source.unbind(key)
        if binding is not None:
            self._into[destination].pop(binding, None)
            self.version += 1
            self._forget(binding)
            self._auto_delete(source)

    def _remove_bindings_into(self, destination: Queue | Exchange) -> None:
        self.version += 1
        for binding in self._into.pop(destination, {}):
            binding.source.unbind(binding.key)
            self._forget(binding)
            self._auto_delete(binding.source)

    def _forget(self, binding: Binding) -> None:
        if self.store is not None and _kept(binding):
            self.store.drop_binding(self.name, binding)

    def _auto_delete(self, exchange: Exchange) -> None:
        """An auto-delete exchange goes with its last binding."""
        if exchange.auto_delete and not exchange.bindings and exchange.name in self.exchanges:
            self._remove_exchange(exchange)

    # routes

    def route(
        self, exchange: Exchange, routing_keys: Iterable[str], headers: Mapping[str, Any]
    ) -> tuple[list[Queue], bool]:
        """The queues that a message reaches, each once, and whether the key alone decided.

        Follows bindings from exchange to exchange, and alternate exchanges where nothing matched;
        an exchange is entered once.
        """
        queues: dict[Queue, None] = {}
        stable = True
        seen = {exchange}
        waiting = [exchange]
        while waiting:
            current = waiting.pop()
            stable = stable and current.by_key_alone
            onward: dict[Queue | Exchange, None] = {
                binding.destination: None
                for key in routing_keys
                for binding in current.matching(key, headers)
            }
            if not onward and current.alternate is not None:
                alternate = self.exchanges.get(current.alternate)
                onward = {alternate: None} if alternate is not None else {}
            for destination in onward:
                if isinstance(destination, Queue):
                    queues[destination] = None
                elif destination not in seen:
                    seen.add(destination)
                    waiting.append(destination)
        return list(queues), stable


def _kept(binding: Binding) -> bool:
    """Whether a binding is in the store: durable ends, and not the default one of its queue."""
    exclusive = isinstance(binding.destination, Queue) and binding.destination.exclusive
    own = not binding.source.name and binding.routing_key == binding.destination.name
    return binding.durable and not own and not exclusive
