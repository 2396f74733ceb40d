"""What a broker is put through; each scenario has a fresh process of it."""

import random
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from reference_broker.wire.framing import content_frames, method_frame
from suites.brokers.local import LocalBroker
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.soak.crowd import Crowd
from suites.soak.figure import Figure, ShortageError
from suites.soak.mixed import mixed
from suites.soak.watch import Watch
from suites.verify import Mismatch

SPARE_FILES = 200  # descriptors for all but the connections
PATIENCE = 120.0
BODY = 65536  # octets of a message to a slow reader
SLOW_LENGTH = 100  # messages that its queue holds
SLOW_MEMORY = 128  # MiB; what is written is more, in the quick form as well


@dataclass(frozen=True, slots=True)
class Stage:
    """A running broker, and how much of everything there shall be."""

    broker: LocalBroker
    quick: bool
    seconds: float  # of the mixed load
    seed: int
    folder: Path

    def amount(self, whole: int, quick: int) -> int:
        """The one or the other."""
        return quick if self.quick else whole


class Scenario(NamedTuple):
    """One kind of burden."""

    name: str
    title: str
    run: Callable[[Stage], list[Figure]]


def allow(connections: int) -> None:
    """See that this process, and those that it starts, may hold so many. Raises ShortageError."""
    needed = connections + SPARE_FILES
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ShortageError(
            f"{connections} connections need {needed} descriptors a process, and the limit is "
            f"{hard}: raise it (ulimit -Hn), or use --quick"
        )


def _idle(stage: Stage) -> list[Figure]:
    count, heartbeat = stage.amount(5000, 300), stage.amount(20, 2)
    allow(count)
    crowd = Crowd(stage.broker.endpoint, heartbeat)
    with Watch(stage.broker.endpoint, stage.broker.pid) as watch:
        crowd.grow(count)
        held = watch.now()[0] - watch.before[0]
        crowd.hold(heartbeat * 3.5)
        crowd.close()
    return [
        Figure("connections", crowd.opened, ""),
        Figure("lost", crowd.lost, "", 0),
        Figure("heartbeats heard", crowd.heard, ""),
        Figure("connections without a heartbeat", max(0, count - crowd.heard), "", 0),
        Figure("memory a connection", held * 1024 / count, "KiB", 512),
        *_watched(watch, memory_most=count * 0.5, growth_most=256),
    ]


def _watched(watch: Watch, memory_most: float, growth_most: float | None) -> list[Figure]:
    """The watch's figures; a canary that was not answered is a finding."""
    if watch.problem is not None:
        raise watch.problem
    return watch.figures(memory_most, growth_most)


def _churn(stage: Stage) -> list[Figure]:
    count, seconds = stage.amount(1000, 100), stage.amount(60, 4)
    allow(count)
    crowd = Crowd(stage.broker.endpoint, 60)
    with Watch(stage.broker.endpoint, stage.broker.pid) as watch:
        crowd.grow(count)
        end = time.monotonic() + seconds
        rudely = False
        while time.monotonic() < end:
            crowd.shrink(count // 20, rudely=rudely)
            crowd.grow(count // 20)
            rudely = not rudely
        crowd.close()
    return [
        Figure("connections at once", count, ""),
        Figure("connections opened", crowd.opened, ""),
        Figure("lost", crowd.lost, "", 0),
        *_watched(watch, memory_most=count * 0.5 + 64, growth_most=64),
    ]


def _channels(stage: Stage) -> list[Figure]:
    channels, consumers = stage.amount(200, 20), stage.amount(50, 10)
    got: Counter[tuple[int, str]] = Counter()
    with (
        Watch(stage.broker.endpoint, stage.broker.pid) as watch,
        RawClient.open(stage.broker.endpoint) as client,
    ):
        client.timeout = PATIENCE
        for number in range(1, channels + 1):
            _many_consumers(client, number, consumers)
        for number in range(1, channels + 1):
            for index in range(consumers):
                client.publish(number, "", f"soak.{number}", b"%d" % index)
        for _ in range(channels * consumers):
            delivery = client.read_method(timeout=PATIENCE)
            got[delivery.channel, delivery["consumer_tag"]] += 1
    missing = channels * consumers - got.total()
    return [
        Figure("consumers", channels * consumers, ""),
        Figure("lost", missing, "", 0),
        Figure("consumers without their turn", channels * consumers - len(got), "", 0),
        *_watched(watch, memory_most=512, growth_most=256),
    ]


def _many_consumers(client: RawClient, number: int, consumers: int) -> None:
    client.open_channel(number)
    queue = f"soak.{number}"
    client.call(number, "queue.declare", queue=queue, exclusive=True)
    for index in range(consumers):
        client.consume(number, queue, consumer_tag=f"c{index}", no_ack=True)


def _slow(stage: Stage) -> list[Figure]:
    """A consumer that does not read, a publisher that does not wait, a queue of bounded length."""
    count = stage.amount(8000, 3000)
    endpoint = stage.broker.endpoint
    with (
        Watch(endpoint, stage.broker.pid) as watch,
        RawClient.open(endpoint) as slow,
        RawClient.open(endpoint) as fast,
    ):
        slow.open_channel(1)
        limits = {"x-max-length": SLOW_LENGTH}
        slow.call(1, "queue.declare", queue="soak.slow", exclusive=False, arguments=limits)
        slow.consume(1, "soak.slow", no_ack=True)
        _publish_many(fast, count)
        peak = max(watch.peak[0], watch.now()[0])
        numbers = _read_to(slow, count)
        slow.call(1, "queue.delete", queue="soak.slow")
    backwards = sum(earlier >= later for earlier, later in pairwise(numbers))
    return [
        Figure("written", count * BODY / 2**20, "MiB"),
        Figure("memory for it", peak - watch.before[0], "MiB"),
        Figure("messages that the slow reader got", len(numbers), ""),
        Figure("out of order", backwards, "", 0),
        *_watched(watch, memory_most=SLOW_MEMORY, growth_most=None),
    ]


def _publish_many(client: RawClient, count: int) -> None:
    """Messages that bear their numbers, the last of them confirmed."""
    client.timeout = PATIENCE
    client.open_channel(1)
    client.call(1, "confirm.select")
    for number in range(1, count + 1):
        client.publish(1, "", "soak.slow", b"%08d" % number + bytes(BODY - 8))
    while client.expect(1, "basic.ack", timeout=PATIENCE)["delivery_tag"] < count:
        pass


def _read_to(client: RawClient, last: int) -> list[int]:
    """The numbers of all messages until that of the last one."""
    numbers: list[int] = []
    while not numbers or numbers[-1] != last:
        received = client.expect(1, "basic.deliver", timeout=PATIENCE)
        assert isinstance(received, Delivery)
        numbers.append(int(received.body[:8]))
    return numbers


def _backlog(stage: Stage) -> list[Figure]:
    count = stage.amount(1_000_000, 20_000)
    with (
        Watch(stage.broker.endpoint, stage.broker.pid) as watch,
        RawClient.open(stage.broker.endpoint) as client,
    ):
        client.timeout = PATIENCE
        client.open_channel(1)
        client.call(1, "queue.declare", queue="soak.backlog")
        client.call(1, "confirm.select")
        began = time.monotonic()
        _fill(client, count)
        filled = time.monotonic() - began
        held = watch.now()[0] - watch.before[0]
        began = time.monotonic()
        wrong = _drain(client, count)
        drained = time.monotonic() - began
        client.call(1, "queue.delete", queue="soak.backlog")
    return [
        Figure("messages", count, ""),
        Figure("lost or out of order", wrong, "", 0),
        Figure("memory a message", held * 2**20 / count, "octets", 4096),
        Figure("to fill", filled, "s"),
        Figure("to drain", drained, "s"),
        *_watched(watch, memory_most=count * 4096 / 2**20 + 128, growth_most=96),
    ]


def _fill(client: RawClient, count: int) -> None:
    """So many numbered messages, confirmed thousand by thousand."""
    method = method_frame(1, "basic.publish", routing_key="soak.backlog")
    step = 1000
    for start in range(0, count, step):
        parts = [method + content_frames(1, b"%08d" % n) for n in range(start, start + step)]
        client.send_bytes(b"".join(parts))
        while client.expect(1, "basic.ack", timeout=PATIENCE)["delivery_tag"] < start + step:
            pass


def _drain(client: RawClient, count: int) -> int:
    """How many messages did not come as they should have."""
    client.consume(1, "soak.backlog", no_ack=True)
    wrong = 0
    for number in range(count):
        try:
            received = client.expect(1, "basic.deliver", timeout=PATIENCE)
        except Mismatch:
            return wrong + count - number
        wrong += not isinstance(received, Delivery) or received.body != b"%08d" % number
    return wrong


def _mixed(stage: Stage) -> list[Figure]:
    rng = random.Random(stage.seed)  # noqa: S311  what a seed repeats
    return mixed(stage.broker, rng, stage.seconds, stage.folder)


SCENARIOS = (
    Scenario("idle", "idle connections with heartbeats", _idle),
    Scenario("churn", "connections that open and close", _churn),
    Scenario("channels", "channels with many consumers each", _channels),
    Scenario("slow", "a slow reader and a fast writer", _slow),
    Scenario("backlog", "queued messages", _backlog),
    Scenario("mixed", "mixed load with faults, judged by its history", _mixed),
)
