"""The methods of classes exchange, queue, channel and access."""

from reference_broker.broker.exchange import Exchange, exchange_type
from reference_broker.broker.message import REPLIES
from reference_broker.broker.queue import Queue
from reference_broker.wire.errors import HardError, SoftError
from reference_broker.wire.tables import Table

from . import replies
from .channel import Channel, handles


def _check(channel: Channel, what: str, kind: str, name: str) -> None:
    user = channel.session.user
    assert user is not None  # noqa: S101  no channel without a user
    user.check(channel.session.vhost.name, what, kind, name)


def _check_key(channel: Channel, source: Exchange, key: str) -> None:
    """Refuse a binding key that the user may not read from a topic exchange. Raises SoftError."""
    user = channel.session.user
    if user is not None and user.topics and source.type == "topic":
        user.check_topic(channel.session.vhost.name, "read", source.name, key)


def named_queue(channel: Channel, name: str, what: str) -> Queue:
    """The queue of that name (empty: the last one declared here), if the user may `what` it."""
    name = _or_current(channel, name)
    _check(channel, what, "queue", name)
    return channel.session.vhost.queue(name, channel.session)


def _or_current(channel: Channel, name: str) -> str:
    name = name or channel.current_queue
    if not name:
        raise SoftError(404, "no previously declared queue")
    return name


@handles("exchange.declare")
def exchange_declare(
    channel: Channel,
    exchange: str,
    type: str,  # noqa: A002  the specification's name
    passive: bool,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    no_wait: bool,
    arguments: Table,
) -> None:
    """Create an exchange, or see that it is there."""
    vhost = channel.session.vhost
    exchange = _stripped(exchange)
    if not passive:
        exchange_type(type)
    vhost.not_default(exchange)
    if passive:
        vhost.exchange(exchange)
    else:
        _check(channel, "configure", "exchange", exchange)
        _check_alternate(channel, exchange, arguments)
        vhost.declare_exchange(
            exchange,
            type,
            durable=durable,
            auto_delete=auto_delete,
            internal=internal,
            arguments=arguments,
        )
    channel.reply(no_wait, "exchange.declare-ok")


def _check_alternate(channel: Channel, exchange: str, arguments: Table) -> None:
    alternate = arguments.get("alternate-exchange")
    if isinstance(alternate, str):
        _check(channel, "read", "exchange", exchange)
        _check(channel, "write", "exchange", alternate)


def _stripped(name: str) -> str:
    """The name as RabbitMQ keeps it: without line ends."""
    return name.replace("\r", "").replace("\n", "")


@handles("exchange.delete")
def exchange_delete(channel: Channel, exchange: str, if_unused: bool, no_wait: bool) -> None:
    """Delete an exchange."""
    exchange = _stripped(exchange)
    channel.session.vhost.not_default(exchange)
    _check(channel, "configure", "exchange", exchange)
    channel.session.vhost.delete_exchange(exchange, if_unused=if_unused)
    channel.reply(no_wait, "exchange.delete-ok")


@handles("exchange.bind")
def exchange_bind(
    channel: Channel,
    destination: str,
    source: str,
    routing_key: str,
    no_wait: bool,
    arguments: Table,
) -> None:
    """Bind an exchange to another."""
    vhost = channel.session.vhost
    from_exchange, to_exchange = _both_exchanges(channel, destination, source)
    _check_key(channel, from_exchange, routing_key)
    vhost.bind(from_exchange, to_exchange, routing_key, arguments)
    channel.reply(no_wait, "exchange.bind-ok")


@handles("exchange.unbind")
def exchange_unbind(
    channel: Channel,
    destination: str,
    source: str,
    routing_key: str,
    no_wait: bool,
    arguments: Table,
) -> None:
    """Unbind an exchange from another; what is missing is no error."""
    vhost = channel.session.vhost
    _check_both(channel, destination, source)
    from_exchange, to_exchange = vhost.exchanges.get(source), vhost.exchanges.get(destination)
    if from_exchange is not None and to_exchange is not None:
        _check_key(channel, from_exchange, routing_key)
        vhost.unbind(from_exchange, to_exchange, routing_key, arguments, channel.session)
    channel.reply(no_wait, "exchange.unbind-ok")


def _both_exchanges(channel: Channel, destination: str, source: str) -> tuple[Exchange, Exchange]:
    vhost = channel.session.vhost
    _check_both(channel, destination, source)
    return vhost.exchange(source), vhost.exchange(destination)


def _check_both(channel: Channel, destination: str, source: str) -> None:
    for name in (destination, source):
        channel.session.vhost.check_bindable(name)
    _check(channel, "write", "exchange", destination)
    _check(channel, "read", "exchange", source)


@handles("queue.declare")
def queue_declare(
    channel: Channel,
    queue: str,
    passive: bool,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    no_wait: bool,
    arguments: Table,
) -> None:
    """Create a queue, or see that it is there."""
    vhost = channel.session.vhost
    queue = _stripped(queue)
    if queue.startswith(REPLIES):
        _declare_reply_address(channel, queue, no_wait)
        return
    if passive:
        found = vhost.queue(queue, channel.session)  # empty: RabbitMQ finds none either
        found.touch()
    else:
        name = queue or vhost.invent_name("amq.gen-")
        _check(channel, "configure", "queue", name)
        _check_dead_letters(channel, name, arguments)
        found = vhost.declare_queue(
            name,
            invented=not queue,
            durable=durable,
            auto_delete=auto_delete,
            owner=channel.session if exclusive else None,
            arguments=arguments,
        )
    _declared(channel, no_wait, found.name, len(found), len(found.consumers))


def _declare_reply_address(channel: Channel, name: str, no_wait: bool) -> None:
    """To declare an address of direct replies asks whether somebody awaits them there."""
    if not replies.exists(channel, name):
        raise SoftError(404, f"no queue '{name}' in vhost '{channel.session.vhost.name}'")
    _declared(channel, no_wait, name, messages=0, consumers=1)


def _declared(channel: Channel, no_wait: bool, name: str, messages: int, consumers: int) -> None:
    channel.current_queue = name
    channel.reply(
        no_wait,
        "queue.declare-ok",
        queue=name,
        message_count=messages,
        consumer_count=consumers,
    )


def _check_dead_letters(channel: Channel, queue: str, arguments: Table) -> None:
    exchange = arguments.get("x-dead-letter-exchange")
    if isinstance(exchange, str):
        _check(channel, "read", "queue", queue)
        _check(channel, "write", "exchange", exchange)


@handles("queue.bind")
def queue_bind(
    channel: Channel, queue: str, exchange: str, routing_key: str, no_wait: bool, arguments: Table
) -> None:
    """Bind a queue to an exchange."""
    vhost = channel.session.vhost
    routing_key = _binding_key(channel, queue, routing_key)
    queue = _or_current(channel, queue)
    vhost.check_bindable(exchange)
    _check(channel, "write", "queue", queue)
    _check(channel, "read", "exchange", exchange)
    source = vhost.exchange(exchange)
    _check_key(channel, source, routing_key)
    vhost.bind(source, vhost.queue(queue, channel.session), routing_key, arguments)
    channel.reply(no_wait, "queue.bind-ok")


@handles("queue.unbind")
def queue_unbind(
    channel: Channel, queue: str, exchange: str, routing_key: str, arguments: Table
) -> None:
    """Unbind a queue; what is missing is no error."""
    vhost = channel.session.vhost
    routing_key = _binding_key(channel, queue, routing_key)
    queue = _or_current(channel, queue)
    vhost.check_bindable(exchange)
    _check(channel, "write", "queue", queue)
    _check(channel, "read", "exchange", exchange)
    source, destination = vhost.exchanges.get(exchange), vhost.queues.get(queue)
    if source is not None and destination is not None:
        _check_key(channel, source, routing_key)
        vhost.unbind(source, destination, routing_key, arguments, channel.session)
    channel.reply(False, "queue.unbind-ok")


def _binding_key(channel: Channel, queue: str, routing_key: str) -> str:
    """With neither queue nor key, the current queue's name is the key (queue.bind.routing-key)."""
    return routing_key if queue or routing_key else channel.current_queue


@handles("queue.purge")
def queue_purge(channel: Channel, queue: str, no_wait: bool) -> None:
    """Drop the ready messages of a queue."""
    count = named_queue(channel, queue, "read").purge()
    channel.reply(no_wait, "queue.purge-ok", message_count=count)


@handles("queue.delete")
def queue_delete(
    channel: Channel, queue: str, if_unused: bool, if_empty: bool, no_wait: bool
) -> None:
    """Delete a queue; a missing one is no error."""
    vhost = channel.session.vhost
    queue = _or_current(channel, queue)
    _check(channel, "configure", "queue", queue)
    count = 0
    if queue in vhost.queues:
        found = vhost.queue(queue, channel.session)
        count = vhost.delete_queue(found, if_unused=if_unused, if_empty=if_empty)
    channel.reply(no_wait, "queue.delete-ok", message_count=count)


@handles("channel.flow")
def channel_flow(channel: Channel, active: bool) -> None:
    """RabbitMQ answers only a request to go on."""
    if not active:
        raise HardError(540, "active=false")
    channel.reply(False, "channel.flow-ok", active=True)


@handles("channel.flow-ok")
def channel_flow_ok(channel: Channel, active: bool) -> None:  # noqa: ARG001
    """Nobody asked for it."""
    raise HardError(503, "unimplemented method")


@handles("channel.close-ok")
def channel_close_ok(channel: Channel) -> None:  # noqa: ARG001
    """Nobody asked for it."""
    raise HardError(503, "unimplemented method")


@handles("access.request")
def access_request(channel: Channel, **_flags: bool | str) -> None:
    """A relic of 0-8, granted to all as RabbitMQ 3.x does."""
    channel.reply(False, "access.request-ok", ticket=1)
