"""Publisher confirms: durable queue and persistent message, where a confirm waits for a sync."""

from functools import partial

from suites.bench import frames
from suites.bench.peers import ConfirmedPublisher
from suites.bench.pump import pump
from suites.bench.scenario import CPU, RATE, Figures, Scenario
from suites.bench.stage import Stage

BODY = bytes(100)
PERSISTENT = 2


def durable(stage: Stage, count: int, *, window: int | None) -> Figures:
    """Until every message is confirmed, at most `window` of them unconfirmed; None for no bound."""
    wire = stage.connect()
    queue = stage.queue(wire, durable=True)
    wire.call("confirm.select")
    message = frames.message(BODY, routing_key=queue, delivery_mode=PERSISTENT)
    with stage.meter:
        pump(ConfirmedPublisher(wire, message, count, window or count))
    return stage.meter.rates(count)


SCENARIOS = (
    Scenario(
        name="durable-one",
        title="durable, persistent, confirmed one at a time",
        metrics=(RATE, CPU),
        count=1_000,
        quick=50,
        run=partial(durable, window=1),
    ),
    Scenario(
        name="durable-100",
        title="durable, persistent, confirmed, 100 in flight",
        metrics=(RATE, CPU),
        count=20_000,
        run=partial(durable, window=100),
    ),
    Scenario(
        name="durable-streamed",
        title="durable, persistent, confirmed, streamed",
        metrics=(RATE, CPU),
        count=50_000,
        run=partial(durable, window=None),
    ),
)
