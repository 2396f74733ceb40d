"""A seeded load on several durable queues, and the emptying of the queues after it."""

import itertools
import random
import time
from dataclasses import dataclass
from typing import Any

from suites import verify
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.durability.contents import identify
from suites.durability.history import Action, History, Phase
from suites.durability.workers import PATIENCE, Consumer, Publisher, Route, Transactor, Worker
from suites.harness.names import Names
from suites.verify import Mismatch

WINDOWS = (1, 30, 500)  # one at a time, windowed, streamed
PIPELINED = 50  # basic.gets on their way at once


@dataclass(frozen=True, slots=True)
class Site:
    """A durable exchange, and durable queues that its keys 0, 1, … and `all` lead to."""

    exchange: str
    queues: tuple[str, ...]

    @property
    def routes(self) -> list[Route]:
        """Each queue by itself, and all of them."""
        single = [Route(str(n), (queue,)) for n, queue in enumerate(self.queues)]
        return [*single, Route("all", self.queues)]


def build(endpoint: Endpoint, names: Names, count: int = 3) -> Site:
    """Declare a site with so many queues."""
    site = Site(names("exchange"), tuple(names() for _ in range(count)))
    declare(endpoint, site)
    return site


def declare(endpoint: Endpoint, site: Site) -> None:
    """Declare what a site consists of, which has no effect on what is there."""
    with RawClient.open(endpoint, timeout=PATIENCE) as client:
        client.open_channel(1)
        client.call(1, "exchange.declare", exchange=site.exchange, type="direct", durable=True)
        for queue in site.queues:
            client.call(1, "queue.declare", queue=queue, durable=True)
        for route in site.routes:
            for queue in route.queues:
                ends: dict[str, Any] = {"queue": queue, "exchange": site.exchange}
                client.call(1, "queue.bind", routing_key=route.key, **ends)


class Load:
    """Publishers on all queues, transactions on the first, consumers on all but the last.

    Every second one of them reaches the broker over the `link`, if there is one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        history: History,
        site: Site,
        seed: int,
        link: Endpoint | None = None,
    ) -> None:
        self._rng = random.Random(seed)  # noqa: S311  a load that a seed repeats
        self.moment = self._rng.randrange(1, 1500)
        """After how many confirms the broker is to end."""
        self.history = history
        self._site = site
        self._ends = endpoint, link or endpoint
        self._seed = str(seed)
        self._workers = self._make(self._seed)

    def _make(self, mark: str) -> list[Worker]:
        """A worker of each kind, not started yet; their names bear the mark."""
        ends, history, site = itertools.cycle(self._ends), self.history, self._site
        publishers = [
            Publisher(f"p{n}/{mark}", next(ends), history, site.exchange, site.routes, window)
            for n, window in enumerate(WINDOWS)
        ]
        transactor = Transactor(f"t/{mark}", next(ends), history, site.queues[0])
        consumers = [
            Consumer(f"c{n}/{mark}", next(ends), history, queue, self._rng.choice((5, 50)))
            for n, queue in enumerate(site.queues[:-1])
        ]
        return [*publishers, transactor, *consumers]

    def run_to(self, moment: int, timeout: float = 60.0) -> None:
        """Start all, and return when so many messages were confirmed. Raises Mismatch.

        All are connected then: one that came later would find a broker that has ended.
        """
        self._start(self._workers, timeout)
        if not self.history.await_sends(moment, timeout):
            self.stop_waiting(f"{moment} confirms")

    def _start(self, workers: list[Worker], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        for worker in workers:
            worker.start()
        for worker in workers:
            if not worker.works.wait(deadline - time.monotonic()):
                self.stop_waiting(f"{worker.name} connected")

    def await_break(self) -> None:
        """The link breaks: wait for all that had it; raises what was not its end."""
        for worker in self._workers[1::2]:
            worker.finish()

    def renew(self, timeout: float = 60.0) -> None:
        """Put others in the places of those whose link broke, and start them. Raises Mismatch."""
        self._seed += "+"
        fresh = self._make(self._seed)[1::2]
        self._workers[1::2] = fresh
        self._start(fresh, timeout)

    def stop_waiting(self, expected: str) -> None:
        """Say why it takes so long: a worker's problem, or nothing known."""
        for worker in self._workers:
            if not worker.is_alive():
                worker.finish()
        raise Mismatch(expected, "fewer", "within the time for it")

    def finish(self) -> None:
        """After the broker's end: wait for all; raises what was not its death."""
        for worker in self._workers:
            worker.finish()


def await_nobody(endpoint: Endpoint, site: Site) -> None:
    """Wait until the broker has noticed that all consumers are gone. Raises Mismatch.

    What they held is in the queues again then.
    """
    with RawClient.open(endpoint, timeout=PATIENCE) as client:
        client.open_channel(1)

        def consumers() -> int:
            ask = (client.call(1, "queue.declare", queue=q, passive=True) for q in site.queues)
            return sum(answer["consumer_count"] for answer in ask)

        verify.eventually(consumers, "consumers", PATIENCE, wanted=0)


def empty(endpoint: Endpoint, history: History, site: Site) -> None:
    """Take all that the queues have, settled at once, in the broker's present life."""
    with RawClient.open(endpoint, timeout=PATIENCE) as client:
        client.open_channel(1)
        for queue in site.queues:
            while _take_some(client, history, queue):
                pass


def _take_some(client: RawClient, history: History, queue: str) -> bool:
    """Whether there may be more."""
    for _ in range(PIPELINED):
        client.send(1, "basic.get", queue=queue, no_ack=True)
    more = True
    for _ in range(PIPELINED):
        received = client.expect(1, "basic.get-ok", "basic.get-empty")
        more = isinstance(received, Delivery)
        if isinstance(received, Delivery):
            flag = received["redelivered"]
            message = identify(received)
            history.add("drain", Action.TAKE, Phase.OK, queue, message, redelivered=flag)
    return more
