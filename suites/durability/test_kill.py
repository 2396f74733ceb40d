from collections.abc import Callable
from pathlib import Path

import pytest

from suites.brokers.base import Broker
from suites.durability import load
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.crash import start_again
from suites.durability.history import History
from suites.durability.load import Load
from suites.harness.names import Names

pytestmark = [pytest.mark.needs("kill", "durable"), pytest.mark.timeout(240)]

Observe = Callable[[str], None]


@pytest.mark.requirement(
    "durability/kill-mid-publish", "durability/kill-mid-ack", "confirm/persistent-survives-kill"
)
def test_kill_under_load(
    kill_seed: int, mortal: Broker, names: Names, observe: Observe, tmp_path: Path
) -> None:
    """After SIGKILL at any moment all that was confirmed is there, in order, and nothing else."""
    site = load.build(mortal.endpoint, names)
    history = History()
    clients = Load(mortal.endpoint, history, site, kill_seed)
    clients.run_to(clients.moment)
    mortal.kill()
    clients.finish()
    history.next_life()
    start_again(mortal)
    load.empty(mortal.endpoint, history, site)
    counted = judge(history, AT_LEAST_ONCE, tmp_path)
    if counted:
        observe(counted)
