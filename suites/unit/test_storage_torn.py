"""A write-ahead log that ends in the middle, or holds garbage: what was committed before stays."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from suites.unit.doubles import message
from suites.unit.stores import WAL, as_killed, left_in, opened, queue_of

MESSAGES = 60
CUTS = 25


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A directory as a kill left it, and how long its log was after each message's commit."""
    folder = tmp_path_factory.mktemp("torn") / "data"
    sizes = []
    with opened(folder) as (store, broker):
        queue = queue_of(broker)
        store.commit()
        for number in range(MESSAGES):
            body = b"%d " % number * (1 + 37 * number % 400)
            queue.put(message(body, delivery_mode=2))
            store.commit()
            sizes.append(used(folder / WAL))
        return as_killed(folder), sizes


def used(log: Path) -> int:
    """Octets of the log in use: a header of 32, then frames of 24 and a page with its salts."""
    octets = log.read_bytes()
    size = 32
    while octets[size + 8 : size + 16] == octets[16:24]:
        size += 24 + int.from_bytes(octets[8:12], "big")
    return size


def numbers(folder: Path) -> list[int]:
    """The numbers of the messages that a broker finds, each body being whole."""
    found = []
    for body, _flag in left_in(folder):
        number = int(body.split(b" ", 1)[0])
        assert body == b"%d " % number * (1 + 37 * number % 400)
        found.append(number)
    return found


def test_everything_is_in_the_log(killed: tuple[Path, list[int]]) -> None:
    """The directory that the other tests damage is whole."""
    folder, _sizes = killed
    assert numbers(as_killed(folder)) == list(range(MESSAGES))


@pytest.mark.parametrize("seed", range(CUTS))
def test_cut_off(
    killed: tuple[Path, list[int]], seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Octets are missing at the end: every commit that is still whole is there, and no other.

    That something was dropped is said, once.
    """
    folder, sizes = killed
    size = random.Random(seed).randrange(sizes[0], sizes[-1])  # noqa: S311  data for a test
    copy = as_killed(folder)
    os.truncate(copy / WAL, size)
    assert numbers(copy) == list(range(sum(whole <= size for whole in sizes)))
    told = [record for record in caplog.records if "never finished" in record.message]
    assert len(told) == (size not in sizes)


def flip(octets: bytes) -> bytes:
    """One bit is another."""
    return bytes([octets[0] ^ 0x40]) + octets[1:]


def zero(octets: bytes) -> bytes:
    """A page that the file system has promised and never written."""
    return bytes(len(octets))


def noise(octets: bytes) -> bytes:
    """What was there before."""
    return bytes((7 * n) % 251 for n in range(len(octets)))


@pytest.mark.parametrize("seed", range(CUTS))
@pytest.mark.parametrize("damage", [flip, zero, noise])
def test_damaged(
    killed: tuple[Path, list[int]], damage: Callable[[bytes], bytes], seed: int
) -> None:
    """From a damaged place on nothing counts; all before it is there."""
    folder, sizes = killed
    place = random.Random(seed).randrange(sizes[0], sizes[-1])  # noqa: S311  data for a test
    copy = as_killed(folder)
    log = bytearray((copy / WAL).read_bytes())
    end = min(place + 4096, len(log))
    was = bytes(log[place:end])
    log[place:end] = damaged = damage(was)
    (copy / WAL).write_bytes(log)
    # Where there were zeros before, zeros are no damage.
    first = next((n for n in range(len(was)) if was[n] != damaged[n]), len(log))
    assert numbers(copy) == list(range(sum(size <= place + first for size in sizes)))


@pytest.mark.parametrize("size", [0, 1, 31, 32, 40, 100])
def test_hardly_any_log(killed: tuple[Path, list[int]], size: int) -> None:
    """A log shorter than its first commit holds nothing, and harms nothing."""
    folder, _sizes = killed
    copy = as_killed(folder)
    os.truncate(copy / WAL, size)
    with opened(copy) as kept:
        assert kept.broker.vhosts == {}


def test_the_torn_end_is_written_over(killed: tuple[Path, list[int]]) -> None:
    """A broker that found a torn end goes on behind the last whole commit."""
    folder, sizes = killed
    copy = as_killed(folder)
    os.truncate(copy / WAL, sizes[30] - 1)
    with opened(copy) as (store, broker):
        queue_of(broker).put(message(b"60 " * (1 + 37 * 60 % 400), delivery_mode=2))
        store.commit()
        again = as_killed(copy)
    assert numbers(again) == [*range(30), 60]
