"""The model's methods: what each may be refused for, and what it does."""

from collections.abc import Callable, Mapping
from typing import Any

from suites.stateful import words
from suites.stateful.model import Channel, Handler, Model, Out, Refusal, Transaction
from suites.stateful.program import ALIAS, BODY, DELIVERY, PROPERTIES, Step
from suites.stateful.queues import Consumer, Message, Queue
from suites.stateful.routing import Binding, Exchange, frozen

HANDLERS: dict[str, Handler] = {}
RESERVED = "amq."
MADE_UP = "$g"  # a queue whose name the broker made, amq.gen-...
KINDS = ("direct", "fanout", "topic", "headers")
MOST_PRIORITY = 255
LARGEST_TTL = 315_360_000_000


def handles(action: str) -> Callable[[Handler], Handler]:
    """Enter a function into the table."""

    def enter(handler: Handler) -> Handler:
        HANDLERS[action] = handler
        return handler

    return enter


def _given(step: Step, name: str) -> Any:
    """An argument that may be left out: empty, zero or false."""
    return step.arguments.get(name)


def _text(step: Step, name: str) -> str:
    return str(step.arguments.get(name, ""))


def _arguments(step: Step) -> Mapping[str, Any]:
    found = step.arguments.get("arguments", {})
    assert isinstance(found, Mapping)
    return found


# connections and channels


@handles("connection.close")
def _close_connection(model: Model, step: Step) -> None:
    model.reply(step, "connection.close-ok")
    model.end_connection(model.connections[step.connection])


@handles("channel.open")
def _open(model: Model, step: Step) -> None:
    connection = model.connections[step.connection]
    if step.channel in connection.channels:
        raise Refusal(504, hard=True)
    connection.channels[step.channel] = Channel(connection, step.channel)
    model.reply(step, "channel.open-ok")


@handles("channel.close")
def _close(model: Model, step: Step) -> None:
    model.end_channel(model.channel(step))
    model.reply(step, "channel.close-ok")


@handles("channel.flow")
def _flow(model: Model, step: Step) -> None:
    model.channel(step)
    if not _given(step, "active"):
        raise Refusal(540, hard=True)
    model.reply(step, "channel.flow-ok")


# exchanges and bindings


@handles("exchange.declare")
def _declare_exchange(model: Model, step: Step) -> None:
    model.channel(step)
    name, kind = _text(step, "exchange"), _text(step, "type")
    found = model.topology.exchanges.get(name)
    if not _given(step, "passive") and kind not in KINDS:
        raise Refusal(503, hard=True)
    if not name:
        raise Refusal(403)
    if _given(step, "passive"):
        if found is None:
            raise Refusal(404)
    else:
        _create_exchange(model, step, name, kind)
    model.reply(step, "exchange.declare-ok")


def _create_exchange(model: Model, step: Step, name: str, kind: str) -> None:
    alternate = _arguments(step).get("alternate-exchange")
    bits = {bit: bool(_given(step, bit)) for bit in ("durable", "auto_delete", "internal")}
    asked = Exchange(name, kind, **bits, alternate=alternate)
    found = model.topology.exchanges.get(name)
    if found is not None:
        if found.traits != asked.traits:
            raise Refusal(406)
        return
    if name.startswith(RESERVED):
        raise Refusal(403)
    if not isinstance(alternate, str | None):
        raise Refusal(406)
    model.topology.exchanges[name] = asked


@handles("exchange.delete")
def _delete_exchange(model: Model, step: Step) -> None:
    model.channel(step)
    name = _text(step, "exchange")
    if not name or name.startswith(RESERVED):
        raise Refusal(403)
    if name in model.topology.exchanges:
        if _given(step, "if_unused") and model.topology.is_source(name):
            raise Refusal(406)
        model.topology.delete_exchange(name)
    model.reply(step, "exchange.delete-ok")


def _exchange_binding(model: Model, step: Step) -> Binding:
    model.channel(step)
    source, destination = _text(step, "source"), _text(step, "destination")
    if not source or not destination:
        raise Refusal(403)
    key, arguments = _text(step, "routing_key"), frozen(_arguments(step))
    return Binding(source, False, destination, key, arguments)


@handles("exchange.bind")
def _bind_exchange(model: Model, step: Step) -> None:
    binding = _exchange_binding(model, step)
    for name in (binding.source, binding.destination):
        if name not in model.topology.exchanges:
            raise Refusal(404)
    _bind(model, step, binding)


def _bind(model: Model, step: Step, binding: Binding) -> None:
    if model.topology.exchanges[binding.source].kind == "headers":
        match = _arguments(step).get("x-match", "all")
        if match not in {"all", "any", "all-with-x", "any-with-x"}:
            raise Refusal(406)
    model.topology.bindings[binding] = None
    model.reply(step, f"{step.action}-ok")


@handles("exchange.unbind")
def _unbind_exchange(model: Model, step: Step) -> None:
    model.topology.unbind([_exchange_binding(model, step)])
    model.reply(step, "exchange.unbind-ok")


def _queue_binding(model: Model, step: Step) -> Binding:
    channel = model.channel(step)
    key = _text(step, "routing_key")
    if not _text(step, "queue") and not key:
        key = channel.current
    queue = _named(channel, step)
    source = _text(step, "exchange")
    if not source:
        raise Refusal(403)
    return Binding(source, True, queue, key, frozen(_arguments(step)))


@handles("queue.bind")
def _bind_queue(model: Model, step: Step) -> None:
    binding = _queue_binding(model, step)
    if binding.source not in model.topology.exchanges:
        raise Refusal(404)
    _queue(model, step)
    _bind(model, step, binding)


@handles("queue.unbind")
def _unbind_queue(model: Model, step: Step) -> None:
    binding = _queue_binding(model, step)
    if binding.source in model.topology.exchanges and binding.destination in model.queues:
        _queue(model, step)
        model.topology.unbind([binding])
    model.reply(step, "queue.unbind-ok")


# queues


def _named(channel: Channel, step: Step) -> str:
    """The queue's name; an empty one stands for the last that was declared on the channel."""
    name = _text(step, "queue") or channel.current
    if not name:
        raise Refusal(404)
    return name


def _queue(model: Model, step: Step) -> Queue:
    """The queue that a step names, if its connection may use it."""
    channel = model.channel(step)
    queue = model.queues.get(_named(channel, step))
    if queue is None:
        raise Refusal(404)
    if queue.owner not in {None, channel.connection}:
        raise Refusal(405)
    return queue


@handles("queue.declare")
def _declare_queue(model: Model, step: Step) -> None:
    channel = model.channel(step)
    if _given(step, "passive"):
        name = _text(step, "queue")
        if name not in model.queues:
            raise Refusal(404)
        queue = _queue(model, step)
    else:
        queue = _create_queue(model, channel, step)
    channel.current = queue.name
    model.reply(step, words.declared(queue.name, len(queue.ready), len(queue.consumers)))


def _create_queue(model: Model, channel: Channel, step: Step) -> Queue:
    name = _text(step, "queue")
    if name.startswith((RESERVED, MADE_UP)):
        raise Refusal(403)
    name = name or str(step.arguments[ALIAS])
    exclusive, durable = bool(_given(step, "exclusive")), bool(_given(step, "durable"))
    owner = channel.connection if exclusive else None
    traits = {
        "durable": durable or exclusive,
        "auto_delete": bool(_given(step, "auto_delete")),
        "arguments": dict(_arguments(step)),
    }
    found = model.queues.get(name)
    if found is None:
        _check_arguments(_arguments(step))
        return model.new_queue(name, owner=owner, **traits)
    if found.owner is not owner:
        raise Refusal(405)
    _check_arguments(_arguments(step))
    if any(getattr(found, trait) != value for trait, value in traits.items()):
        raise Refusal(406)
    return found


def _check_arguments(arguments: Mapping[str, Any]) -> None:
    """Refuse what RabbitMQ refuses of the arguments that programs use. Raises Refusal 406."""
    limits = {
        "x-max-length": None,
        "x-max-length-bytes": None,
        "x-message-ttl": LARGEST_TTL,
        "x-max-priority": MOST_PRIORITY,
    }
    for name, largest in limits.items():
        value = arguments.get(name, 0)
        if type(value) is not int or value < 0 or (largest is not None and value > largest):
            raise Refusal(406)
    if arguments.get("x-overflow", "drop-head") not in {
        "drop-head",
        "reject-publish",
        "reject-publish-dlx",
    }:
        raise Refusal(406)
    if not isinstance(arguments.get("x-single-active-consumer", False), bool):
        raise Refusal(406)
    dead = arguments.get("x-dead-letter-exchange")
    if not isinstance(dead, str | None):
        raise Refusal(406)
    if "x-dead-letter-routing-key" in arguments and dead is None:
        raise Refusal(406)


@handles("queue.purge")
def _purge(model: Model, step: Step) -> None:
    model.reply(step, words.counted("queue.purge-ok", _queue(model, step).purge()))


@handles("queue.delete")
def _delete_queue(model: Model, step: Step) -> None:
    name = _named(model.channel(step), step)
    count = 0
    if name in model.queues:
        queue = _queue(model, step)
        if _given(step, "if_empty") and queue.ready:
            raise Refusal(406)
        if _given(step, "if_unused") and queue.consumers:
            raise Refusal(406)
        count = len(queue.ready)
        model.delete_queue(queue)
    model.reply(step, words.counted("queue.delete-ok", count))


# publishing


@handles("confirm.select")
def _confirm(model: Model, step: Step) -> None:
    channel = model.channel(step)
    if channel.transaction is not None:
        raise Refusal(406)
    channel.confirming = True
    model.reply(step, "confirm.select-ok")


@handles("basic.publish")
def _publish(model: Model, step: Step) -> None:
    channel = model.channel(step)
    exchange = model.topology.exchanges.get(_text(step, "exchange"))
    if _given(step, "immediate"):
        raise Refusal(540, hard=True)
    if exchange is None:
        raise Refusal(404)
    if exchange.internal:
        raise Refusal(403)
    message = _message(step, exchange.name)
    mandatory = bool(_given(step, "mandatory"))
    if channel.transaction is not None:
        # Routed now, whatever becomes of the bindings before the commit; to queues by their names,
        # and by the default exchange to any name.
        names = [queue.name for queue in model.route(message)] if exchange.name else message.keys
        held = message, mandatory, list(dict.fromkeys(names))
        channel.transaction.publishes.append(held)
    else:
        model.publish(channel, message, model.route(message), mandatory=mandatory)


def _message(step: Step, exchange: str) -> Message:
    properties = step.arguments.get(PROPERTIES, {})
    if properties.get("user_id", "guest") != "guest":
        raise Refusal(406)
    expiration = properties.get("expiration")
    if expiration is not None and not str(expiration).isdecimal():
        raise Refusal(406)
    headers = properties.get("headers", {})
    keys = [_text(step, "routing_key"), *headers.get("CC", ()), *headers.get("BCC", ())]
    return Message(
        _text(step, BODY),
        exchange,
        tuple(keys),
        headers,
        properties.get("priority", 0),
        None if expiration is None else int(expiration),
    )


# transactions


@handles("tx.select")
def _select(model: Model, step: Step) -> None:
    channel = model.channel(step)
    if channel.confirming:
        raise Refusal(406)
    channel.transaction = channel.transaction or Transaction()
    model.reply(step, "tx.select-ok")


def _transaction(channel: Channel) -> Transaction:
    if channel.transaction is None:
        raise Refusal(406)
    return channel.transaction


@handles("tx.commit")
def _commit(model: Model, step: Step) -> None:
    channel = model.channel(step)
    held = _transaction(channel)
    channel.transaction = Transaction()
    taken = [
        model.publish(channel, message, _as_named_now(model, names), mandatory=mandatory)
        for message, mandatory, names in held.publishes
    ]
    for outs, how in held.settled:
        model.finish(channel, [out for _tag, out in outs], how)
    if not all(taken):
        raise Refusal(406)
    model.reply(step, "tx.commit-ok")


def _as_named_now(model: Model, names: list[str]) -> list[Queue]:
    return [model.queues[name] for name in names if name in model.queues]


@handles("tx.rollback")
def _rollback(model: Model, step: Step) -> None:
    channel = model.channel(step)
    held = _transaction(channel)
    channel.transaction = Transaction()
    for outs, _how in held.settled:
        channel.outs.update(outs)
    channel.outs = dict(sorted(channel.outs.items()))
    model.reply(step, "tx.rollback-ok")


# consuming


@handles("basic.qos")
def _qos(model: Model, step: Step) -> None:
    channel = model.channel(step)
    if _given(step, "prefetch_size"):
        raise Refusal(540, hard=True)
    count = int(_given(step, "prefetch_count") or 0)
    model.reply(step, "basic.qos-ok")
    together = bool(_given(step, "global_"))
    if not together:
        channel.prefetch = count
    channel.shared = count if together else 0
    model.finish(channel, [], "ack")


@handles("basic.consume")
def _consume(model: Model, step: Step) -> None:
    channel = model.channel(step)
    tag = _text(step, "consumer_tag") or str(step.arguments[ALIAS])
    if tag in channel.consumers:
        raise Refusal(530, hard=True)
    queue = _queue(model, step)
    exclusive, no_ack = bool(_given(step, "exclusive")), bool(_given(step, "no_ack"))
    if any(other.exclusive or exclusive for other in queue.consumers):
        raise Refusal(403)
    if exclusive and queue.arguments.get("x-single-active-consumer"):
        raise Refusal(403)
    priority = _arguments(step).get("x-priority", 0)
    if type(priority) is not int:
        raise Refusal(406)
    limit = 0 if no_ack else channel.prefetch
    consumer = Consumer(tag, queue, channel, no_ack, exclusive, priority, limit)
    channel.consumers[tag] = consumer
    queue.add(consumer)
    model.reply(step, f"basic.consume-ok {tag}")
    queue.serve()


@handles("basic.cancel")
def _cancel(model: Model, step: Step) -> None:
    consumer = model.channel(step).consumers.pop(_text(step, "consumer_tag"), None)
    if consumer is not None:
        model.end_consumer(consumer)
    model.reply(step, f"basic.cancel-ok {_text(step, 'consumer_tag')}")


@handles("basic.get")
def _get(model: Model, step: Step) -> None:
    queue = _queue(model, step)
    channel = model.channel(step)
    held = queue.fetch()
    if held is None:
        model.reply(step, "basic.get-empty")
        return
    sent = held.message
    text = words.got(
        sent.exchange,
        sent.keys[0],
        sent.body,
        redelivered=held.redelivered,
        left=len(queue.ready),
    )
    model.reply(step, text)
    if _given(step, "no_ack"):
        channel.tag += 1
    else:
        channel.hold(queue, held, None, model.steps)


# settling


def _tag(channel: Channel, step: Step) -> int:
    """The tag that a step means: its own, or the latest of the delivery that it names."""
    wanted = _given(step, DELIVERY)
    if wanted is None:
        return int(_given(step, "delivery_tag") or 0)
    queue, body = wanted
    tag = max(
        tag
        for tag, out in channel.history.items()
        if (out.queue.name, out.held.message.body) == (queue, body)
    )
    return max(together(channel, tag)) if _given(step, "multiple") else tag


def together(channel: Channel, tag: int) -> list[int]:
    """The tags that came with this one in an order that nothing fixes; else it alone."""
    step = channel.history[tag].step
    group = [other for other, out in channel.history.items() if out.step == step]
    queues = {channel.history[other].queue for other in group}
    return group if len(queues) > 1 else [tag]


def _chosen(channel: Channel, step: Step) -> list[tuple[int, Out]]:
    tag, multiple = _tag(channel, step), bool(_given(step, "multiple"))
    if multiple and tag == 0:
        return list(channel.outs.items())
    if tag not in channel.outs:
        raise Refusal(406)
    if not multiple:
        return [(tag, channel.outs[tag])]
    return [(other, out) for other, out in channel.outs.items() if other <= tag]


@handles("basic.ack")
def _ack(model: Model, step: Step) -> None:
    channel = model.channel(step)
    model.settle(channel, _chosen(channel, step), "ack")


@handles("basic.nack")
@handles("basic.reject")
def _refuse(model: Model, step: Step) -> None:
    channel = model.channel(step)
    how = "requeue" if _given(step, "requeue") else "discard"
    model.settle(channel, _chosen(channel, step), how)


@handles("basic.recover")
def _recover(model: Model, step: Step) -> None:
    channel = model.channel(step)
    if not _given(step, "requeue"):
        raise Refusal(540, hard=True)
    model.reply(step, "basic.recover-ok")
    outs, channel.outs = list(channel.outs.values()), {}
    model.finish(channel, outs, "requeue")
