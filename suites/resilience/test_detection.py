"""The detection clock: who notices which fault, and when."""

import pytest

from faults.process import Kill, Pause
from faults.toxics import Blackhole, Fin, OneWayLoss, Reset
from suites import verify
from suites.amqp.endings import Observe
from suites.amqp.steps import stocked_queue
from suites.brokers.base import Broker
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.resilience.detection import LISTED, Blow, Victim
from suites.resilience.fixtures import RemoteClients
from suites.resilience.owner import HELD
from suites.resilience.watch import Watch

FIN = Blow(lambda it: it.fault(Fin()), "told", "told", interval=2)
RST = Blow(lambda it: it.fault(Reset()), "told", "told", interval=2)
KILL = Blow(Kill, "told", None, interval=2)
STOP = Blow(Pause, "silence", None, wakes=True)
BLACKHOLE = Blow(lambda it: it.fault(Blackhole()), "silence", "patience")
UP_LOST = Blow(lambda it: it.fault(OneWayLoss("up")), "silence", "silence")
DOWN_LOST = Blow(lambda it: it.fault(OneWayLoss("down")), "patience", "patience")
HALF_OPEN = Blow(lambda it: it.fault(Reset(), "down"), "silence", "told")

requirement = pytest.mark.requirement
gone = requirement("queue/exclusive-gone-on-heartbeat-loss")


def victim(
    broker: Broker, remote: RemoteClients, raw: RawClients, names: Names, interval: int
) -> Victim:
    """A client with a lock and a message, and the connections that will look."""
    looking, consuming, lock, watch = raw(), raw(), names(), Watch()
    shared = stocked_queue(looking, names, HELD)
    client = remote(heartbeat=interval, client_properties={"connection_name": lock})
    client.proxy.fault(watch).start()
    client.call("declare", queue=lock, exclusive=True)
    client.call("get", queue=shared)
    consuming.consume(1, shared)
    return Victim(broker, client, lock, watch, looking, consuming)


@pytest.mark.parametrize(
    "blow",
    [
        pytest.param(FIN, id="FIN", marks=requirement("fault/detect-fin")),
        pytest.param(RST, id="RST", marks=requirement("fault/detect-rst")),
        pytest.param(KILL, id="SIGKILL", marks=requirement("fault/detect-kill")),
        pytest.param(STOP, id="SIGSTOP", marks=[requirement("fault/pause-process"), gone]),
        pytest.param(BLACKHOLE, id="blackhole", marks=[requirement("heartbeat/blackhole"), gone]),
        pytest.param(UP_LOST, id="up-lost", marks=[requirement("heartbeat/one-way-loss"), gone]),
        pytest.param(DOWN_LOST, id="down-lost", marks=requirement("heartbeat/broker-silent")),
        pytest.param(HALF_OPEN, id="half-open", marks=[requirement("fault/proxy-half-open"), gone]),
    ],
)
def test_detection(
    blow: Blow,
    remote: RemoteClients,
    raw: RawClients,
    names: Names,
    broker: Broker,
    observe: Observe,
) -> None:
    """No side knows sooner than it can, each as soon as it must, and then everything is freed."""
    hurt = victim(broker, remote, raw, names, blow.interval)
    verify.equal(hurt.locked(), expected=True, what="locked at first")
    verify.eventually(lambda: hurt.listed() is not False, "listed by the management view", LISTED)
    knew = hurt.suffer(blow)
    told = ", ".join(f"{side} after {seconds:.2f} s" for side, seconds in knew.items())
    observe(f"heartbeat {blow.interval} s: {told}")
