"""A channel of a session: what is published, delivered and settled on it.

`publish` and `ack` are the hot path and called for each message; every other method goes through
`method`, by the table of handlers, which are called with the arguments of the method as the
specification names them.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from reference_broker.broker.message import Message, Traits, plain_traits
from reference_broker.broker.queue import Outcome, Queue
from reference_broker.protocol.ports import HeldError
from reference_broker.wire.content import reframe
from reference_broker.wire.errors import AmqpError, SoftError
from reference_broker.wire.fast import ack_frame, ack_start
from reference_broker.wire.framing import method_frame
from reference_broker.wire.spec import METHODS

from . import replies
from .publishing import Route, without_bcc

if TYPE_CHECKING:
    from .consuming import Consumer
    from .session import Session
    from .transaction import Transaction

_PUBLISH = METHODS["basic.publish"].ids
_ACK = METHODS["basic.ack"].ids
_REJECTED = Outcome.REJECTED  # looked up once, since that takes an enum long


# A message that is out: its queue, its position there, and the consumer that has it, or None when
# basic.get fetched it. A plain tuple, since one of these is made for each delivery.
Unacked = tuple[Queue, int, Message, "Consumer | None"]


class Channel:
    """One open channel."""

    consumer_type: "type[Consumer]"  # set by `consuming`, which knows this module

    def __init__(self, session: "Session", number: int) -> None:
        self.session = session
        self.number = number
        self.number_octets = number.to_bytes(2, "big")
        self._ack_start = ack_start(number)
        self.current_queue = ""  # the queue last declared here, for which an empty name stands
        self.consumers: dict[str, Consumer] = {}
        self.reply_consumer: replies.ReplyConsumer | None = None
        self.unacked: dict[int, Unacked] = {}  # by delivery tag, rising
        self.delivery_tag = 0
        self.prefetch = 0  # for each consumer to come; 0 means no limit
        self.shared_limit = 0  # for all consumers together
        self.outstanding = 0  # deliveries to consumers that await an ack
        self.confirming = False
        self.ordinary = True  # neither confirming nor in a transaction
        self.published = 0
        self.refused: list[int] = []  # publishes, by number, that a full queue did not take
        self.confirmed = 0
        self.transaction: Transaction | None = None
        self._hub, self._vhost, self._routes = session.hub, session.vhost, session.routes
        self._last: tuple[bytes, bytes, int, Route, Traits]  # what `publish_again` repeats

    # the hot path

    def publish(self, method: bytes, properties: bytes, frames: bytes, body_size: int) -> None:
        """Take a whole content; see `protocol.ports.ChannelSink`."""
        route, traits = self._look_up(method, properties)
        self._last = method, properties, body_size, route, traits
        self._take(route, Message(route.name, route.routing_key, frames, body_size, traits))

    def publish_again(self, frames: bytes) -> None:
        """Take a content like the last one; see `protocol.ports.ChannelSink`."""
        method, properties, body_size, route, traits = self._last
        if route.version != self._vhost.version:
            self.publish(method, properties, frames, body_size)
        else:
            self._take(route, Message(route.name, route.routing_key, frames, body_size, traits))

    def publish_alike(self, properties: bytes, frames: bytes) -> None:
        """Take one with other properties; see `protocol.ports.ChannelSink`."""
        method, last_properties, body_size, route, last_traits = self._last
        traits = plain_traits(properties)
        if traits is None or route.version != self._vhost.version:
            route, traits = self._look_up(method, properties)
            self._last = method, last_properties, body_size, route, last_traits
        self._take(route, Message(route.name, route.routing_key, frames, body_size, traits))

    def _look_up(self, method: bytes, properties: bytes) -> tuple[Route, Traits]:
        try:
            return self._routes.find(method), self._routes.traits(properties)
        except AmqpError as error:
            error.blame(_PUBLISH)
            raise

    def _take(self, route: Route, message: Message) -> None:
        """Do with a message what the channel's mode asks for."""
        if message.traits.special:
            message = replies.addressed(self, message)
        elif route.queue is not None and self.ordinary and not self._hub.alarm:
            route.queue.put(message)
            return
        if self._hub.alarm:
            self.session.block()
            raise HeldError(lambda: self._take_later(route, message))
        self._place(route, message)

    def _take_later(self, route: Route, message: Message) -> None:
        """Take a message that an alarm has held back."""
        if route.version != self._vhost.version:
            route, _traits = self._look_up(*self._last[:2])
        self._place(route, message)

    def _place(self, route: Route, message: Message) -> None:
        if self.transaction is not None:
            route = self.session.routes.held(route, message)
            self.transaction.publishes.append((route, message))
            return
        taken = self.route(route, message)
        if self.confirming:
            self.published += 1
            if not taken:
                self.refused.append(self.published)
            self._hub.unconfirmed.add(self)

    def route(self, route: Route, message: Message) -> bool:
        """Put a message into the queues that its route leads to, or return it.

        False when a queue was full and did not take it.
        """
        queues: Sequence[Queue] | None = route.queues
        if queues is None or message.traits.special:
            queues = self.session.routes.queues(route, message)
            if message.traits.bcc:
                message = without_bcc(message)
        if len(queues) > 1:
            taken = self._vhost.spread(queues, message)
        else:
            taken = not queues or queues[0].put(message) is not _REJECTED
        if route.mandatory and not queues:
            self.give_back(message)
        return taken

    def ack(self, delivery_tag: int, multiple: bool) -> None:
        """Settle one message, or all up to the tag; 0 with multiple means all."""
        if multiple or self.transaction is not None:
            self._ack_up_to(delivery_tag, multiple)
            return
        unacked = self.unacked.pop(delivery_tag, None)
        if unacked is None:
            raise _unknown(delivery_tag, _ACK)
        queue, position, message, consumer = unacked
        queue.settle(position, message)
        if consumer is not None:
            consumer.outstanding -= 1
            self.outstanding -= 1
            if self.shared_limit:
                self.refresh()
            elif not consumer.active:
                consumer.refresh()

    def _ack_up_to(self, delivery_tag: int, multiple: bool) -> None:
        try:
            tags = self.outstanding_up_to(delivery_tag, multiple)
        except SoftError as error:
            error.blame(_ACK)
            raise
        self.settle(tags, "ack")

    # settling

    def outstanding_up_to(self, delivery_tag: int, multiple: bool) -> list[int]:
        """The delivery tags that an ack, nack or reject means. Raises SoftError 406."""
        if not multiple:
            if delivery_tag not in self.unacked:
                raise _unknown(delivery_tag)
            return [delivery_tag]
        if delivery_tag == 0:
            return list(self.unacked)
        if delivery_tag not in self.unacked:
            raise _unknown(delivery_tag)
        return list(takewhile(delivery_tag.__ge__, self.unacked))

    def settle(self, tags: Iterable[int], how: str) -> None:
        """Settle deliveries: `ack`, `requeue` or `discard`; in a transaction, at its commit."""
        if self.transaction is not None:
            settled = self.transaction.settled
            settled.extend((tag, how, self.unacked.pop(tag)) for tag in tags)
            return
        self.finish([self.unacked.pop(tag) for tag in tags], how)

    def finish(self, taken: list[Unacked], how: str) -> None:
        """Do what `settle` decided, and let those who had it take messages again.

        They have their turn in what comes back, too, as in RabbitMQ (`subtract_acks` of its queue
        process), to which a limit of the channel, that they share, is news that comes afterwards.
        """
        for _queue, _position, _message, consumer in taken:
            if consumer is not None:
                consumer.outstanding -= 1
                self.outstanding -= 1
        lined_up = () if self.shared_limit else self._line_up()
        if how == "ack":
            for queue, position, message, _consumer in taken:
                queue.settle(position, message)
        elif how == "discard":
            for queue, position, message, _consumer in sorted(taken, key=_burial):
                queue.reject(position, message)
        else:  # before others are served, or what is behind would overtake what comes back
            for queue, messages in _by_queue(taken).items():
                queue.requeue(messages)
        for queue in lined_up or self._line_up():
            queue.serve()

    def _abandon(self, taken: list[Unacked]) -> None:
        """Give what nobody has settled back into its queues."""
        for queue, messages in _by_queue(taken).items():
            queue.take_back(messages)

    def refresh(self) -> None:
        """Let the consumers that have room again take messages."""
        for queue in self._line_up():
            queue.serve()

    def _line_up(self) -> Iterable[Queue]:
        """Let those who have room again stand in line, first who left it first; in which queues."""
        waiting = (one for one in self.consumers.values() if not one.active and one.has_room)
        back = sorted(waiting, key=lambda one: one.aside)
        for consumer in back:
            consumer.queue.line_up(consumer)
        return dict.fromkeys(consumer.queue for consumer in back)

    @property
    def has_room(self) -> bool:
        """Whether the limit that the channel's consumers share allows one more delivery."""
        return not self.shared_limit or self.outstanding < self.shared_limit

    def park(self) -> None:
        """No consumer of the channel takes messages until `refresh`."""
        for consumer in self.consumers.values():
            consumer.active = False

    # answers

    def reply(self, no_wait: bool, name: str, /, **arguments: Any) -> None:
        """Answer a method, unless the client does not wait for the answer."""
        if not no_wait:
            self.session.send(method_frame(self.number, name, **arguments))

    def give_back(self, message: Message, code: int = 312, text: str = "NO_ROUTE") -> None:
        """Return a message that nobody takes to its publisher."""
        self.session.call(
            self.number,
            "basic.return",
            reply_code=code,
            reply_text=text,
            exchange=message.exchange,
            routing_key=message.routing_key,
        )
        self.send_content(message)

    def send_content(self, message: Message) -> None:
        """Write a message's header and body, after the method that carries them."""
        frame_max = self.session.frame_max or len(message.frames)
        self.session.send(reframe(message.frames, self.number, frame_max))

    def confirm(self) -> None:
        """Acknowledge all publishes so far: they are where they have to be, or were refused."""
        refused, self.refused = self.refused, []
        for number in refused:
            self._confirm_up_to(number - 1)
            self.confirmed = number
            self.reply(False, "basic.nack", delivery_tag=number, multiple=False, requeue=False)
        self._confirm_up_to(self.published)

    def _confirm_up_to(self, number: int) -> None:
        if number > self.confirmed:
            multiple = number > self.confirmed + 1
            self.confirmed = number
            self.session.send(ack_frame(self._ack_start, number, multiple=multiple))

    # the rest

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """Handle any other method, by the table."""
        HANDLERS[name](self, **arguments)

    @property
    def settled(self) -> int:
        """How many of the deliveries need no more acknowledgement."""
        undecided = len(self.transaction.settled) if self.transaction is not None else 0
        return self.delivery_tag - len(self.unacked) - undecided

    def end(self) -> None:
        """The channel closes: its consumers go, what is unacked goes back into its place."""
        self._vhost.flow.add(delivered=self.delivery_tag, settled=self.settled)
        self._hub.unconfirmed.discard(self)
        self.park()  # or a single active consumer that leaves would hand over to one that leaves
        consumers, self.consumers = self.consumers, {}
        for consumer in consumers.values():
            consumer.leave()
        replies.stop(self)
        transaction, self.transaction = self.transaction, None
        taken = list(self.unacked.values())
        self.unacked.clear()
        if transaction is not None:
            taken += [unacked for _tag, _how, unacked in transaction.settled]
        self._abandon(taken)
        for consumer in consumers.values():
            self.session.vhost.consumer_left(consumer.queue)


def _unknown(delivery_tag: int, method: tuple[int, int] | None = None) -> SoftError:
    return SoftError(406, f"unknown delivery tag {delivery_tag}", method)


def _by_queue(taken: list[Unacked]) -> dict[Queue, list[tuple[int, Message]]]:
    found: dict[Queue, list[tuple[int, Message]]] = {}
    for queue, position, message, _consumer in taken:
        found.setdefault(queue, []).append((position, message))
    return found


def _burial(unacked: Unacked) -> tuple[bool, str, int]:
    """In which order what is refused together dies in RabbitMQ (`foreach_per_queue`).

    What was fetched, one by one; then consumer by consumer in the order of their tags, by rank.
    """
    queue, _position, message, consumer = unacked
    return (False, "", 0) if consumer is None else (True, consumer.tag, queue.rank(message))


HANDLERS: dict[str, Callable[..., None]] = {}


def handles(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Enter a function into the table as the handler of a method."""

    def enter(handler: Callable[..., None]) -> Callable[..., None]:
        HANDLERS[name] = handler
        return handler

    return enter
