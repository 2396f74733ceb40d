"""Publishing to one queue: done when the queue holds every message."""

from collections.abc import Iterator

from suites.bench import frames
from suites.bench.peers import Publisher
from suites.bench.pump import pump
from suites.bench.scenario import CPU, RATE, Figures, Scenario
from suites.bench.stage import Stage
from suites.bench.wire import Wire

BODY = bytes(100)


def publish_alike(stage: Stage, count: int) -> Figures:
    """The same message again and again."""
    wire = stage.connect()
    queue = stage.queue(wire)
    message = frames.message(BODY, routing_key=queue)
    return _publish(stage, wire, queue, count, frames.repeated([message], count))


def publish_with_ids(stage: Stage, count: int) -> Figures:
    """Each message with another message-id, so that no header is like the one before."""
    wire = stage.connect()
    queue = stage.queue(wire)
    return _publish(stage, wire, queue, count, iter(frames.with_message_ids(BODY, queue, count)))


def _publish(stage: Stage, wire: Wire, queue: str, count: int, bursts: Iterator[bytes]) -> Figures:
    with stage.meter:
        pump(Publisher(wire, bursts))
        stage.await_length(wire, queue, count)
    return stage.meter.rates(count)


SCENARIOS = (
    Scenario(
        name="publish-transient",
        title="publish to one queue, transient",
        metrics=(RATE, CPU),
        count=200_000,
        run=publish_alike,
    ),
    Scenario(
        name="publish-message-ids",
        title="publish, each message with another message-id",
        metrics=(RATE, CPU),
        count=200_000,
        run=publish_with_ids,
    ),
)
