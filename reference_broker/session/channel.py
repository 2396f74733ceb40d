"""A channel of a session: what is published, delivered and settled on it.

`publish` and `ack` are the hot path and called for each message; every other method goes through
`method`, by the table of handlers, which are called with the arguments of the method as the
specification names them.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from reference_broker.broker.message import Message
from reference_broker.broker.queue import Outcome, Queue
from reference_broker.wire.content import reframe
from reference_broker.wire.errors import AmqpError, SoftError
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


class Unacked(NamedTuple):
    """A message that is out; `consumer` is None when basic.get fetched it."""

    queue: Queue
    position: int
    message: Message
    consumer: "Consumer | None"


class Channel:
    """One open channel."""

    def __init__(self, session: "Session", number: int) -> None:
        self.session = session
        self.number = number
        self.number_octets = number.to_bytes(2, "big")
        self.current_queue = ""  # the queue last declared here, for which an empty name stands
        self.consumers: dict[str, Consumer] = {}
        self.reply_consumer: replies.ReplyConsumer | None = None
        self.unacked: dict[int, Unacked] = {}  # by delivery tag, rising
        self.delivery_tag = 0
        self.prefetch = 0  # for each consumer to come; 0 means no limit
        self.shared_limit = 0  # for all consumers together
        self.outstanding = 0  # deliveries to consumers that await an ack
        self.confirming = False
        self.published = 0
        self.refused: list[int] = []  # publishes, by number, that a full queue did not take
        self.confirmed = 0
        self.transaction: Transaction | None = None

    # the hot path

    def publish(self, method: bytes, properties: bytes, frames: bytes, body_size: int) -> None:
        """Take a whole content; see `protocol.connection.ChannelSink`."""
        try:
            routes = self.session.routes
            route = routes.find(method)
            message = Message(
                route.name, route.routing_key, frames, body_size, routes.traits(properties)
            )
            if message.traits.special:
                message = replies.addressed(self, message)
        except AmqpError as error:
            error.blame(_PUBLISH)
            raise
        if self.transaction is not None:
            self.transaction.publishes.append((route, message))
            return
        if self.session.hub.alarm:
            self.session.block()
        taken = self.route(route, message)
        if self.confirming:
            self.published += 1
            if not taken:
                self.refused.append(self.published)
            self.session.hub.unconfirmed.add(self)

    def route(self, route: Route, message: Message) -> bool:
        """Put a message into the queues that its route leads to, or return it.

        False when a queue was full and did not take it.
        """
        queues: Iterable[Queue] | None = route.queues
        if queues is None or message.traits.special:
            queues = self.session.routes.queues(route, message)
            if message.traits.bcc:
                message = without_bcc(message)
        taken = True
        for queue in queues:
            if queue.put(message) is Outcome.REJECTED:
                taken = False
        if route.mandatory and not queues:
            self.give_back(message)
        return taken

    def ack(self, delivery_tag: int, multiple: bool) -> None:
        """Settle one message, or all up to the tag; 0 with multiple means all."""
        try:
            if multiple or self.transaction is not None:
                self.settle(self.outstanding_up_to(delivery_tag, multiple), "ack")
                return
            unacked = self.unacked.pop(delivery_tag, None)
            if unacked is None:
                raise _unknown(delivery_tag)
        except SoftError as error:
            error.blame(_ACK)
            raise
        queue, position, message, consumer = unacked
        queue.settle(position, message)
        if consumer is not None:
            self.credit(consumer)

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
        tags = []
        for tag in self.unacked:
            if tag > delivery_tag:
                break
            tags.append(tag)
        return tags

    def settle(self, tags: Iterable[int], how: str) -> None:
        """Settle deliveries: `ack`, `requeue` or `discard`; in a transaction, at its commit."""
        taken = [(tag, self.unacked.pop(tag)) for tag in tags]
        if self.transaction is not None:
            self.transaction.settled.extend((tag, how, unacked) for tag, unacked in taken)
            return
        self.finish([unacked for _tag, unacked in taken], how)

    def finish(self, taken: Iterable[Unacked], how: str) -> None:
        """Do what `settle` decided."""
        taken = list(taken)
        back: dict[Queue, list[tuple[int, Message]]] = {}
        for queue, position, message, _consumer in taken:
            if how == "requeue":
                back.setdefault(queue, []).append((position, message))
            elif how == "discard":
                queue.reject(position, message)
            else:
                queue.settle(position, message)
        self.release(taken)
        for queue, messages in back.items():
            queue.requeue(messages)

    def _abandon(self, taken: Iterable[Unacked]) -> None:
        """Give what nobody has settled back into its queues."""
        back: dict[Queue, list[tuple[int, Message]]] = {}
        for queue, position, message, _consumer in taken:
            back.setdefault(queue, []).append((position, message))
        for queue, messages in back.items():
            queue.take_back(messages)

    def release(self, taken: Iterable[Unacked]) -> None:
        """Give the consumers of these deliveries their credit back."""
        for unacked in taken:
            if unacked.consumer is not None:
                unacked.consumer.outstanding -= 1
                self.outstanding -= 1
        self.refresh()

    def credit(self, consumer: "Consumer") -> None:
        """One delivery of this consumer is settled."""
        consumer.outstanding -= 1
        self.outstanding -= 1
        if self.shared_limit:
            self.refresh()
        elif not consumer.active:
            consumer.refresh()

    def refresh(self) -> None:
        """Let each consumer that has room again take messages."""
        for consumer in list(self.consumers.values()):
            if not consumer.active:
                consumer.refresh()

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

    def give_back(self, message: Message) -> None:
        """Return an unroutable message to its publisher."""
        self.session.call(
            self.number,
            "basic.return",
            reply_code=312,
            reply_text="NO_ROUTE",
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
            self.reply(False, "basic.ack", delivery_tag=number, multiple=multiple)

    # the rest

    def method(self, name: str, arguments: dict[str, Any]) -> None:
        """Handle any other method, by the table."""
        HANDLERS[name](self, **arguments)

    def end(self) -> None:
        """The channel closes: its consumers go, what is unacked goes back into its place."""
        self.session.hub.unconfirmed.discard(self)
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


def _unknown(delivery_tag: int) -> SoftError:
    return SoftError(406, f"unknown delivery tag {delivery_tag}")


HANDLERS: dict[str, Callable[..., None]] = {}


def handles(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Enter a function into the table as the handler of a method."""

    def enter(handler: Callable[..., None]) -> Callable[..., None]:
        HANDLERS[name] = handler
        return handler

    return enter
