"""Direct reply-to: replies that go to a channel with no queue in between.

A channel that consumes the name REPLIES gets an address, which the broker writes into the reply-to
of each request that the channel publishes; what anybody publishes to that address through the
default exchange is delivered to the channel. See https://www.rabbitmq.com/docs/direct-reply-to.
"""

from typing import TYPE_CHECKING

from reference_broker.broker.message import REPLIES, Message
from reference_broker.wire.errors import SoftError
from reference_broker.wire.spec import METHODS

if TYPE_CHECKING:
    from .channel import Channel

PREFIX = f"{REPLIES}."


class ReplyConsumer:
    """Takes a channel's direct replies, for as long as `Hub.replies` knows its address."""

    def __init__(self, channel: "Channel", tag: str) -> None:
        self.tag = tag
        self.address = channel.session.vhost.invent_name(PREFIX)
        self._channel = channel

    def deliver(self, message: Message) -> None:
        """Write a basic.deliver with its content; nobody acknowledges it."""
        channel = self._channel
        channel.delivery_tag += 1
        channel.reply(
            False,
            "basic.deliver",
            consumer_tag=self.tag,
            delivery_tag=channel.delivery_tag,
            redelivered=False,
            exchange=message.exchange,
            routing_key=message.routing_key,
        )
        channel.send_content(message)

    def leave(self) -> None:
        """Take no more: the address leads nowhere from now on."""
        self._channel.session.hub.replies.pop(self.address, None)


def start(channel: "Channel", tag: str, *, no_ack: bool, no_wait: bool) -> None:
    """Let the channel consume direct replies. Raises SoftError 406 as RabbitMQ does."""
    if not no_ack:
        raise SoftError(406, "reply consumer cannot acknowledge")
    if channel.reply_consumer is not None:
        raise SoftError(406, "reply consumer already set")
    consumer = channel.reply_consumer = ReplyConsumer(channel, tag)
    channel.session.hub.replies[consumer.address] = consumer
    channel.reply(no_wait, "basic.consume-ok", consumer_tag=tag)


def stop(channel: "Channel") -> None:
    """End the channel's consumer of direct replies, if it has one."""
    consumer, channel.reply_consumer = channel.reply_consumer, None
    if consumer is not None:
        consumer.leave()


def exists(channel: "Channel", name: str) -> bool:
    """Whether a queue.declare of the name finds somebody who awaits replies."""
    return name == REPLIES or name in channel.session.hub.replies


def addressed(channel: "Channel", message: Message) -> Message:
    """The message with the channel's address, if it asks for direct replies. Raises SoftError."""
    properties = message.properties
    if properties.get("reply_to") != REPLIES:
        return message
    consumer = channel.reply_consumer
    if consumer is None:
        raise SoftError(406, "fast reply consumer does not exist", METHODS["basic.publish"].ids)
    return message.rewritten({**properties, "reply_to": consumer.address})
