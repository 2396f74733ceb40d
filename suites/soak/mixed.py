"""Mixed load while the broker, the links to it and its disk are hurt; each history is judged.

Every second client reaches the broker through a proxy. A round:

    load, confirmed │ the links are hurt, or not │ the broker is killed or stopped │ start, drain

Where links break, other clients take the places of those that were cut off, and in the end all are
cut off and the same broker is drained: what it had lost with a connection a start could bring back.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Self

from faults import Proxy, Unsupported
from faults.disk import ImageDisk
from faults.proxy import Toxic
from faults.toxics import CutAfter, Freeze, Latency, Reset
from suites.brokers import base
from suites.brokers.base import Endpoint
from suites.brokers.local import LocalBroker
from suites.clients.raw import RawClient
from suites.durability import load
from suites.durability.contracts import AT_LEAST_ONCE, UNSYNCED, Contract, anomalies, judge
from suites.durability.crash import start_again
from suites.durability.history import Action, History, Phase
from suites.durability.load import Load, Site
from suites.durability.private import on_disk
from suites.harness.names import Janitor, Names
from suites.resilience import ailing
from suites.soak.figure import Figure
from suites.soak.watch import PATIENCE, Totals, Watch

QUEUES = 3
PROCESS = ("kill", "stop", "freeze and kill")
BREAKING: Mapping[str, Callable[[Random], Toxic]] = {
    "links reset": lambda _rng: Reset(),
    "links cut": lambda rng: CutAfter(rng.randrange(1, 5000), reset=rng.random() < 0.5),
}
PASSING: Mapping[str, Callable[[Random], Toxic]] = {
    "links frozen": lambda _rng: Freeze(),
    "links late": lambda rng: Latency(0.02, jitter=0.015, seed=rng.randrange(2**32)),
}
"""Of these a client notices nothing but the time."""
FULL = "disk full"
FAULTS = (*PROCESS, *BREAKING, *PASSING, FULL)
_LENGTH = 1.0  # seconds of a fault that has no length of its own
_MEMORY_MOST, _CONNECTIONS = 512, 16  # MiB above the beginning; clients, old and new ones


@dataclass
class Tally:
    """What has been counted in all rounds."""

    done: Counter[str] = field(default_factory=Counter)
    counted: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    taken: int = 0

    def judge(self, history: History, contract: Contract, folder: Path) -> None:
        """Judge the history of a round, and add it. Raises Mismatch."""
        judge(history, contract, folder)
        self.counted.update(str(a.kind) for a in anomalies(history.events, contract.counted))
        known = [event.action for event in history.events if event.phase is Phase.OK]
        self.sent += known.count(Action.SEND)
        self.taken += known.count(Action.TAKE)

    def figures(self) -> list[Figure]:
        """All of it."""
        kinds = sorted(str(kind) for kind in UNSYNCED.counted)
        return [
            *(Figure(f"times: {fault}", self.done[fault], "") for fault in FAULTS),
            Figure("messages confirmed and judged", self.sent, ""),
            Figure("deliveries judged", self.taken, ""),
            *(Figure(f"allowed for: {kind}", self.counted[kind], "") for kind in kinds),
        ]


def mixed(broker: LocalBroker, rng: Random, seconds: float, folder: Path) -> list[Figure]:
    """Load and faults, over and over, for so long, and each fault once at least.

    Raises Mismatch at the first anomaly: what was lost, doubled, reordered, or never sent.
    """
    tally, totals = Tally(), Totals()
    names = Names(broker.endpoint, Janitor(), "soak")
    site = load.build(broker.endpoint, names, QUEUES)
    broker.restart()  # whether what was declared a moment ago outlives a kill is another question
    end = time.monotonic() + seconds
    rounds = 0
    upstream = broker.endpoint.host, broker.endpoint.port
    with Proxy(*upstream) as link, Proxy(*upstream) as calm, FillingDisk(broker) as disk:
        while rounds < len(FAULTS) or time.monotonic() < end:
            fault = FAULTS[rounds % len(FAULTS)]
            rounds += 1
            if fault == FULL:
                tally.done[fault] += disk.round(rng, tally, folder)
                continue
            history = _Round(broker, link, calm, site, rng, totals).history(fault)
            tally.judge(history, AT_LEAST_ONCE, folder)
            tally.done[fault] += 1
    names.clean()
    return [*tally.figures(), *totals.figures(_MEMORY_MOST, _CONNECTIONS)]


@dataclass(frozen=True)
class _Round:
    """Clients at work until all of them are cut off, and what they have left."""

    broker: LocalBroker
    link: Proxy
    calm: Proxy
    site: Site
    rng: Random
    totals: Totals

    def history(self, fault: str) -> History:
        """What was seen of the fault, of the end, and by who drained the queues then."""
        history, seed = History(), self.rng.randrange(2**32)
        direct = self._over(self.calm) if fault in BREAKING else self.broker.endpoint
        clients = Load(direct, history, self.site, seed, self._over(self.link))
        with Watch(self.broker.endpoint, self.broker.pid) as watch:
            clients.run_to(clients.moment)
            self._hurt_links(fault, clients)
        self.totals.add(watch)
        self._end(fault, clients)
        history.next_life()
        load.empty(self.broker.endpoint, history, self.site)
        if fault in BREAKING:
            self._forget()
        return history

    def _over(self, proxy: Proxy) -> Endpoint:
        return replace(self.broker.endpoint, host=proxy.host, port=proxy.port)

    def _hurt_links(self, fault: str, clients: Load) -> None:
        if fault in PASSING:
            with self.link.fault(PASSING[fault](self.rng)):
                time.sleep(_LENGTH)
        elif fault in BREAKING:
            with self.link.fault(BREAKING[fault](self.rng)):
                clients.await_break()
            clients.renew()

    def _end(self, fault: str, clients: Load) -> None:
        """Cut all clients off, and see that the broker is there for the next one."""
        if fault in BREAKING:
            with self.link.fault(Reset()), self.calm.fault(Reset()):
                clients.finish()
            load.await_nobody(self.broker.endpoint, self.site)
            return
        if fault == "stop":
            self.broker.stop()
        else:
            self._kill(fault)
        clients.finish()
        start_again(self.broker)

    def _kill(self, fault: str) -> None:
        if fault == "freeze and kill":
            self.broker.pause()
            time.sleep(_LENGTH)  # the clients write on, into what nobody reads
        self.broker.kill()

    def _forget(self) -> None:
        """Have nothing left of what may yet have come of connections that are cut off."""
        self.broker.restart()
        with RawClient.open(self.broker.endpoint, timeout=PATIENCE) as client:
            client.open_channel(1)
            for queue in self.site.queues:
                client.call(1, "queue.purge", queue=queue)


class FillingDisk:
    """A second broker on a small disk, where this machine can make one."""

    def __init__(self, model: LocalBroker) -> None:
        self._open = ExitStack()
        self._model = model
        self._ends: tuple[LocalBroker, ImageDisk, Site] | None = None
        self._refused = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._open.close()

    def round(self, rng: Random, tally: Tally, folder: Path) -> bool:
        """Load while the disk fills up, and what is left of it with room again; False if not here.

        Raises Mismatch.
        """
        try:
            broker, disk, site = self._ends = self._ends or self._begin()
        except (Unsupported, base.Unsupported) as lack:
            if not self._refused:
                sys.stderr.write(f"soak: without a full disk: {lack}\n")
            self._refused = str(lack)
            return False
        seen = ailing.experiment(broker, disk, "full", site, rng.randrange(2**32))
        if seen.back is not None:
            raise seen.back
        tally.judge(seen.history, UNSYNCED, folder)
        return True

    def _begin(self) -> tuple[LocalBroker, ImageDisk, Site]:
        made = on_disk(self._model, ailing.OCTETS, ailing.NO_LIMIT)
        broker, disk = self._open.enter_context(made)
        return broker, disk, ailing.settle_in(broker, disk)
