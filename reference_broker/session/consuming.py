"""Consuming: the methods of class basic but publish and ack, and the consumer that delivers."""

from reference_broker.broker.message import REPLIES, Message
from reference_broker.broker.queue import Queue
from reference_broker.wire.content import reframe
from reference_broker.wire.errors import HardError, SoftError
from reference_broker.wire.fast import deliver_parts, pack_tag
from reference_broker.wire.tables import Table, encode_shortstr

from . import replies
from .channel import Channel, handles
from .hub import HIGH_WATER
from .topology import named_queue


class Consumer:
    """Delivers from one queue to one channel; a `broker.ports.Consumer`."""

    __slots__ = (
        "_after",
        "_again",
        "_before",
        "_exchange",
        "_high",
        "_key",
        "_low",
        "_session",
        "_tag_octets",
        "active",
        "aside",
        "channel",
        "exclusive",
        "limit",
        "no_ack",
        "no_local",
        "outstanding",
        "priority",
        "queue",
        "queued",
        "tag",
    )  # fmt: skip

    def __init__(
        self, channel: Channel, queue: Queue, tag: str, *, no_ack: bool, exclusive: bool
    ) -> None:
        self.channel = channel
        self._session = channel.session
        self._high, self._low = channel.number_octets
        self.queue = queue
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.priority = 0
        self.no_local = False  # which RabbitMQ ignores
        self.active = self.queued = False
        self.aside = 0
        self.limit = 0 if no_ack else channel.prefetch or queue.most_unacked
        self.outstanding = 0
        self._tag_octets = encode_shortstr(tag)
        self._exchange: str | None = None
        self._key: str | None = None
        self._before = self._after = self._again = b""

    def accepts(self, position: int, message: Message) -> bool:  # noqa: ARG002
        """RabbitMQ's consumers take whatever is next."""
        return True

    def deliver(self, position: int, message: Message, redelivered: bool) -> None:
        """Write a basic.deliver with its content; equals `framing.method_frame` and the frames."""
        channel, session = self.channel, self._session
        channel.delivery_tag = tag = channel.delivery_tag + 1
        if message.routing_key is not self._key or message.exchange is not self._exchange:
            self._prepare(message)
        frames = message.frames
        size = len(frames)
        if frames[2] != self._low or frames[1] != self._high or size > session.frame_max:
            frames = reframe(frames, channel.number, session.frame_max or size)
        out = session.out
        if not out:
            session.hub.dirty.add(session)
        after = self._again if redelivered else self._after
        out += (self._before, pack_tag(tag), after, frames)
        if self.no_ack:
            self.queue.settle(position, message)
        else:
            channel.unacked[tag] = self.queue, position, message, self
            self.outstanding = outstanding = self.outstanding + 1
            if outstanding == self.limit:
                self.active = False
            channel.outstanding = outstanding = channel.outstanding + 1
            if outstanding == channel.shared_limit:
                channel.park()
        session.gathered = gathered = session.gathered + size
        if gathered > HIGH_WATER and not session.hub.atomic:
            session.hub.settle()  # not flush: what the store must know goes first

    def _prepare(self, message: Message) -> None:
        """Encode what repeats from message to message."""
        self._exchange, self._key = message.exchange, message.routing_key
        self._before, self._after, self._again = deliver_parts(
            self.channel.number,
            self._tag_octets,
            encode_shortstr(message.exchange),
            encode_shortstr(message.routing_key),
        )

    @property
    def has_room(self) -> bool:
        """Whether it may take one more message; never once it was cancelled."""
        channel = self.channel
        return (
            channel.consumers.get(self.tag) is self
            and channel.session.writable
            and (not self.limit or self.outstanding < self.limit)
            and (self.no_ack or channel.has_room)
        )

    def refresh(self) -> None:
        """Take messages again, if there is room."""
        if self.has_room:
            self.queue.activate(self)

    def leave(self) -> None:
        """Stop taking messages; what is out stays out."""
        if not self.queue.deleted:
            self.queue.remove_consumer(self)

    def queue_gone(self) -> None:
        """Tell the client that its queue is deleted, if it knows the notification."""
        self.channel.consumers.pop(self.tag, None)
        if self.channel.session.capable("consumer_cancel_notify"):
            self.channel.reply(False, "basic.cancel", consumer_tag=self.tag, no_wait=True)


Channel.consumer_type = Consumer


@handles("basic.consume")
def consume(
    channel: Channel,
    queue: str,
    consumer_tag: str,
    no_local: bool,
    no_ack: bool,
    exclusive: bool,
    no_wait: bool,
    arguments: Table,
) -> None:
    """Start a consumer; Consume-Ok goes out before its first delivery."""
    tag = consumer_tag or channel.session.vhost.invent_name("amq.ctag-")
    if tag in channel.consumers:
        raise HardError(530, f"attempt to reuse consumer tag '{tag}'")
    most = channel.session.hub.config.consumer_max_per_channel
    if most and len(channel.consumers) >= most:
        raise HardError(530, f"reached maximum ({most}) of consumers per channel")
    if queue == REPLIES:
        replies.start(channel, tag, no_ack=no_ack, no_wait=no_wait)
        return
    source = named_queue(channel, queue, "read")
    if channel.shared_limit and not source.shared_qos:
        raise HardError(
            540, f"{channel.session.vhost.describe(source)} does not support global qos"
        )
    consumer = channel.consumer_type(channel, source, tag, no_ack=no_ack, exclusive=exclusive)
    consumer.no_local = no_local
    consumer.priority = _priority(arguments)
    channel.session.vhost.add_consumer(source, consumer)
    channel.consumers[tag] = consumer
    channel.reply(no_wait, "basic.consume-ok", consumer_tag=tag)
    consumer.active = consumer.has_room
    source.serve()


def _priority(arguments: Table) -> int:
    priority = arguments.get("x-priority", 0)
    if isinstance(priority, bool) or not isinstance(priority, int):
        raise SoftError(406, f"invalid arg 'x-priority' {priority!r}: not a whole number")
    return priority


@handles("basic.cancel")
def cancel(channel: Channel, consumer_tag: str, no_wait: bool) -> None:
    """End a consumer; what it has not acked stays with the channel. No such tag is no error."""
    consumer = channel.consumers.pop(consumer_tag, None)
    if channel.reply_consumer is not None and channel.reply_consumer.tag == consumer_tag:
        replies.stop(channel)
    elif consumer is not None:
        consumer.leave()
        channel.session.vhost.consumer_left(consumer.queue)
    channel.reply(no_wait, "basic.cancel-ok", consumer_tag=consumer_tag)


@handles("basic.get")
def get(channel: Channel, queue: str, no_ack: bool) -> None:
    """Fetch one message."""
    source = named_queue(channel, queue, "read")
    if source.limits.single_active and not source.get_while_single_active:
        raise SoftError(
            405,
            f"cannot obtain access to locked {channel.session.vhost.describe(source)}. basic.get "
            "operations are not supported by quorum queues with single active consumer",
        )
    source.touch()
    taken = source.fetch()
    if taken is None:
        channel.reply(False, "basic.get-empty")
        return
    position, message, redelivered = taken
    channel.delivery_tag += 1
    channel.reply(
        False,
        "basic.get-ok",
        delivery_tag=channel.delivery_tag,
        redelivered=redelivered,
        exchange=message.exchange,
        routing_key=message.routing_key,
        message_count=len(source),
    )
    channel.send_content(message)
    if no_ack:
        source.settle(position, message)
    else:
        channel.unacked[channel.delivery_tag] = source, position, message, None


@handles("basic.qos")
def qos(channel: Channel, prefetch_size: int, prefetch_count: int, global_: bool) -> None:
    """Limit what may be out: for each consumer to come, or (global) for the channel's all.

    The former ends the latter, as RabbitMQ has it since 3.8; the other way round both hold.
    """
    if prefetch_size:
        raise HardError(540, f"prefetch_size!=0 ({prefetch_size})")
    channel.reply(False, "basic.qos-ok")
    if not global_:
        channel.prefetch = prefetch_count
    channel.shared_limit = prefetch_count if global_ else 0
    if not channel.has_room:
        channel.park()
    channel.refresh()


@handles("basic.nack")
def nack(channel: Channel, delivery_tag: int, multiple: bool, requeue: bool) -> None:
    """Refuse one message, or all up to the tag."""
    tags = channel.outstanding_up_to(delivery_tag, multiple)
    channel.settle(tags, "requeue" if requeue else "discard")


@handles("basic.reject")
def reject(channel: Channel, delivery_tag: int, requeue: bool) -> None:
    """Refuse one message."""
    nack(channel, delivery_tag, multiple=False, requeue=requeue)


@handles("basic.recover-async")
def recover_async(channel: Channel, requeue: bool) -> None:
    """Put all that is unacked back into its queues."""
    _only_requeue(requeue)
    taken = list(channel.unacked.values())
    channel.unacked.clear()
    channel.finish(taken, "requeue")


@handles("basic.recover")
def recover(channel: Channel, requeue: bool) -> None:
    """Like recover-async, with an answer, which comes before what is delivered again (4.6)."""
    _only_requeue(requeue)
    channel.reply(False, "basic.recover-ok")
    recover_async(channel, requeue)


def _only_requeue(requeue: bool) -> None:
    if not requeue:
        raise HardError(540, "requeue=false")
