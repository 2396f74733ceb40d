import gc
import platform
from pathlib import Path

import pytest

from reference_broker.server.allocator import Reclaim
from suites import verify
from suites.bench import frames
from suites.bench.peers import Consumer, Publisher
from suites.bench.pump import pump
from suites.bench.stage import Stage
from suites.bench.usage import resident_octets
from suites.brokers import registry
from suites.brokers.local import LocalBroker
from suites.clients.raw import RawClient

SIZE = 8 << 20
PAGES = SIZE // 4096  # at least; where pages are larger, there are fewer faults
COUNT = 10
BACKLOG = 200_000  # messages: half of their memory is more than `Reclaim` would leave
SOON = 30.0  # seconds


def faults(pid: int) -> int:
    """Pages that the system has given the process so far (proc(5): minflt)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[7])


def relay(stage: Stage, count: int) -> None:
    """Send so many large bodies through a queue."""
    source, sink = stage.connect(), stage.connect()
    queue = stage.queue(source)
    stage.consume(sink, queue, auto_ack=True)
    message = frames.message(bytes(SIZE), routing_key=queue, frame_max=source.frame_max)
    pump(Publisher(source, frames.repeated([message], count)), Consumer(sink, count))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators are left alone")
def test_memory_for_large_bodies_is_used_again() -> None:
    """Once some have passed, another takes fewer new pages than it would fill once."""
    with registry.parse("reference") as broker, Stage(broker) as stage:
        assert isinstance(broker, LocalBroker)
        relay(stage, COUNT)
        before = faults(broker.pid)
        relay(stage, COUNT)
        assert faults(broker.pid) - before < COUNT * PAGES


def test_memory_is_reclaimed_when_messages_have_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is enough to be had, and once; what stays is the new measure."""
    memory, held, collections = 30 << 20, 0, 0

    def collect() -> None:
        nonlocal memory, collections
        memory, collections = memory - (10 << 20), collections + 1

    monkeypatch.setattr(gc, "collect", collect)
    reclaim = Reclaim(lambda: memory, lambda: held)
    seen = []
    for mebibytes, count in ((90, 60_000), (90, 0), (80, 0), (95, 0), (96, 0), (40, 0), (56, 0)):
        memory, held = mebibytes << 20, count
        reclaim.check()
        seen.append(collections)
    assert seen == [0, 1, 1, 1, 2, 2, 3]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is told by Linux alone")
def test_a_broker_is_small_again_after_a_backlog() -> None:
    """Of the memory for a long backlog most is given back when it has gone."""
    with registry.parse("reference") as broker, Stage(broker) as stage:
        assert isinstance(broker, LocalBroker)
        bare = resident_octets(broker.pid)
        source = stage.connect()
        queue = stage.queue(source)
        message = frames.message(bytes(100), routing_key=queue, frame_max=source.frame_max)
        pump(Publisher(source, frames.repeated([message], BACKLOG)))
        with RawClient.open(broker.endpoint) as client:
            client.open_channel(1)
            _await_messages(client, queue)
            full = resident_octets(broker.pid) - bare
            client.consume(1, queue, no_ack=True)
            for _ in range(BACKLOG):
                client.expect(1, "basic.deliver")

        def given_back() -> bool:
            return resident_octets(broker.pid) - bare < full / 2

        verify.eventually(given_back, "memory given back", SOON)


def _await_messages(client: RawClient, queue: str) -> None:
    """Until the queue has them all."""

    def held() -> int:
        counted: int = client.call(1, "queue.declare", queue=queue, passive=True)["message_count"]
        return counted

    verify.eventually(held, "messages", SOON, wanted=BACKLOG)
