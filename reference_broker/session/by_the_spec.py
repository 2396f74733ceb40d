"""Channels and consumers that do as the specification says where RabbitMQ departs from it.

Each handler here belongs to one choice of `semantics`, and mostly stands before RabbitMQ's own: it
refuses what the specification refuses, and leaves the rest to it. A connection whose semantics are
RabbitMQ's meets none of this.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from reference_broker.broker.arguments import KNOWN_QUEUE_ARGUMENTS
from reference_broker.broker.choosy import ChoosyQueue
from reference_broker.broker.message import Message
from reference_broker.semantics import RABBITMQ, Semantics
from reference_broker.wire.errors import SoftError

from .channel import HANDLERS, Channel
from .consuming import Consumer
from .publishing import Route

if TYPE_CHECKING:
    from .session import Session

KNOWN_ARGUMENTS = KNOWN_QUEUE_ARGUMENTS | {"alternate-exchange"}
"""What RabbitMQ itself compares, or ignores with a reason."""

_LEGAL_NAME = re.compile(r"[A-Za-z0-9_.:-]*")
Handler = Callable[..., None]


def make_channel(session: "Session", number: int) -> Channel:
    """A channel of the semantics that the broker has."""
    semantics = session.hub.config.semantics
    kind = Channel if semantics == RABBITMQ else SpecChannel
    return kind(session, number)


class OwnMessage(Message):
    """A message that knows the connection that published it."""

    __slots__ = ("publisher",)

    def __init__(self, message: Message, publisher: object) -> None:
        super().__init__(
            message.exchange,
            message.routing_key,
            message.frames,
            message.body_size,
            message.traits,
        )
        self.publisher = publisher


class SpecConsumer(Consumer):
    """Declines what the specification keeps from it."""

    __slots__ = ()
    channel: "SpecChannel"

    def accepts(self, position: int, message: Message) -> bool:
        """Whether this is neither its own, nor refused, nor too large for now."""
        channel = self.channel
        own = self.no_local and getattr(message, "publisher", None) is channel.session
        if own and channel.semantics.no_local:
            return False
        queue = self.queue
        if isinstance(queue, ChoosyQueue) and queue.refuses(position, channel):
            return False
        return self.no_ack or channel.has_octets_for(message)

    def refresh(self) -> None:
        """Take messages again, unless the client has paused the channel."""
        if not self.channel.paused:
            super().refresh()


class SpecChannel(Channel):
    """A channel with the specification's flow, prefetch-size, immediate and no-local."""

    consumer_type = SpecConsumer

    def __init__(self, session: "Session", number: int) -> None:
        super().__init__(session, number)
        self.semantics = session.hub.config.semantics
        self.paused = False
        self.prefetch_octets = 0  # 0 for no limit
        self._handlers = _handlers(self.semantics)

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """Handle a method, by the table of these semantics."""
        self._handlers[name](self, **arguments)

    def has_octets_for(self, message: Message) -> bool:
        """Whether prefetch-size allows one more delivery; if nothing is out it always does."""
        if not self.prefetch_octets:
            return True
        out = [held.body_size for _queue, _position, held, to in self.unacked.values() if to]
        return not out or sum(out) + message.body_size <= self.prefetch_octets

    def refresh(self) -> None:
        """Let each consumer that has room again take messages; octets count as room."""
        super().refresh()
        if self.prefetch_octets:
            for consumer in list(self.consumers.values()):
                consumer.queue.serve()

    def ack(self, delivery_tag: int, multiple: bool) -> None:
        """Settle as ever; it makes room for octets, too."""
        super().ack(delivery_tag, multiple)
        if self.prefetch_octets:
            self.refresh()

    def _take(self, route: Route, message: Message) -> None:
        if self.semantics.no_local:
            message = OwnMessage(message, self.session)
        super()._take(route, message)

    def route(self, route: Route, message: Message) -> bool:
        """Route as ever, an immediate message only to where it is delivered at once."""
        if not route.immediate:
            return super().route(route, message)
        reached = self.session.routes.queues(route, message)
        ready = [queue for queue in reached if queue.can_deliver(message)]
        self._vhost.spread(ready, message)
        if not ready:
            self.give_back(message, 313, "NO_CONSUMERS")
        return True


# What each choice changes: the method -> its handler, and what it is to say of the rest.

_GUARDS: list[tuple[str, str, Handler]] = []
_REPLACEMENTS: list[tuple[str, str, Handler]] = []


@cache
def _handlers(semantics: Semantics) -> Mapping[str, Handler]:
    """The table of handlers under these semantics."""
    table = dict(HANDLERS)
    for choice, method, handler in _REPLACEMENTS:
        if getattr(semantics, choice):
            table[method] = _chained(handler, table[method])
    for choice, method, handler in _GUARDS:
        if getattr(semantics, choice):
            table[method] = _guarded(handler, table[method])
    return table


def _guarded(guard: Handler, then: Handler) -> Handler:
    def both(channel: Channel, **arguments: Any) -> None:
        guard(channel, **arguments)
        then(channel, **arguments)

    return both


def _chained(handler: Handler, otherwise: Handler) -> Handler:
    def either(channel: Channel, **arguments: Any) -> None:
        handler(channel, otherwise, **arguments)

    return either


def _guards(choice: str, *methods: str) -> Callable[[Handler], Handler]:
    """What may refuse these methods before RabbitMQ's handlers see them."""

    def enter(handler: Handler) -> Handler:
        _GUARDS.extend((choice, method, handler) for method in methods)
        return handler

    return enter


def _replaces(choice: str, method: str) -> Callable[[Handler], Handler]:
    """What stands in RabbitMQ's handler's place, and is given it."""

    def enter(handler: Handler) -> Handler:
        _REPLACEMENTS.append((choice, method, handler))
        return handler

    return enter


@_guards("legal_names", "exchange.declare", "queue.declare")
def _legal_name(_channel: Channel, passive: bool, **rest: Any) -> None:
    name = rest["exchange"] if "exchange" in rest else rest["queue"]
    if not passive and not _LEGAL_NAME.fullmatch(name):
        raise SoftError(406, f"no lawful name: {name!r}")


@_guards("missing_is_error", "exchange.delete")
def _exchange_is_there(channel: Channel, exchange: str, **_rest: Any) -> None:
    channel.session.vhost.exchange(exchange)


@_guards("missing_is_error", "exchange.unbind")
def _both_are_there(channel: Channel, source: str, destination: str, **_rest: Any) -> None:
    channel.session.vhost.exchange(source)
    channel.session.vhost.exchange(destination)


@_guards("missing_is_error", "queue.delete", "queue.unbind")
def _queue_is_there(channel: Channel, queue: str, **rest: Any) -> None:
    name = queue or channel.current_queue
    if name:  # else RabbitMQ's handler says that there is none
        channel.session.vhost.queue(name, channel.session)
    if "exchange" in rest:
        channel.session.vhost.exchange(rest["exchange"])


@_guards("all_arguments_count", "exchange.declare")
def _same_exchange(
    channel: Channel, exchange: str, passive: bool, arguments: Mapping[str, Any], **_rest: Any
) -> None:
    found = channel.session.vhost.exchanges.get(exchange)
    if found is not None and not passive:
        _same_arguments("exchange", exchange, found.arguments, arguments)


@_guards("all_arguments_count", "queue.declare")
def _same_queue(
    channel: Channel, queue: str, passive: bool, arguments: Mapping[str, Any], **_rest: Any
) -> None:
    found = channel.session.vhost.queues.get(queue)
    if found is not None and not passive and found.owner in {None, channel.session}:
        _same_arguments("queue", queue, found.arguments, arguments)


def _same_arguments(
    kind: str, name: str, held: Mapping[str, Any], asked: Mapping[str, Any]
) -> None:
    for argument in sorted((held.keys() | asked.keys()) - KNOWN_ARGUMENTS):
        if argument not in held or argument not in asked or held[argument] != asked[argument]:
            raise SoftError(406, f"inequivalent arg '{argument}' for {kind} '{name}'")


@_replaces("auto_delete_ignored", "exchange.declare")
def _declare(channel: Channel, otherwise: Handler, exchange: str, **rest: Any) -> None:
    """Take an exchange that is there as it is in this."""
    found = channel.session.vhost.exchanges.get(exchange)
    if found is not None:
        rest["auto_delete"] = found.auto_delete
    otherwise(channel, exchange=exchange, **rest)


@_guards("refused_goes_elsewhere", "basic.reject", "basic.nack")
def _refuse(channel: Channel, delivery_tag: int, requeue: bool, multiple: bool = False) -> None:
    """What a client sends back does not come to this channel again."""
    for tag in channel.outstanding_up_to(delivery_tag, multiple) if requeue else ():
        queue, position, _message, _consumer = channel.unacked[tag]
        if isinstance(queue, ChoosyQueue):
            queue.refused(position, channel)


@_replaces("deleted_is_buried", "queue.delete")
def _delete(channel: Channel, otherwise: Handler, queue: str, **rest: Any) -> None:
    """Send what is pending to the dead-letter exchange; a queue that expires drops it."""
    found = channel.session.vhost.queues.get(queue or channel.current_queue)
    pending = found.pending if isinstance(found, ChoosyQueue) else []
    otherwise(channel, queue=queue, **rest)
    if isinstance(found, ChoosyQueue):
        found.bury_pending(pending)


@_replaces("flow", "channel.flow")
def _flow(channel: SpecChannel, _otherwise: Handler, active: bool) -> None:
    """Deliver nothing to a paused channel."""
    channel.paused = not active
    channel.reply(False, "channel.flow-ok", active=active)
    if active:
        channel.refresh()
    else:
        channel.park()


@_replaces("prefetch_octets", "basic.qos")
def _qos(channel: SpecChannel, otherwise: Handler, prefetch_size: int, **rest: Any) -> None:
    """Limit the octets that are out to the channel; the count as ever."""
    channel.prefetch_octets = prefetch_size
    otherwise(channel, prefetch_size=0, **rest)


@_replaces("recover_to_same", "basic.recover")
def _recover(channel: Channel, otherwise: Handler, requeue: bool) -> None:
    """Without requeue, deliver again what is out to whom it was delivered."""
    if requeue:
        otherwise(channel, requeue=True)
        return
    channel.reply(False, "basic.recover-ok")
    _deliver_again(channel)


@_replaces("recover_to_same", "basic.recover-async")
def _recover_async(channel: Channel, otherwise: Handler, requeue: bool) -> None:
    """The same without an answer."""
    if requeue:
        otherwise(channel, requeue=True)
    else:
        _deliver_again(channel)


def _deliver_again(channel: Channel) -> None:
    """A message that a basic.get fetched, or whose consumer has gone, goes back to its queue."""
    taken = list(channel.unacked.values())
    channel.unacked.clear()
    homeless = []
    for unacked in taken:
        _queue, position, message, consumer = unacked
        if consumer is None or channel.consumers.get(consumer.tag) is not consumer:
            homeless.append(unacked)
            continue
        consumer.outstanding -= 1
        channel.outstanding -= 1
        consumer.deliver(position, message, True)
    channel.finish(homeless, "requeue")
