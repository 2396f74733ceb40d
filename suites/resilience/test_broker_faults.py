"""Brokers that pause, restart, crash, run out of descriptors, or live with a wrong clock."""

import contextlib
import os
import resource
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from faults.clock import Skew
from faults.disk import FailingFsync
from faults.process import CrashLoop, Pause
from suites import verify
from suites.brokers.base import Broker, BrokerError, Endpoint
from suites.brokers.local import LocalBroker
from suites.clients.raw import RawClient
from suites.durability import load
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.crash import start_again
from suites.durability.history import History
from suites.durability.load import Site
from suites.durability.private import another, process_of
from suites.durability.workers import AnyEnd, Publisher
from suites.harness.names import Janitor, Names
from suites.harness.station import Station
from suites.resilience.bounds import LONGEST, patience
from suites.resilience.fixtures import RemoteClients
from suites.verify import Mismatch

CLIENTS = 100
PERSISTENT = 2
INTERVAL = 1
CRASHES = 3
WINDOW = 10  # unconfirmed messages
TRIES = 5

pytestmark = pytest.mark.timeout(240)


@pytest.mark.needs("restart")
@pytest.mark.requirement("fault/reconnect-storm")
def test_reconnect_storm(mortal: Broker) -> None:
    """A hundred clients that come back at once after a restart are all served."""
    endpoint = mortal.endpoint
    back = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as threads:
        before = list(threads.map(lambda _: _patient(endpoint), range(CLIENTS)))
        mortal.stop()
        coming = [threads.submit(_come_back, client, endpoint, back) for client in before]
        try:
            start_again(mortal)
        finally:
            back.set()
        served = [future.result() for future in coming]
    verify.equal(served, [b"mine"] * CLIENTS, "what each got from a queue of its own")


def _patient(endpoint: Endpoint) -> RawClient:
    """A client that waits its turn among a hundred."""
    return RawClient.open(endpoint, timeout=LONGEST)


def _come_back(client: RawClient, endpoint: Endpoint, back: threading.Event) -> bytes:
    """Connect until it works, then use a queue of one's own.

    However long the broker takes to be `back`, so many tries are enough afterwards.
    """
    client.link.close()
    tries = TRIES
    while True:
        tries -= back.is_set()
        try:
            again = _patient(endpoint)
        except (OSError, Mismatch):
            if not tries:
                raise
            time.sleep(0.1)  # a client's pause between two tries
            continue
        with again:
            again.open_channel(1)
            queue = again.call(1, "queue.declare", exclusive=True)["queue"]
            again.publish(1, "", queue, b"mine")
            message = again.get(1, queue)
            return b"" if message is None else message.body


@pytest.mark.needs("pause")
@pytest.mark.requirement("fault/broker-pause")
def test_broker_pauses(
    broker: Broker, remote: RemoteClients, client: RawClient, names: Names
) -> None:
    """A client with heartbeats gives up and can come back; one without just goes on."""
    queue = names()
    client.call(1, "queue.declare", queue=queue)
    watchful = remote(heartbeat=INTERVAL)
    with Pause(process_of(broker)):
        paused = time.monotonic()
        client.publish(1, "", queue, b"held up")
        lost = watchful.wait("lost", LONGEST)
        seconds = lost.at - paused
        verify.between(seconds, 0, patience(INTERVAL)[1], "seconds until pika gave up")
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", b"held up", timeout=LONGEST)
    watchful.join(heartbeat=INTERVAL)
    watchful.call("sync")


@pytest.mark.needs("restart", "durable")
@pytest.mark.requirement("fault/start-with-lock")
def test_two_on_one_data_folder(mortal: Broker, client: RawClient) -> None:
    """A second broker on the data of one that runs ends by itself; the first does not notice."""
    said = process_of(mortal).start_beside(LONGEST)
    verify.true(said is not None, "the second broker ends", "it runs")
    verify.true(bool(said), "it says why", "it says nothing")
    client.sync(1)


@pytest.mark.needs("kill")
@pytest.mark.requirement("fault/fd-exhaustion")
def test_no_descriptors_left(station: Station, observe: Callable[[str], None]) -> None:
    """With no descriptor left new connections are not served, old ones are, and then all again.

    On a broker of its own: what else in it wanted a descriptor meanwhile may not recover.
    """
    station.up()
    with another(station, {}) as broker, RawClient.open(broker.endpoint) as old:
        old.open_channel(1)
        soft, hard = resource.prlimit(broker.pid, resource.RLIMIT_NOFILE)
        used = len(os.listdir(f"/proc/{broker.pid}/fd"))  # noqa: PTH208  a folder of the kernel's
        resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (used, hard))
        crowd: list[RawClient] = []  # takes the numbers that were free below the limit
        try:
            while (told := _join(crowd, broker.endpoint)) == SERVED and len(crowd) < used:
                continue
            old.sync(1)
        finally:
            resource.prlimit(broker.pid, resource.RLIMIT_NOFILE, (soft, hard))
            _leave(crowd)
        verify.true(told != SERVED, "an end of new connections", f"{len(crowd)} of them served")
        observe(f"a new client gets: {told}")
        verify.eventually(lambda: _join(crowd, broker.endpoint), "new client", LONGEST, SERVED)
        _leave(crowd)
        old.sync(1)


SERVED = "connection.start"


def _leave(crowd: list[RawClient]) -> None:
    for client in crowd:
        client.link.close()


def _join(crowd: list[RawClient], endpoint: Endpoint) -> str:
    """What one more client gets: `connection.start`, or what there is in its place."""
    try:
        client = RawClient(endpoint, timeout=2.0)
    except OSError as error:
        return type(error).__name__
    crowd.append(client)
    try:
        return str(client.start())
    except Mismatch as other:
        return other.actual


@pytest.mark.needs("kill", "restart", "durable")
@pytest.mark.requirement("fault/crash-loop")
def test_crash_loop(station: Station, tmp_path: Path) -> None:
    """Through crash after crash nothing that was confirmed is lost."""
    station.up()
    with another(station, {}) as broker:
        site = load.build(broker.endpoint, Names(broker.endpoint, Janitor(), "crash-loop"))
        broker.restart()  # so that the queues outlive a kill on RabbitMQ 3.10, too
        history = History()
        with CrashLoop(_Revived(broker), period=1.0, jitter=0.3, seed=1) as loop:
            while loop.crashes < CRASHES and not loop.failed:
                _publish_some(broker.endpoint, history, site)
        history.next_life()
        load.empty(broker.endpoint, history, site)
    judge(history, AT_LEAST_ONCE, tmp_path)
    verify.true(history.await_sends(1, 0), "some confirmed messages", "none")


class _Revived:
    """The broker as a loop's subject: that it does not start again is a finding."""

    def __init__(self, broker: LocalBroker) -> None:
        self._broker = broker

    @property
    def pid(self) -> int:
        return self._broker.pid

    def kill(self) -> None:
        self._broker.kill()

    def start(self) -> None:
        start_again(self._broker)


class Passing(AnyEnd, Publisher):
    """A publisher that goes with the broker, whichever way that ends."""


def _publish_some(endpoint: Endpoint, history: History, site: Site) -> None:
    """Publish and await confirms for as long as the broker lives, if it does."""
    name = f"p{history.life}"
    history.next_life()
    publisher = Passing(name, endpoint, history, site.exchange, site.routes, WINDOW)
    publisher.start()
    try:
        publisher.finish()
    except OSError:
        time.sleep(0.1)  # a client's pause between two tries


def _queue_with_ttl(client: RawClient, ttl: int) -> str:
    arguments = {"x-message-ttl": ttl}
    return str(client.call(1, "queue.declare", exclusive=True, arguments=arguments)["queue"])


@pytest.mark.needs("kill")
@pytest.mark.requirement("fault/clock-jump")
@pytest.mark.parametrize("skew", [3600.0, -3600.0], ids=["an hour ahead", "an hour back"])
def test_clock_jumps(station: Station, skew: float) -> None:
    """When the wall clock jumps heartbeats go on, and TTLs run as they would have."""
    station.up()
    clock = Skew(skew)
    try:
        with (
            another(station, clock.environment) as broker,
            RawClient.open(broker.endpoint, heartbeat=INTERVAL) as client,
        ):
            client.open_channel(1)
            long, short = (_queue_with_ttl(client, ttl) for ttl in (1_800_000, 400))
            client.publish(1, "", long, b"lives")
            client.publish(1, "", short, b"dies")
            client.sync(1)  # their time runs
            with clock:
                beats = [client.expect_heartbeat(LONGEST) for _ in range(3)]
                least = INTERVAL / 2  # more than the short TTL
                verify.between(
                    beats[-1] - beats[0], least, 6 * INTERVAL, "seconds of three heartbeats"
                )
                client.send_heartbeat()
                lives, dies = (client.get(1, queue) for queue in (long, short))
            verify.equal(lives and lives.body, b"lives", "message whose TTL has not run out")
            verify.equal(dies and dies.body, None, "message whose TTL has run out")
            client.sync(1)
    finally:
        clock.close()


@pytest.mark.needs("kill", "durable")
@pytest.mark.requirement("fault/fsync-fails")
def test_fsync_fails(station: Station, observe: Callable[[str], None]) -> None:
    """What cannot be synced is not confirmed; what was confirmed before is there after a start."""
    station.up()
    fault = FailingFsync()
    try:
        with another(station, fault.environment) as broker:
            queue = "mqproof.fsync"
            with RawClient.open(broker.endpoint) as client:
                client.open_channel(1)
                client.call(1, "queue.declare", queue=queue, durable=True)
                client.call(1, "confirm.select")
                client.publish(1, "", queue, b"synced", delivery_mode=PERSISTENT)
                client.expect(1, "basic.ack", timeout=LONGEST)
                with fault:
                    client.publish(1, "", queue, b"not synced", delivery_mode=PERSISTENT)
                    ending = _ending(client)
            verify.true(ending != "basic.ack", "no confirm", "basic.ack")
            observe(f"the publisher learns of it by: {ending}")
            with contextlib.suppress(BrokerError):
                broker.kill()
            broker.start()
            with RawClient.open(broker.endpoint) as again:
                again.open_channel(1)
                message = again.get(1, queue)
                verify.equal(message and message.body, b"synced", "first message")
    finally:
        fault.close()


def _ending(client: RawClient) -> str:
    try:
        return str(client.read_method(1, timeout=LONGEST))
    except Mismatch as mismatch:
        return mismatch.actual
