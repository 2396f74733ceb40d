"""Draining a queue that is full when the consumer comes."""

from suites.bench import frames
from suites.bench.peers import AckingConsumer, Consumer, Publisher
from suites.bench.pump import pump
from suites.bench.scenario import CPU, RATE, Figures, Scenario
from suites.bench.stage import Stage

BODY = bytes(100)
ACK_EVERY = 100


def drain_auto_ack(stage: Stage, count: int) -> Figures:
    """Deliveries that count as acknowledged when they are sent."""
    queue = _filled(stage, count)
    wire = stage.connect()
    with stage.meter:
        stage.consume(wire, queue, auto_ack=True)
        pump(Consumer(wire, count))
    return stage.meter.rates(count)


def drain_ack(stage: Stage, count: int) -> Figures:
    """At most 1000 deliveries unacknowledged, one ack for 100 of them."""
    queue = _filled(stage, count)
    wire = stage.connect()
    with stage.meter:
        stage.consume(wire, queue, auto_ack=False)
        pump(AckingConsumer(wire, count, ACK_EVERY))
        stage.await_length(wire, queue, 0)  # its reply stands behind the acks
    return stage.meter.rates(count)


def _filled(stage: Stage, count: int) -> str:
    wire = stage.connect()
    queue = stage.queue(wire)
    message = frames.message(BODY, routing_key=queue)
    pump(Publisher(wire, frames.repeated([message], count)))
    stage.await_length(wire, queue, count)
    return queue


SCENARIOS = (
    Scenario(
        name="drain-auto-ack",
        title="drain, auto-ack",
        metrics=(RATE, CPU),
        count=200_000,
        run=drain_auto_ack,
    ),
    Scenario(
        name="drain-ack",
        title="drain, prefetch 1000, one ack per 100",
        metrics=(RATE, CPU),
        count=200_000,
        run=drain_ack,
    ),
)
