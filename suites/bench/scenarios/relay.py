"""Publishing and consuming at the same time, each on a connection of its own."""

from functools import partial

from suites.bench import frames
from suites.bench.peers import AckingConsumer, Consumer, Publisher
from suites.bench.pump import Peer, pump
from suites.bench.scenario import CPU, RATE, VOLUME, Figures, Scenario
from suites.bench.stage import Stage

SMALL = 100  # octets of a body
KIB = 1024


def relay(
    stage: Stage, count: int, *, auto_ack: bool = True, pairs: int = 1, size: int = SMALL
) -> Figures:
    """So many messages through so many queues: from the first published to the last received."""
    share = count // pairs
    peers: list[Peer] = []
    for _ in range(pairs):
        peers += _pair(stage, share, size, auto_ack=auto_ack)
    with stage.meter:
        pump(*peers)
    return stage.meter.rates(share * pairs, size if size > SMALL else 0)


def _pair(stage: Stage, count: int, size: int, *, auto_ack: bool) -> tuple[Peer, Peer]:
    source, sink = stage.connect(), stage.connect()
    queue = stage.queue(source)
    stage.consume(sink, queue, auto_ack=auto_ack)
    message = frames.message(bytes(size), routing_key=queue, frame_max=source.frame_max)
    publisher = Publisher(source, frames.repeated([message], count))
    consumer = Consumer(sink, count) if auto_ack else AckingConsumer(sink, count, every=1)
    return publisher, consumer


SCENARIOS = (
    Scenario(
        name="relay-auto-ack",
        title="relay publish to deliver, auto-ack",
        metrics=(RATE, CPU),
        count=100_000,
        run=relay,
    ),
    Scenario(
        name="relay-ack",
        title="relay publish to deliver, one ack each",
        metrics=(RATE, CPU),
        count=100_000,
        run=partial(relay, auto_ack=False),
    ),
    Scenario(
        name="relay-4-pairs",
        title="relay, 4 pairs at once",
        metrics=(RATE, CPU),
        count=100_000,
        run=partial(relay, pairs=4),
    ),
    Scenario(
        name="bodies-64k",
        title="relay of 64 KiB bodies",
        metrics=(VOLUME, CPU),
        count=10_000,
        quick=20,
        run=partial(relay, size=64 * KIB),
    ),
    Scenario(
        name="bodies-1m",
        title="relay of 1 MiB bodies",
        metrics=(VOLUME, CPU),
        count=500,
        quick=5,
        run=partial(relay, size=KIB * KIB),
    ),
)
