"""Programs by Hypothesis: most steps mean something, since the model says what is possible now.

Each action has a weight; `only` areas weigh more. A part of the arguments is wrong on purpose:
unknown names, tags that were never given or are settled, types and values that are refused.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from suites.stateful import unasked
from suites.stateful.choice import EXCHANGES, QUEUES, SYSTEM, Bent, Choice
from suites.stateful.methods import together
from suites.stateful.model import Channel, Connection, Model, Rest
from suites.stateful.program import ALIAS, BODY, CONNECT, DELIVERY, DROP, Program, Step

CONNECTIONS = ("c0", "c1", "c2")
CHANNELS = (1, 2)
LAST = 3
"""The channel on which the end of each program fetches what is left."""
KEYS = ("red", "a", "a.b", "a.b.c", "", "a.*", "#", "*.b", "a.#", "#.c")
TAGS = ("t0", "t1", "t2")
HEADERS: tuple[Mapping[str, Any], ...] = ({}, {"h": 1}, {"h": "1"}, {"h": 1, "i": True}, {"i": 1})
MATCHES: tuple[Mapping[str, Any], ...] = (
    {"h": 1},
    {"x-match": "any", "h": 1, "i": True},
    {"x-match": "all", "h": 1, "i": True},
    {"x-match": "any-with-x", "x-h": 1, "h": "1"},
    {"x-match": "all", "h": None},
    {"x-match": "any"},
    {},
)
LONG = 60_000
MOST_STEPS = 40


@dataclass(frozen=True, slots=True)
class Run:
    """A program, and what the model says of each step."""

    program: Program
    rests: tuple[Rest, ...]

    def __len__(self) -> int:
        return len(self.program)

    def __repr__(self) -> str:
        return f"a program of {len(self.program)} steps"


Maker = Callable[[Choice], Step | None]
MAKERS: list[tuple[int, frozenset[str], Maker]] = []


def makes(weight: int, *areas: str) -> Callable[[Maker], Maker]:
    """Enter a maker of steps with its weight and the areas that it belongs to."""

    def enter(maker: Maker) -> Maker:
        MAKERS.append((weight, frozenset(areas), maker))
        return maker

    return enter


def weighted(only: Sequence[str] = ()) -> list[Maker]:
    """Each maker as often as it weighs; those of the areas named weigh three times as much."""
    return [
        maker
        for weight, areas, maker in MAKERS
        for _ in range(weight * (3 if areas.intersection(only) else 1))
    ]


@st.composite
def programs(draw: Callable[[st.SearchStrategy[Any]], Any], only: Sequence[str] = ()) -> Run:
    """A program that begins with a connection, a channel and a queue."""
    model = Model()
    choice = Choice(draw, model, Bent.drawn(draw))
    queue = {"queue": QUEUES[0], "arguments": _queue_arguments(choice)}
    steps = [
        Step("c0", 0, CONNECT),
        Step("c0", 1, "channel.open"),
        Step("c0", 1, "queue.declare", queue),
    ]
    rests = [model.apply(step) for step in steps]
    makers = weighted((*only, choice.bent.area))
    for _ in range(draw(st.integers(1, MOST_STEPS))):
        step = _next(choice, makers)
        if step is None:
            continue
        tangled = unasked.feeds_itself(model.connections.get(step.connection))
        rest = model.apply(step)
        if tangled and step.connection not in model.connections:
            choice.model = model = _replayed(steps)  # not asked: see `normalise`
            continue
        steps.append(step)
        rests.append(rest)
    for step in _epilogue(model):
        steps.append(step)
        rests.append(model.apply(step))
    return Run(tuple(steps), tuple(rests))


def _replayed(steps: Sequence[Step]) -> Model:
    """The model as it was after these."""
    model = Model()
    for step in steps:
        model.apply(step)
    return model


def _epilogue(model: Model) -> Iterator[Step]:
    """Give back all that is out, and fetch all that there is: what went wrong in silence shows."""
    for connection in list(model.connections.values()):
        for number in list(connection.channels):
            yield Step(connection.name, number, "channel.close", {"reply_code": 200})
    if not model.connections:
        yield Step("c0", 0, CONNECT)
    for connection in list(model.connections.values()):
        yield Step(connection.name, LAST, "channel.open")
    for queue in list(model.queues.values()):
        reader = queue.owner if isinstance(queue.owner, Connection) else None
        name = reader.name if reader is not None else next(iter(model.connections))
        for _ in range(len(queue.ready)):
            yield Step(name, LAST, "basic.get", {"queue": queue.name, "no_ack": True})


def _next(choice: Choice, makers: list[Maker]) -> Step | None:
    if not choice.model.connections:
        return Step("c0", 0, CONNECT)
    if not choice.channels():
        return Step(next(iter(choice.model.connections)), 1, "channel.open")
    choice.actor = None
    maker: Maker = choice.of(makers)
    return maker(choice)


# queues, exchanges, bindings


@makes(5, "lifecycle", "dlx")
def _declare_queue(choice: Choice) -> Step:
    free = [name for name in choice.bent.queues if name not in choice.model.queues]
    if not free or choice.chance(10):
        return _declare_again(choice)
    arguments = _queue_arguments(choice)
    made_up = choice.chance(8)
    name = {ALIAS: choice.made_up_name("g")} if made_up else {"queue": choice.of(free)}
    return choice.on_channel(
        "queue.declare",
        **name,
        durable=choice.chance(30, "durable"),
        exclusive=choice.chance(12, "exclusive"),
        auto_delete=choice.chance(12),
        arguments=arguments,
        no_wait=not made_up and choice.chance(4),
    )


def _queue_arguments(choice: Choice) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if choice.chance(20, "x-max-length"):
        arguments["x-max-length"] = choice.of((1, 2, 0))
        if choice.chance(50, "x-overflow"):
            arguments["x-overflow"] = choice.of(("reject-publish", "reject-publish-dlx"))
    if choice.chance(6, "x-max-length-bytes"):
        arguments["x-max-length-bytes"] = choice.of((5, 2, 0))
    if choice.chance(6, "x-single-active-consumer"):
        arguments["x-single-active-consumer"] = True
    if choice.chance(35, "x-dead-letter-exchange"):
        arguments["x-dead-letter-exchange"] = choice.of(("", *EXCHANGES, "amq.fanout"))
        if choice.chance(60):
            arguments["x-dead-letter-routing-key"] = choice.of((*QUEUES, "a", "red"))
    if choice.chance(12, "x-message-ttl"):
        arguments["x-message-ttl"] = choice.of((0, LONG))
    if choice.chance(12, "x-max-priority"):
        arguments["x-max-priority"] = choice.of((1, 5))
    if choice.chance(2):
        arguments.update(choice.of(WRONG_ARGUMENTS))
    return arguments


WRONG_ARGUMENTS: tuple[Mapping[str, Any], ...] = (
    {"x-max-length": -1},
    {"x-max-length": "1"},
    {"x-message-ttl": "0"},
    {"x-message-ttl": -1},
    {"x-max-length-bytes": -1},
    {"x-single-active-consumer": "yes"},
    {"x-max-priority": 256},
    {"x-max-priority": -1},
    {"x-overflow": "spill"},
    {"x-overflow": 1},
    {"x-dead-letter-exchange": 5},
    {"x-dead-letter-routing-key": "a"},
)


def _declare_again(choice: Choice) -> Step:
    name = choice.queue()
    held = choice.model.queues.get(name)
    if held is None or choice.chance(50):
        return choice.on_channel("queue.declare", queue=name, passive=True)
    other = choice.chance(10)
    return choice.on_channel(
        "queue.declare",
        queue=name,
        durable=held.durable is not other,
        exclusive=held.owner is not None,
        auto_delete=held.auto_delete,
        arguments=dict(held.arguments),
    )


@makes(3, "routing", "lifecycle")
def _declare_exchange(choice: Choice) -> Step:
    free = [name for name in EXCHANGES if name not in choice.model.topology.exchanges]
    if not free or choice.chance(25):
        name = choice.of((*EXCHANGES, *SYSTEM, "amq.nobody", ""))
        kind = choice.of(("direct", "fanout", "topic", "headers"))
        if choice.chance(50):
            return choice.on_channel("exchange.declare", exchange=name, type=kind, passive=True)
        durable = name in SYSTEM
        return choice.on_channel("exchange.declare", exchange=name, type=kind, durable=durable)
    arguments = {}
    if choice.chance(25):
        arguments["alternate-exchange"] = choice.of((*EXCHANGES, "amq.fanout"))
    kind = choice.of(("direct", "fanout", "topic", "headers"))
    return choice.on_channel(
        "exchange.declare",
        exchange=choice.of(free),
        type="nobody" if choice.chance(2) else kind,
        durable=choice.chance(20),
        auto_delete=choice.chance(20),
        internal=choice.chance(4),
        arguments=arguments,
        no_wait=choice.chance(5),
    )


@makes(1, "routing", "lifecycle")
def _delete_exchange(choice: Choice) -> Step:
    name, if_unused = choice.exchange(), choice.chance(40)
    return choice.on_channel("exchange.delete", exchange=name, if_unused=if_unused)


def _key_and_arguments(choice: Choice, source: str) -> dict[str, Any]:
    exchange = choice.model.topology.exchanges.get(source)
    if exchange is not None and exchange.kind == "headers":
        wrong = {"x-match": choice.of(("none", 1))}
        return {"arguments": wrong if choice.chance(4) else dict(choice.of(MATCHES))}
    return {"routing_key": choice.of(KEYS), "arguments": {"z": 1} if choice.chance(5) else {}}


@makes(6, "routing")
def _bind(choice: Choice) -> Step:
    queue, exchange = choice.queue(), choice.exchange()
    rest = _key_and_arguments(choice, exchange)
    if choice.chance(8):
        queue = ""
    quiet = choice.chance(4)
    return choice.on_channel("queue.bind", queue=queue, exchange=exchange, no_wait=quiet, **rest)


@makes(1, "routing")
def _unbind(choice: Choice) -> Step:
    held = [b for b in choice.model.topology.bindings if b.to_queue]
    if not held or choice.chance(25):
        queue, exchange = choice.queue(), choice.exchange()
        rest = _key_and_arguments(choice, exchange)
        return choice.on_channel("queue.unbind", queue=queue, exchange=exchange, **rest)
    binding = choice.of(held)
    return choice.on_channel(
        "queue.unbind",
        queue=binding.destination,
        exchange=binding.source,
        routing_key=binding.key,
        arguments={name: value for name, value, _type in binding.arguments},
    )


@makes(2, "routing")
def _bind_exchanges(choice: Choice) -> Step:
    source, destination = choice.exchange(), choice.exchange()
    rest = _key_and_arguments(choice, source)
    return choice.on_channel("exchange.bind", source=source, destination=destination, **rest)


@makes(1, "routing")
def _unbind_exchanges(choice: Choice) -> Step:
    held = [b for b in choice.model.topology.bindings if not b.to_queue]
    if not held:
        source, destination = choice.exchange(), choice.exchange()
        return choice.on_channel("exchange.unbind", source=source, destination=destination)
    binding = choice.of(held)
    return choice.on_channel(
        "exchange.unbind",
        source=binding.source,
        destination=binding.destination,
        routing_key=binding.key,
        arguments={name: value for name, value, _type in binding.arguments},
    )


@makes(1, "lifecycle")
def _purge(choice: Choice) -> Step:
    return choice.on_channel("queue.purge", queue=choice.queue())


@makes(1, "lifecycle")
def _delete_queue(choice: Choice) -> Step:
    bits = {"if_unused": choice.chance(30), "if_empty": choice.chance(30)}
    bits["no_wait"] = choice.chance(4)
    return choice.on_channel("queue.delete", queue=choice.queue(), **bits)


# publishing


@makes(18, "routing", "acks", "consumers", "dlx", "limits", "tx")
def _publish(choice: Choice) -> Step:
    bound = [b for b in choice.model.topology.bindings if b.source[0] == "$"]
    if choice.chance(50):
        exchange, key = "", choice.queue()
    elif bound and choice.chance(50):
        exchange, key = choice.of([(b.source, b.key) for b in bound])
    else:
        exchange, key = choice.exchange(), choice.of(KEYS)
    choice.bodies += 1
    return choice.on_channel(
        "basic.publish",
        exchange=exchange,
        routing_key=key,
        mandatory=choice.chance(25, "mandatory"),
        immediate=choice.chance(1),
        properties=_properties(choice),
        **{BODY: f"m{choice.bodies}"},
    )


def _properties(choice: Choice) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    if choice.chance(25):
        properties["delivery_mode"] = choice.of((1, 2))
    if choice.chance(20, "priority"):
        properties["priority"] = choice.of((0, 1, 3, 9))
    if choice.chance(12, "expiration"):
        at_once = () if unasked.overtakes(choice.model) else ("0",)
        properties["expiration"] = choice.of((*at_once, str(LONG)))
    if choice.chance(25, "headers"):
        properties["headers"] = dict(choice.of(HEADERS))
    if choice.chance(10):
        properties["correlation_id"] = "cid"
    if choice.chance(6, "CC"):
        further = {choice.of(("CC", "BCC")): [choice.of((*QUEUES, "a.b"))]}
        properties["headers"] = {**properties.get("headers", {}), **further}
    if choice.chance(2):
        properties.update(choice.of(({"expiration": "soon"}, {"user_id": "nobody"})))
    return properties


@makes(1, "acks", "tx")
def _confirm(choice: Choice) -> Step:
    return choice.on_channel("confirm.select")


@makes(1, "tx")
def _select(choice: Choice) -> Step | None:
    return None if choice.channel.shared else choice.on_channel("tx.select")


@makes(5, "tx")
def _end_transaction(choice: Choice) -> Step | None:
    open_ = [ch for ch in choice.channels() if ch.transaction is not None]
    if not open_ and not choice.chance(4):
        return None
    channel = choice.of(open_ or choice.channels())
    return choice.at(channel, choice.of(("tx.commit", "tx.rollback")))


# consuming


@makes(6, "acks", "dlx")
def _get(choice: Choice) -> Step | None:
    channel = choice.channel
    no_ack = choice.chance(30, "no_ack")
    if channel.shared and not no_ack:
        return None  # see `normalise`
    return choice.at(channel, "basic.get", queue=choice.queue(), no_ack=no_ack)


@makes(7, "acks", "consumers", "lifecycle", "limits")
def _consume(choice: Choice) -> Step | None:
    channel, name = choice.channel, choice.queue()
    if choice.chance(8):
        tag = {ALIAS: choice.made_up_name("t")}
    else:
        free = [one for one in TAGS if one not in channel.consumers]
        tag = {"consumer_tag": choice.of(TAGS if choice.chance(2) or not free else free)}
    if unasked.races(channel, choice.model.queues.get(name)):
        return None
    return choice.at(
        channel,
        "basic.consume",
        queue=name,
        **tag,
        no_ack=choice.chance(25, "no_ack") and not channel.shared,
        exclusive=choice.chance(4),
        no_local=choice.chance(5),
        no_wait=ALIAS not in tag and choice.chance(4),
        arguments={"x-priority": choice.of((1, -1))} if choice.chance(12, "x-priority") else {},
    )


@makes(1, "consumers", "lifecycle")
def _cancel(choice: Choice) -> Step | None:
    consuming = [ch for ch in choice.channels() if ch.consumers]
    if not consuming and not choice.chance(4):
        return None
    channel = choice.of(consuming or choice.channels())
    tag = choice.of(sorted(channel.consumers)) if channel.consumers else "t9"
    if channel.consumers and unasked.hands_over(channel.consumers[tag]):
        return None
    return choice.at(channel, "basic.cancel", consumer_tag=tag, no_wait=choice.chance(4))


@makes(2, "acks")
def _qos(choice: Choice) -> Step | None:
    channel, count = choice.channel, choice.of((1, 2, 3, 0))
    shared = choice.chance(30, "global")
    if shared and unasked.shared_limit_races(channel):
        return None
    size = 1 if choice.chance(1) else 0
    limits = {"prefetch_count": count, "prefetch_size": size}
    return choice.at(channel, "basic.qos", **limits, global_=shared)


# settling


@makes(14, "acks", "dlx", "limits", "tx")
def _settle(choice: Choice) -> Step | None:
    holding = [ch for ch in choice.channels() if ch.outs]
    if not holding:
        return _settle_nothing(choice)
    channel: Channel = choice.of(holding)
    tag = choice.of(sorted(channel.outs))
    out = channel.outs[tag]
    multiple = choice.chance(30) and set(together(channel, tag)) <= channel.outs.keys()
    multiple = multiple and not unasked.comes_back_in_parts(channel)
    action = choice.of(("basic.ack", "basic.nack", "basic.reject"))
    arguments: dict[str, Any] = {DELIVERY: [out.queue.name, out.held.message.body]}
    if _latest(channel, tag) != tag:
        return None
    if action != "basic.reject":
        arguments["multiple"] = multiple
    if action != "basic.ack":
        arguments["requeue"] = choice.chance(50) and not unasked.requeue_races(channel)
    return choice.at(channel, action, **arguments)


def _latest(channel: Channel, tag: int) -> int:
    """The latest delivery of the same body from a queue of the same name."""
    wanted = channel.history[tag]
    same = (wanted.queue.name, wanted.held.message.body)
    return max(
        other
        for other, out in channel.history.items()
        if (out.queue.name, out.held.message.body) == same
    )


def _settle_nothing(choice: Choice) -> Step | None:
    if not choice.chance(3):
        return None
    channel = choice.channel
    done = [tag for tag in channel.history if _latest(channel, tag) == tag]
    action = choice.of(("basic.ack", "basic.nack"))
    if done and choice.chance(60):
        out = channel.history[choice.of(done)]
        return choice.at(channel, action, **{DELIVERY: [out.queue.name, out.held.message.body]})
    tag = choice.of((99, 0))
    multiple = choice.chance(50) and not unasked.comes_back_in_parts(channel)
    return choice.at(channel, action, delivery_tag=tag, multiple=multiple)


@makes(1, "acks")
def _settle_all(choice: Choice) -> Step:
    channel = choice.channel
    action = choice.of(("basic.ack", "basic.nack"))
    if action == "basic.ack" or unasked.comes_back_in_parts(channel):
        return choice.at(channel, "basic.ack", delivery_tag=0, multiple=True)
    requeue = choice.chance(50) and not unasked.requeue_races(channel)
    return choice.at(channel, action, delivery_tag=0, multiple=True, requeue=requeue)


@makes(1, "acks")
def _recover(choice: Choice) -> Step | None:
    channel = choice.channel
    if unasked.comes_back_in_parts(channel) or unasked.requeue_races(channel):
        return None
    return choice.at(channel, "basic.recover", requeue=not choice.chance(4))


# beginnings and ends


@makes(1, "lifecycle")
def _connect(choice: Choice) -> Step | None:
    free = [name for name in CONNECTIONS if name not in choice.model.connections]
    return Step(choice.of(free), 0, CONNECT) if free else None


@makes(2, "lifecycle", "acks", "consumers")
def _open_channel(choice: Choice) -> Step | None:
    free = [
        (connection.name, number)
        for connection in choice.model.connections.values()
        for number in CHANNELS
        if number not in connection.channels
    ]
    if not free:
        return None
    name, number = choice.of(free)
    return Step(name, number, "channel.open")


@makes(1, "consumers", "lifecycle")
def _close_channel(choice: Choice) -> Step:
    return choice.on_channel("channel.close", reply_code=200)


@makes(1, "lifecycle")
def _end_connection(choice: Choice) -> Step:
    name = choice.of(sorted(choice.model.connections))
    if choice.chance(50):
        return Step(name, 0, DROP)
    return Step(name, 0, "connection.close", {"reply_code": 200})


@makes(1, "errors")
def _be_wrong(choice: Choice) -> Step:
    channel: Channel = choice.of(choice.channels())
    name = channel.connection.name
    closed = [n for n in CHANNELS if n not in channel.connection.channels]
    wrong = [Step(name, channel.number, "channel.open"), choice.at(channel, "channel.flow")]
    wrong.append(choice.at(channel, "channel.flow", active=True))
    wrong += [Step(name, n, "queue.declare", {"queue": "$q0", "passive": True}) for n in closed]
    step: Step = choice.of(wrong)
    return step
