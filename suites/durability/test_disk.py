"""Disks that are full, and files that were not written to their end."""

import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.disk import TornTail
from suites import verify
from suites.brokers.base import Broker
from suites.brokers.local import LocalBroker
from suites.clients.raw import RawClient
from suites.durability import load
from suites.durability.contents import content
from suites.durability.contracts import AT_LEAST_ONCE, judge
from suites.durability.crash import start_again
from suites.durability.history import Action, History, Phase
from suites.durability.load import Site
from suites.durability.private import files_of, process_of
from suites.durability.steps import fetch, keep
from suites.harness.fixtures import RawClients
from suites.verify import Mismatch, unsupported

pytestmark = [pytest.mark.needs("kill", "durable"), pytest.mark.timeout(240)]

Observe = Callable[[str], None]

ROOM = 300_000  # octets by which the largest file may still grow
LAID_OUT = 16_000_000  # octets of a file that has been laid out ahead, and does not grow
ENOUGH = 2000  # messages, far more than there is room for
TOLD = ("basic.nack", "connection.blocked", "connection.close 541")
MARK = b"[the last record of the store]"


@pytest.mark.requirement("durability/disk-full")
def test_disk_full(
    mortal: Broker, site: Site, raw: RawClients, observe: Observe, tmp_path: Path
) -> None:
    """With no room left nothing is confirmed that is not there later; publishers are told.

    A limit on the size of files stands in for the end of the disk: the same write fails.
    """
    broker = process_of(mortal)
    largest = max(size for _path, size in files_of(broker) if size < LAID_OUT)
    client = raw()
    resource.prlimit(broker.pid, resource.RLIMIT_FSIZE, (largest + ROOM, resource.RLIM_INFINITY))
    history = History()
    ending = _publish_until_full(client, history, site.queues[0])
    broker.kill()
    history.next_life()
    start_again(broker)
    load.empty(broker.endpoint, history, site)
    judge(history, AT_LEAST_ONCE, tmp_path)
    if ending not in TOLD:
        observe(f"the publisher learned of it by: {ending}")


def _publish_until_full(client: RawClient, history: History, queue: str) -> str:
    """Publish one by one; how the publisher learns that there is no room: the canonical form."""
    client.call(1, "confirm.select")
    for number in range(ENOUGH):
        message = f"p:{number}"
        history.add("p", Action.SEND, Phase.INVOKE, queue, message)
        body, properties = content(message)
        client.publish(1, "", queue, body, **properties)
        try:
            answer = client.read_method()
        except Mismatch as mismatch:
            return mismatch.actual
        if answer.name != "basic.ack":
            return str(answer)
        history.add("p", Action.SEND, Phase.OK, queue, message)
    raise Mismatch("an end to the confirms", f"{ENOUGH} confirms")


def _killed_with_mark(broker: LocalBroker, client: RawClient, queue: str) -> list[tuple[Path, int]]:
    """Store some messages, the last of them marked; kill; which files have the mark, and where."""
    client.call(1, "confirm.select")
    keep(client, queue, *(b"%d" % number for number in range(20)))
    keep(client, queue, MARK)
    broker.kill()
    found = [(path, path.read_bytes().rfind(MARK)) for path, _size in files_of(broker)]
    marked = [(path, place) for path, place in found if place >= 0]
    if not marked:
        unsupported("the store's files do not show the bodies of messages")
    return marked


@pytest.mark.requirement("durability/torn-write")
def test_torn_write(mortal: Broker, site: Site, raw: RawClients, observe: Observe) -> None:
    """When the last record was written by half, the broker starts, and all before it is there."""
    broker, queue = process_of(mortal), site.queues[0]
    for path, place in _killed_with_mark(broker, raw(), queue):
        TornTail(path, path.stat().st_size - place - len(MARK) // 2).start()
    start_again(broker)
    found = [message.body for message in fetch(raw(), queue)]
    verify.equal(found[:20], [b"%d" % number for number in range(20)], "bodies")
    if found[20:]:
        observe(f"of the torn record came {found[20:]}")


@pytest.mark.requirement("durability/corrupt-record")
def test_corrupt_record(mortal: Broker, site: Site, raw: RawClients, observe: Observe) -> None:
    """When an octet of the last record is wrong, the broker starts, and all before it is there."""
    broker, queue = process_of(mortal), site.queues[0]
    for path, place in _killed_with_mark(broker, raw(), queue):
        with path.open("r+b") as file:
            file.seek(place + 1)
            file.write(b"X")
    start_again(broker)
    found = [message.body for message in fetch(raw(), queue)]
    verify.equal(found[:20], [b"%d" % number for number in range(20)], "bodies")
    observe("the record is delivered damaged" if found[20:] else "the record is gone")
