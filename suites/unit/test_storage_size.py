"""The directory grows with what waits, and shrinks when it is consumed."""

from pathlib import Path

from reference_broker.broker.queue import Queue
from reference_broker.storage.sqlite import SqliteStore
from suites.unit.doubles import message
from suites.unit.stores import left_in, opened, queue_of

MANY = 60_000  # messages: more pages than one tidying gives back
SMALL = 4 * 1024 * 1024  # octets
TIDYINGS = 10


def size(folder: Path) -> int:
    """Octets of all files."""
    return sum(path.stat().st_size for path in folder.iterdir())


def fill(store: SqliteStore, queue: Queue, count: int) -> None:
    """So many persistent messages of about 500 octets."""
    filler = message(bytes(500), delivery_mode=2)
    for number in range(count):
        queue.put(filler)
        if number % 10_000 == 0:
            store.commit()
    store.commit()


def consume(store: SqliteStore, queue: Queue) -> None:
    """All of them."""
    count = 0
    while (taken := queue.take()) is not None:
        queue.settle(taken[0], taken[1])
        count += 1
        if count % 10_000 == 0:
            store.commit()
    store.commit()


def test_it_shrinks(tmp_path: Path) -> None:
    """A few tidyings after everything was consumed hardly anything is left."""
    with opened(tmp_path) as (store, broker):
        queue = queue_of(broker)
        fill(store, queue, MANY)
        full = size(tmp_path)
        consume(store, queue)
        sizes = []
        for _ in range(TIDYINGS):
            store.tidy()
            sizes.append(size(tmp_path))
    assert full > MANY * 500
    assert sizes[-1] < full - 3 * SMALL
    assert sizes[-1] < 5 * SMALL
    assert left_in(tmp_path) == []


def test_tidying_keeps_what_waits(tmp_path: Path) -> None:
    """What is left in the middle of much that went stays in its order."""
    with opened(tmp_path) as (store, broker):
        queue = queue_of(broker)
        fill(store, queue, 20_000)
        kept = queue_of(broker, "kept")
        for number in range(100):
            kept.put(message(b"%d" % number, delivery_mode=2))
        fill(store, queue, 20_000)
        consume(store, queue)
        for _ in range(TIDYINGS):
            store.tidy()
    bodies = [body for body, _flag in left_in(tmp_path, "kept")]
    assert bodies == [b"%d" % number for number in range(100)]


def test_the_log_is_bounded(tmp_path: Path) -> None:
    """What goes as it comes leaves no growing log behind."""
    with opened(tmp_path) as (store, broker):
        queue = queue_of(broker)
        for _ in range(30):
            fill(store, queue, 3_000)
            consume(store, queue)
        assert size(tmp_path) < 10 * SMALL
