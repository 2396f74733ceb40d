"""What grows with the use that is made of a broker; each run gives the cost of one operation."""

from collections.abc import Iterator, Sequence

from suites.bench import frames, usage
from suites.bench.curve import Curve
from suites.bench.errors import BenchError
from suites.bench.frames import ids, method
from suites.bench.meter import Meter
from suites.bench.peers import ConfirmedPublisher, Consumer, Publisher
from suites.bench.pump import Peer, pump
from suites.bench.scenario import Figures
from suites.bench.scenarios.process import until_open
from suites.bench.stage import Stage, fresh_name
from suites.bench.wire import Wire

BODY = bytes(100)
PUBLISHES = 20_000  # enough for a steady mean
ROUND_TRIPS = 2_000
KEYS = 500  # different routing keys, at most
OCTETS = 64 << 20  # to be relayed at each size of body, at least
FEW, MANY = 20, 20_000  # messages at each size of body
PERSISTENT = 2
SYNC = method("basic.qos", global_=True), ids("basic.qos-ok")
"""A request without effect, whose answer tells that all before it were heeded, and the answer."""


def queues(stage: Stage, count: int) -> Figures:
    """Publish to so many queues in turn."""
    wire = stage.connect()
    prefix = fresh_name()
    names = [f"{prefix}.{number:06}" for number in range(count)]
    _pipelined(wire, (method("queue.declare", queue=name, no_wait=True) for name in names))
    stage.adopt(names)
    messages = [frames.message(BODY, routing_key=name) for name in names]
    with stage.meter:
        pump(Publisher(wire, frames.joined(_in_turn(messages, PUBLISHES))))
        wire.ask(*SYNC)
    return _each(stage.meter, PUBLISHES)


def bindings(stage: Stage, count: int) -> Figures:
    """Publish to a topic exchange with so many patterns, of which one matches."""
    wire = stage.connect()
    exchange, queue = stage.exchange(wire, "topic"), stage.queue(wire)
    words = [f"w{number:06}" for number in range(count)]
    _pipelined(
        wire,
        (
            method(
                "queue.bind",
                queue=queue,
                exchange=exchange,
                routing_key=f"*.{word}.#",
                no_wait=True,
            )
            for word in words
        ),
    )
    some = words[:: max(1, count // KEYS)][:KEYS]
    messages = [frames.message(BODY, exchange=exchange, routing_key=f"a.{w}.b.c") for w in some]
    with stage.meter:
        pump(Publisher(wire, frames.repeated(messages, PUBLISHES)))
        stage.await_length(wire, queue, PUBLISHES)
    return _each(stage.meter, PUBLISHES)


def connections(stage: Stage, count: int) -> Figures:
    """Publish and await the confirm, on so many open connections in turn."""
    wires = [stage.connect() for _ in range(count)]
    queue = stage.queue(wires[0])
    for wire in wires:
        wire.call("confirm.select")
    message, confirm = frames.message(BODY, routing_key=queue), ids("basic.ack")
    with stage.meter:
        for number in range(ROUND_TRIPS):
            wires[number % count].ask(message, confirm)
    return _each(stage.meter, ROUND_TRIPS)


def backlog(stage: Stage, count: int) -> Figures:
    """Fill a queue with so many messages and drain it; both count for each message."""
    wire, sink = stage.connect(), stage.connect()
    queue = stage.queue(wire)
    message = frames.message(BODY, routing_key=queue)
    with stage.meter:
        pump(Publisher(wire, frames.repeated([message], count)))
        stage.await_length(wire, queue, count)
        stage.consume(sink, queue, auto_ack=True)
        pump(Consumer(sink, count))
    return _each(stage.meter, count)


def consumers(stage: Stage, count: int) -> Figures:
    """Relay through a queue that so many consumers of one channel share."""
    source, sink = stage.connect(), stage.connect()
    queue = stage.queue(source)
    tags = (f"c{number:06}" for number in range(count))
    _pipelined(
        sink,
        (
            method("basic.consume", queue=queue, consumer_tag=tag, no_ack=True, no_wait=True)
            for tag in tags
        ),
    )
    message = frames.message(BODY, routing_key=queue)
    peers: list[Peer] = [
        Publisher(source, frames.repeated([message], PUBLISHES)),
        Consumer(sink, PUBLISHES),
    ]
    with stage.meter:
        pump(*peers)
    return _each(stage.meter, PUBLISHES)


def bodies(stage: Stage, size: int) -> Figures:
    """Relay messages with bodies of so many octets."""
    count = min(MANY, max(FEW, OCTETS // size))
    source, sink = stage.connect(), stage.connect()
    queue = stage.queue(source)
    stage.consume(sink, queue, auto_ack=True)
    message = frames.message(bytes(size), routing_key=queue, frame_max=source.frame_max)
    with stage.meter:
        pump(Publisher(source, frames.repeated([message], count)), Consumer(sink, count))
    return _each(stage.meter, count)


def journal(stage: Stage, count: int) -> Figures:
    """Start again after a kill, with so many persistent messages; the cost of each."""
    wire = stage.connect()
    queue = stage.queue(wire, durable=True)
    wire.call("confirm.select")
    message = frames.message(BODY, routing_key=queue, delivery_mode=PERSISTENT)
    pump(ConfirmedPublisher(wire, message, count, window=count))
    wire.socket.close()
    stage.broker.kill()
    seconds = until_open(stage.broker)
    pid = stage.pid
    cpu = {} if pid is None else {"cpu": usage.cpu_seconds(pid) / count * 1e6}
    found = stage.connect().call("queue.declare", queue=queue, passive=True)
    if found.arguments["message_count"] != count:
        raise BenchError(f"{found.arguments['message_count']} of {count} messages came back")
    return {"each": seconds / count * 1e6, **cpu}


def _each(meter: Meter, count: int) -> dict[str, float]:
    return {"each": 1e6 / meter.rates(count)["rate"], **meter.cpu(count)}


def _in_turn(messages: Sequence[bytes], count: int) -> Iterator[bytes]:
    return (messages[number % len(messages)] for number in range(count))


def _pipelined(wire: Wire, requests: Iterator[bytes]) -> None:
    """Send requests that are not answered, and await that the last was heeded."""
    for burst in frames.joined(requests):
        wire.send(burst)
    wire.ask(*SYNC)


CURVES = (
    Curve(
        name="queues",
        title="publish to queues in turn",
        grows="queues",
        points=(1, 10, 100, 1_000, 10_000),
        base=10,
        run=queues,
    ),
    Curve(
        name="bindings",
        title="publish to a topic exchange",
        grows="bindings",
        points=(10, 100, 1_000, 10_000, 100_000),
        base=10,
        run=bindings,
    ),
    Curve(
        name="connections",
        title="publish and confirm on connections in turn",
        grows="connections",
        points=(1, 10, 100, 1_000, 5_000),
        base=10,
        run=connections,
    ),
    Curve(
        name="backlog",
        title="fill and drain",
        grows="messages",
        points=(1_000, 10_000, 100_000, 1_000_000),
        base=10_000,
        run=backlog,
    ),
    Curve(
        name="consumers",
        title="relay through one queue",
        grows="consumers",
        points=(1, 10, 100, 1_000),
        base=1,
        run=consumers,
    ),
    Curve(
        name="bodies",
        title="relay",
        grows="octets of body",
        points=(1, 100, 10_000, 100_000, 1_000_000, 16 << 20),
        base=100_000,
        linear=True,
        run=bodies,
    ),
    Curve(
        name="journal",
        title="recover after a kill",
        grows="persistent messages",
        points=(1_000, 10_000, 100_000, 300_000),
        base=100_000,
        run=journal,
        warm_up=False,
    ),
)
