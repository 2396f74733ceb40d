import platform
from pathlib import Path

import pytest

from suites.bench import frames
from suites.bench.peers import Consumer, Publisher
from suites.bench.pump import pump
from suites.bench.stage import Stage
from suites.brokers import registry
from suites.brokers.local import LocalBroker

SIZE = 8 << 20
PAGES = SIZE // 4096  # at least; where pages are larger, there are fewer faults
COUNT = 10


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
