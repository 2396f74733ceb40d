"""What becomes of a broker under load whose disk fills up, or can no longer be written to.

The whole experiment is made once for all tests that ask about it (the fixture `ailing`):

    load, confirmed │ the disk ails │ told │ kill, start │ the disk is well │ start, drain
"""

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import mean

import pytest

from faults.compose import Fault
from faults.disk import BrokenDisk, FullDisk, ImageDisk
from suites.brokers.base import BrokerError, Endpoint
from suites.brokers.local import ENDED, LocalBroker
from suites.clients.raw import RawClient
from suites.durability import load
from suites.durability.contents import SIZES
from suites.durability.crash import start_again
from suites.durability.history import History
from suites.durability.load import Site
from suites.durability.private import on_disk
from suites.durability.workers import AnyEnd, Consumer, Publisher
from suites.harness.names import Janitor, Names
from suites.harness.station import STATION
from suites.resilience.bounds import LONGEST
from suites.verify import Mismatch

OCTETS = 64 << 20
WINDOW = 30  # unconfirmed messages of the publisher
BEFORE = 200  # confirms before the disk ails
TOO_MANY = 2 * OCTETS // int(mean(SIZES))  # messages: there is not the room for them
NO_LIMIT = {"disk-free-limit": "0"}
"""So that no alarm holds publishers up before the disk is full."""

HOW: Mapping[str, Callable[[ImageDisk], Fault]] = {
    "full": lambda disk: FullDisk(disk.folder),
    "read-only": BrokenDisk,
}
ALL_OF_IT = 1_000_000  # lines of a log
REASONS = {
    "full": re.compile("enospc|no space left|disk is full", re.IGNORECASE),
    "read-only": re.compile("erofs|read-only file system", re.IGNORECASE),
}
LOOK_INTERVAL = 0.05  # seconds between two looks at the log
SERVES, ENDS, HANGS = "serves", "ends by itself", "neither serves nor ends"


@dataclass(frozen=True)
class Ailing:
    """What was seen of a broker on a disk that ailed for a while.

    `told` says how the publisher learned of it, `served` how the consumer, `asked` what somebody
    else then got who asked for a message; `log` is what the broker wrote meanwhile. `anew` is what
    became of a start on the ailing disk, `refusal` what it wrote then; `back` is what went wrong in
    the start on the mended disk, if anything.
    """

    how: str
    folder: str
    history: History
    told: str
    served: str
    asked: str
    log: str
    anew: str
    refusal: str
    back: Exception | None


class Told(AnyEnd, Publisher):
    """Publishes until it is told of the trouble, in whichever way.

    Once the disk ails (`ails` is set), confirms for more than it has room for are an end, too.
    """

    def __init__(self, name: str, endpoint: Endpoint, history: History, site: Site) -> None:
        super().__init__(name, endpoint, history, site.exchange, site.routes, WINDOW)
        self.ails = threading.Event()
        self._before = 0

    def _learn(self, client: RawClient) -> None:
        super()._learn(client)
        if not self.ails.is_set():
            self._before = self.learned
        elif self.learned - self._before > TOO_MANY:
            raise Mismatch("an end to the confirms", f"over {TOO_MANY} confirms")


class Served(AnyEnd, Consumer):
    """Consumes for as long as the broker lets it."""


@pytest.fixture(scope="module", params=HOW)
def ailing(request: pytest.FixtureRequest) -> Iterator[Ailing]:
    """The experiment is over."""
    station = request.config.stash[STATION]
    with on_disk(station.up(), OCTETS, NO_LIMIT) as (broker, disk):
        yield experiment(broker, disk, request.param, settle_in(broker, disk))


def settle_in(broker: LocalBroker, disk: ImageDisk) -> Site:
    """What the load works on, where it outlives a kill and a broken disk."""
    site = load.build(broker.endpoint, Names(broker.endpoint, Janitor(), "ailing"))
    broker.restart()  # so that the queues outlive a kill on RabbitMQ 3.10, too
    subprocess.run(["sync", "--file-system", str(disk.folder)], check=True)  # noqa: S603, S607
    return site


def experiment(broker: LocalBroker, disk: ImageDisk, how: str, site: Site, seed: int = 0) -> Ailing:
    """Let the disk ail once, in one of the ways of `HOW`. Raises Mismatch."""
    history = History()
    publisher = Told(f"p/{seed}", broker.endpoint, history, site)
    consumer = Served(f"c/{seed}", broker.endpoint, history, site.queues[0], prefetch=5)
    with RawClient.open(broker.endpoint) as other:
        other.open_channel(1)
        publisher.start()
        consumer.start()
        if not history.await_sends(BEFORE, LONGEST):
            raise Mismatch(f"{BEFORE} confirms", "fewer", f"in {LONGEST:g} s")
        log = _Log(broker)
        with HOW[how](disk):
            publisher.ails.set()
            publisher.finish()
            asked = _ask(other, site.queues[-1])
            logged = log.grown_to(str(broker.data_folder), REASONS[how])
            broker.kill()
            consumer.finish()
            logged += log.grown()
            anew = _start_anew(broker)
            refusal = log.grown()
    history.next_life()
    return Ailing(
        how,
        folder=str(broker.data_folder),
        history=history,
        told=publisher.ending,
        served=consumer.ending,
        asked=asked,
        log=logged,
        anew=anew,
        refusal=refusal,
        back=_come_back(broker, history, site),
    )


class _Log:
    """What a broker has logged since the last look; it may log a while after clients are told."""

    def __init__(self, broker: LocalBroker) -> None:
        self._broker = broker
        self._seen = 0
        self.grown()

    def grown(self) -> str:
        """What is new."""
        log = self._broker.log_tail(ALL_OF_IT)
        new, self._seen = log[self._seen :], len(log)
        return new

    def grown_to(self, folder: str, reason: re.Pattern[str]) -> str:
        """What is new, once it names the folder and the reason, or it has had the time to."""
        new, deadline = self.grown(), time.monotonic() + LONGEST
        while time.monotonic() < deadline and not (folder in new and reason.search(new)):
            time.sleep(LOOK_INTERVAL)
            new += self.grown()
        return new


def _ask(client: RawClient, queue: str) -> str:
    """What is answered to one who only wants a message: the canonical form."""
    try:
        client.send(1, "basic.get", queue=queue)
        return client.expect(1, "basic.get-ok", "basic.get-empty", timeout=LONGEST).name
    except Mismatch as mismatch:
        return mismatch.actual


def _start_anew(broker: LocalBroker) -> str:
    """Try to start it as things are; afterwards it is ended again."""
    try:
        broker.start()
    except BrokerError as error:
        return ENDS if ENDED in str(error) else HANGS
    broker.kill()
    return SERVES


def _come_back(broker: LocalBroker, history: History, site: Site) -> Exception | None:
    """Start it and drain it; what went wrong, if anything."""
    try:
        start_again(broker)
        load.empty(broker.endpoint, history, site)
    except (Mismatch, OSError) as problem:
        return problem
    return None
