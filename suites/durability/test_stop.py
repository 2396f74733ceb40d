from collections.abc import Callable
from pathlib import Path

import pytest

from suites.brokers.base import Broker
from suites.brokers.local import LocalBroker
from suites.durability import load
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.crash import start_again
from suites.durability.history import History
from suites.durability.load import Load
from suites.durability.private import files_of
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = [
    pytest.mark.needs("restart", "durable"),
    pytest.mark.timeout(900),  # ten restarts, of which each may take a minute on a loaded machine
]

Observe = Callable[[str], None]

RESTARTS = 10
SETTLED = 3  # restarts after which the data should have their size
GROWTH = 2 * 1024 * 1024  # octets; the load of one round is more


@pytest.mark.requirement(
    "confirm/broker-stop-inflight", "fault/graceful-stop-under-load", "fault/broker-restart-clients"
)
def test_under_load(
    mortal: Broker, names: Names, raw: RawClients, observe: Observe, tmp_path: Path
) -> None:
    """A stop under load closes connections with 320 and keeps all that was confirmed."""
    site = load.build(mortal.endpoint, names)
    history = History()
    clients = Load(mortal.endpoint, history, site, seed=0)
    witness = raw()
    clients.run_to(500)
    mortal.stop()
    witness.expect_connection_close(320)
    clients.finish()
    history.next_life()
    start_again(mortal)
    load.empty(mortal.endpoint, history, site)
    counted = judge(history, AT_LEAST_ONCE, tmp_path)
    if counted:
        observe(counted)


@pytest.mark.requirement("durability/restart-loop")
def test_again_and_again(mortal: Broker, names: Names, observe: Observe, tmp_path: Path) -> None:
    """Ten restarts with load before each lose nothing; what was consumed leaves no data behind."""
    site = load.build(mortal.endpoint, names)
    sizes = []
    for seed in range(RESTARTS):
        history = History()
        clients = Load(mortal.endpoint, history, site, seed)
        clients.run_to(200)
        mortal.stop()
        clients.finish()
        history.next_life()
        start_again(mortal)
        load.empty(mortal.endpoint, history, site)
        judge(history, AT_LEAST_ONCE, tmp_path)
        sizes.append(_size(mortal))
    grown = sizes[-1] - sizes[SETTLED - 1]
    if grown >= GROWTH:  # a store may well collect its garbage later
        observe(f"data grew by {grown} octets, though all was consumed")


def _size(broker: Broker) -> int:
    """How large the broker's data are, its log apart; 0 where they are out of our sight."""
    if not isinstance(broker, LocalBroker):
        return 0
    return sum(size for path, size in files_of(broker) if path.suffix != ".log")
