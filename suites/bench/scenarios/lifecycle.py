"""Making and unmaking connections, channels and queues, every frame encoded beforehand."""

from reference_broker.wire.framing import method_frame
from reference_broker.wire.spec import PROTOCOL_HEADER
from suites.bench.frames import ids, method
from suites.bench.scenario import CPU, PACE, Figures, Scenario
from suites.bench.stage import Stage, fresh_name
from suites.bench.wire import FAREWELL, Wire

Step = tuple[bytes, bytes]  # a frame to send, the ids of the reply

OPEN = (method("channel.open"), ids("channel.open-ok"))
SHUT = (method("channel.close", reply_code=200, reply_text=""), ids("channel.close-ok"))


def connection(stage: Stage, count: int) -> Figures:
    """Connect, open a channel, close."""
    known = stage.connect()  # what the broker proposes to every connection
    opened = method_frame(0, "connection.open", virtual_host=stage.endpoint.vhost)
    steps = [
        (PROTOCOL_HEADER, ids("connection.start")),
        (known.start_ok(), ids("connection.tune")),
        (known.tune_ok() + opened, ids("connection.open-ok")),
        OPEN,
        (FAREWELL, ids("connection.close-ok")),
    ]
    with stage.meter:
        for _ in range(count):
            wire = Wire(stage.endpoint)
            try:
                _play(wire, steps)
            finally:
                wire.socket.close()
    return stage.meter.rates(count)


def channel(stage: Stage, count: int) -> Figures:
    """Open and close a channel on one connection."""
    wire = stage.connect()
    wire.ask(*SHUT)
    with stage.meter:
        for _ in range(count):
            _play(wire, [OPEN, SHUT])
    return stage.meter.rates(count)


def queue(stage: Stage, count: int) -> Figures:
    """Declare and delete a transient queue."""
    wire = stage.connect()
    name = fresh_name()
    steps = [
        (method("queue.declare", queue=name), ids("queue.declare-ok")),
        (method("queue.delete", queue=name), ids("queue.delete-ok")),
    ]
    with stage.meter:
        for _ in range(count):
            _play(wire, steps)
    return stage.meter.rates(count)


def _play(wire: Wire, steps: list[Step]) -> None:
    for request, reply in steps:
        wire.ask(request, reply)


SCENARIOS = (
    Scenario(
        name="connection",
        title="connect, open a channel, close",
        metrics=(PACE, CPU),
        count=500,
        quick=10,
        run=connection,
    ),
    Scenario(
        name="channel",
        title="open and close a channel",
        metrics=(PACE, CPU),
        count=3_000,
        quick=50,
        run=channel,
    ),
    Scenario(
        name="queue",
        title="declare and delete a queue",
        metrics=(PACE, CPU),
        count=2_000,
        quick=50,
        run=queue,
    ),
)
