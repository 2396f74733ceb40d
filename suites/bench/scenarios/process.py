"""The process as such: how soon it serves, and how much memory it takes."""

import time
from concurrent.futures import Future, ThreadPoolExecutor

from suites.bench import frames, usage
from suites.bench.errors import BenchError
from suites.bench.peers import Publisher
from suites.bench.pump import pump
from suites.bench.scenario import Figures, Metric, Scenario
from suites.bench.stage import Stage
from suites.bench.wire import Wire
from suites.brokers.base import Broker, Endpoint, Unsupported

BODY = bytes(100)
SECONDS = Metric("seconds", "s")
IDLE, GROWTH = Metric("idle", "MB"), Metric("growth", "MB")
_POLL = 0.005  # seconds between attempts to connect


def start(stage: Stage, count: int) -> Figures:
    """From executing it to the first open connection; started anew, since its port is known."""
    seconds = 0.0
    for _ in range(count):
        stage.broker.stop()
        seconds += until_open(stage.broker)
    return {"seconds": seconds / count}


def until_open(broker: Broker) -> float:
    """Start a broker that was ended; the seconds until a connection opens."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        begun = time.perf_counter()
        starting = pool.submit(broker.start)
        _open(broker.endpoint, starting)
        seconds = time.perf_counter() - begun
        starting.result()
    return seconds


def _open(endpoint: Endpoint, starting: Future[Endpoint]) -> None:
    """Try again and again until a connection opens, or until the start has failed."""
    while True:
        ended = starting.done()
        if _opens(endpoint):
            return
        if ended:
            starting.result()
            raise BenchError("the broker has started, and no connection can be opened")
        time.sleep(_POLL)


def _opens(endpoint: Endpoint) -> bool:
    try:
        wire = Wire(endpoint)
    except BenchError:
        return False
    try:
        wire.open(channel=False)
    except BenchError:
        return False
    finally:
        wire.socket.close()
    return True


def memory(stage: Stage, count: int) -> Figures:
    """Resident memory with one connection, and what messages in a queue add to it."""
    if stage.pid is None:
        raise Unsupported("what the process of the broker uses cannot be seen from here")
    wire = stage.connect()
    queue = stage.queue(wire)
    idle = usage.resident_octets(stage.pid)
    message = frames.message(BODY, routing_key=queue)
    pump(Publisher(wire, frames.repeated([message], count)))
    stage.await_length(wire, queue, count)
    growth = usage.resident_octets(stage.pid) - idle
    return {"idle": idle / 1e6, "growth": growth / 1e6}


SCENARIOS = (
    Scenario(
        name="start",
        title="exec to first open connection",
        metrics=(SECONDS,),
        count=1,
        quick=1,
        warm_up=False,
        run=start,
    ),
    Scenario(
        name="memory",
        title="memory idle, and growth by 100,000 queued messages of 100 octets",
        metrics=(IDLE, GROWTH),
        count=100_000,
        warm_up=False,
        run=memory,
    ),
)
