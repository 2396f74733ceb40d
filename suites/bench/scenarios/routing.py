"""Exchanges with many bindings."""

from suites.bench import frames
from suites.bench.peers import Publisher
from suites.bench.pump import pump
from suites.bench.scenario import CPU, RATE, Figures, Scenario
from suites.bench.stage import Stage

BODY = bytes(100)
QUEUES = 10
BINDINGS = 500


def fanout(stage: Stage, count: int) -> Figures:
    """Each message into ten queues; counted as published."""
    wire = stage.connect()
    exchange = stage.exchange(wire, "fanout")
    queues = [stage.queue(wire) for _ in range(QUEUES)]
    for queue in queues:
        wire.call("queue.bind", queue=queue, exchange=exchange)
    message = frames.message(BODY, exchange=exchange, routing_key="")
    with stage.meter:
        pump(Publisher(wire, frames.repeated([message], count)))
        for queue in queues:
            stage.await_length(wire, queue, count)
    return stage.meter.rates(count)


def topic(stage: Stage, count: int) -> Figures:
    """500 patterns with both wildcards; 500 routing keys in turn, each of which matches one."""
    wire = stage.connect()
    exchange = stage.exchange(wire, "topic")
    queue = stage.queue(wire)
    words = [f"w{number:03}" for number in range(BINDINGS)]
    for word in words:
        wire.call("queue.bind", queue=queue, exchange=exchange, routing_key=f"*.{word}.#")
    messages = [
        frames.message(BODY, exchange=exchange, routing_key=f"a.{word}.b.c") for word in words
    ]
    with stage.meter:
        pump(Publisher(wire, frames.repeated(messages, count)))
        stage.await_length(wire, queue, count)
    return stage.meter.rates(count)


SCENARIOS = (
    Scenario(
        name="fanout-10",
        title="fanout to 10 queues",
        metrics=(RATE, CPU),
        count=20_000,
        run=fanout,
    ),
    Scenario(
        name="topic-500",
        title="topic exchange with 500 bindings",
        metrics=(RATE, CPU),
        count=50_000,
        run=topic,
    ),
)
