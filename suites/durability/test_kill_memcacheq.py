import random
import threading
from pathlib import Path

import pytest

from suites.brokers.base import Broker
from suites.durability.contracts import AT_MOST_ONCE, judge
from suites.durability.crash import start_again
from suites.durability.history import History
from suites.durability.text_workers import Getter, Setter, TextWorker
from suites.harness.text_fixtures import TextClients
from suites.verify import Mismatch

pytestmark = [pytest.mark.needs("kill", "durable"), pytest.mark.timeout(240)]

START = 60.0  # seconds in which a load must have come to its moment


def address_of(broker: Broker) -> tuple[str, int]:
    """Where the queues are."""
    return broker.endpoint.host, broker.text_ports["memcacheq"]


@pytest.mark.requirement("durability/kill-at-most-once")
def test_under_load(kill_seed: int, memcacheq: TextClients, tmp_path: Path) -> None:
    """After SIGKILL what was STORED comes once at most; a get without a reply may lose one."""
    broker, queue = memcacheq.broker(), memcacheq.name()
    rng = random.Random(kill_seed)  # noqa: S311  a load that a seed repeats
    history, dying = History(), threading.Event()
    workers: list[TextWorker] = [
        Setter(f"s{n}", address_of(broker), history, dying, queue=queue, window=window)
        for n, window in enumerate((1, 20, 200))
    ]
    workers += [Getter(f"g{n}", address_of(broker), history, dying, queue=queue) for n in range(2)]
    for worker in workers:
        worker.start()
    moment = rng.randrange(1, 1500)
    if not history.await_sends(moment, START):
        raise Mismatch(f"{moment} values STORED", "fewer", f"within {START:g} s")
    dying.set()
    broker.kill()
    for worker in workers:
        worker.finish()
    history.next_life()
    start_again(broker)
    Getter("drain", address_of(broker), history, dying, queue=queue).drain()
    judge(history, AT_MOST_ONCE, tmp_path)
