"""Data directories for tests: open one, and see what a killed process would have left of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from reference_broker.broker.broker import Broker
from reference_broker.broker.queue import Queue
from reference_broker.storage.opening import FILE
from reference_broker.storage.recovery import recover
from reference_broker.storage.sqlite import SqliteStore
from suites.unit.doubles import FakeClock, body_of

WAL = FILE + "-wal"


class Kept(NamedTuple):
    """A store and the broker that keeps its durable things in it."""

    store: SqliteStore
    broker: Broker


@contextmanager
def opened(folder: Path) -> Iterator[Kept]:
    """A broker recovered from the directory, which is closed in good order."""
    store = SqliteStore(folder)
    try:
        broker = Broker(FakeClock())
        recover(store, broker)
        broker.keep_in(store)
        yield Kept(store, broker)
    finally:
        store.close()


def as_killed(folder: Path) -> Path:
    """A copy of the directory as the death of its process at this moment would leave it."""
    copies = len(list(folder.parent.glob(f"{folder.name}.killed*")))
    copy = folder.with_name(f"{folder.name}.killed{copies}")
    shutil.copytree(folder, copy)
    return copy


def queue_of(broker: Broker, name: str = "q", vhost: str = "/") -> Queue:
    """A durable queue, declared if it is not there yet."""
    return broker.add_vhost(vhost).declare_queue(
        name,
        durable=True,
        auto_delete=False,
        owner=None,
        arguments={},
    )


def contents(queue: Queue) -> list[tuple[bytes, bool]]:
    """Take everything: bodies, and whether each was flagged as redelivered."""
    found = []
    while (taken := queue.take()) is not None:
        _position, message, redelivered = taken
        found.append((body_of(message), redelivered))
    return found


def left_in(folder: Path, name: str = "q") -> list[tuple[bytes, bool]]:
    """What a broker that starts on the directory has in the queue."""
    with opened(folder) as kept:
        return contents(kept.broker.vhosts["/"].queues[name])
