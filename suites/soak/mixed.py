"""Mixed load while the broker is killed, stopped and frozen; each life's history is judged."""

import time
from collections import Counter
from pathlib import Path
from random import Random

from suites.brokers.local import LocalBroker
from suites.durability import load
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.crash import start_again
from suites.durability.history import Action, History, Phase
from suites.durability.load import Load
from suites.harness.names import Janitor, Names
from suites.soak.figure import Figure

QUEUES = 3
FAULTS = ("kill", "stop", "freeze and kill")
_FROZEN = 1.0  # seconds


def mixed(broker: LocalBroker, rng: Random, seconds: float, folder: Path) -> list[Figure]:
    """Load and faults, over and over, for so long, and each fault once at least.

    Raises Mismatch at the first anomaly: what was lost, doubled, reordered, or never sent.
    """
    names = Names(broker.endpoint, Janitor(), "soak")
    site = load.build(broker.endpoint, names, QUEUES)
    broker.restart()  # whether what was declared a moment ago outlives a kill is another question
    done: Counter[str] = Counter()
    sent = 0
    end = time.monotonic() + seconds
    while len(done) < len(FAULTS) or time.monotonic() < end:
        fault = FAULTS[done.total() % len(FAULTS)]
        history = History()
        clients = Load(broker.endpoint, history, site, rng.randrange(2**32))
        clients.run_to(clients.moment)
        _hurt(broker, fault)
        clients.finish()
        history.next_life()
        start_again(broker)
        load.empty(broker.endpoint, history, site)
        judge(history, AT_LEAST_ONCE, folder)
        done[fault] += 1
        sent += _known(history)
    names.clean()
    faults = [Figure(f"times: {fault}", done[fault], "") for fault in FAULTS]
    return [*faults, Figure("messages confirmed and judged", sent, "")]


def _hurt(broker: LocalBroker, fault: str) -> None:
    if fault == "stop":
        broker.stop()
        return
    if fault != "kill":
        broker.pause()
        time.sleep(_FROZEN)  # the clients write on, into what nobody reads
    broker.kill()


def _known(history: History) -> int:
    return sum(e.action is Action.SEND and e.phase is Phase.OK for e in history.events)
