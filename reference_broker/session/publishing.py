"""Publishing: from a basic.publish and its content to queues, returns and confirms.

What repeats is remembered: the payload of a basic.publish gives exchange, key, flags and the queues
they lead to, as long as the vhost's topology does not change; a header's payload gives the traits.
Both memories are bounded, and simply start anew when full.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reference_broker.broker.access import User
from reference_broker.broker.exchange import Exchange
from reference_broker.broker.message import REPLIES, Message, Traits, read_traits
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.protocol.connection import decode
from reference_broker.protocol.strictness import check_strings
from reference_broker.wire.errors import HardError, SoftError, WireError

if TYPE_CHECKING:
    from .replies import ReplyConsumer

_REMEMBERED = 16_384
_PUBLISH = (60, 40)


@dataclass(slots=True)
class Route:
    """Where one kind of publish leads; `queues` is None when each message must be looked at."""

    exchange: Exchange
    name: str
    routing_key: str
    mandatory: bool
    queues: list[Queue] | None
    version: int  # of the vhost's topology, for which this holds
    queue: Queue | None = None  # the only one, where no message needs a look
    immediate: bool = False  # only under the specification's semantics
    names: tuple[str, ...] | None = None  # of the queues of one message, which waits for a commit


class Routes:
    """The memory of one connection's publishes."""

    def __init__(self, vhost: VHost, user: User, replies: Mapping[str, "ReplyConsumer"]) -> None:
        self._vhost = vhost
        self._replies = replies
        self._user = user
        self._impersonator = "impersonator" in user.tags  # as the user was when it came
        self._version = vhost.version
        self._routes: dict[bytes, Route] = {}
        self._traits: dict[bytes, Traits] = {}

    def find(self, method: bytes) -> Route:
        """The route of a basic.publish payload.

        Raises:
            SoftError: 403 no permission or internal exchange, 404 no such exchange.
            HardError: 540 the immediate flag, which RabbitMQ dropped; 501 malformed arguments.
        """
        if self._version != self._vhost.version:
            self._version = self._vhost.version
            self._routes.clear()
        route = self._routes.get(method)
        if route is None:
            route = self._resolve(method)
            if len(self._routes) >= _REMEMBERED:
                self._routes.clear()
            self._routes[method] = route
        return route

    def _resolve(self, method: bytes) -> Route:
        decoded = decode(method)
        check_strings(decoded, self._vhost.semantics)
        arguments = decoded.arguments
        name, key = arguments["exchange"], arguments["routing_key"]
        immediate = arguments["immediate"]
        if immediate and not self._vhost.semantics.immediate:
            raise HardError(540, "immediate=true", _PUBLISH)
        vhost, user = self._vhost, self._user
        user.check(vhost.name, "write", "exchange", name)
        exchange = vhost.exchange(name)
        if exchange.internal:
            shown = f"exchange '{name}' in vhost '{vhost.name}'"
            raise SoftError(403, f"cannot publish to internal {shown}", _PUBLISH)
        if user.topics and exchange.type == "topic":
            user.check_topic(vhost.name, "write", name, key)
        if not name and key.startswith(REPLIES):
            return Route(exchange, name, key, arguments["mandatory"], None, self._version)
        queues, stable = vhost.route(exchange, (key,), {})
        known = queues if stable else None
        only = queues[0] if stable and len(queues) == 1 and not immediate else None
        mandatory = arguments["mandatory"]
        return Route(exchange, name, key, mandatory, known, self._version, only, immediate)

    def traits(self, properties: bytes) -> Traits:
        """The traits of a header's payload from its flags on. Raises SoftError, HardError."""
        traits = self._traits.get(properties)
        if traits is None:
            traits = self._read_traits(properties)
            if len(self._traits) >= _REMEMBERED:
                self._traits.clear()
            self._traits[properties] = traits
        return traits

    def _read_traits(self, properties: bytes) -> Traits:
        try:
            traits = read_traits(properties)
        except WireError as cause:
            raise HardError(541, "", (0, 0)) from cause
        if traits.user_id not in {None, self._user.name} and not self._impersonator:
            raise SoftError(
                406,
                f"user_id property set to '{traits.user_id}' but authenticated user was "
                f"'{self._user.name}'",
                _PUBLISH,
            )
        return traits

    def queues(self, route: Route, message: Message) -> Sequence[Queue]:
        """The queues that one message reaches, for a route or a message that needs the look."""
        if route.names is not None:
            there = self._vhost.queues
            return [there[name] for name in route.names if name in there]
        return self._reached(route, message)

    def held(self, route: Route, message: Message) -> Route:
        """The route of a message that waits for a commit: where it leads is decided now, by name.

        As in RabbitMQ, a queue that is deleted and declared again until then counts as the same,
        and the default exchange leads to any name, whether there is a queue yet or not.
        """
        reached = self._reached(route, message)
        if route.name:
            names = [queue.name for queue in reached]
        else:
            names = [route.routing_key, *message.traits.further_keys]
        return replace(route, queues=None, names=tuple(dict.fromkeys(names)))

    def _reached(self, route: Route, message: Message) -> Sequence[Queue]:
        if route.queues is not None and not message.traits.further_keys:
            return route.queues
        keys = (route.routing_key, *message.traits.further_keys)
        if not route.name:
            self._answer(keys, message)
        return self._vhost.route(route.exchange, keys, message.headers)[0]

    def _answer(self, keys: tuple[str, ...], message: Message) -> None:
        """Deliver to those keys that are addresses of direct replies.

        No queue has such a name, so that a mandatory reply is returned as well, as in RabbitMQ.
        """
        for key in dict.fromkeys(keys):
            if key in self._replies:
                self._replies[key].deliver(message)


def without_bcc(message: Message) -> Message:
    """The message as its receivers see it: the BCC header is for the broker alone."""
    properties = message.properties
    headers = dict(properties["headers"])
    if headers.pop("BCC", None) is None:
        return message
    return message.rewritten({**properties, "headers": headers})
