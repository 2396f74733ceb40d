"""Disks that fill up, or can no longer be written to, while a broker is at work on them."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.disk import FullDisk
from suites import verify
from suites.clients.raw import RawClient
from suites.durability.contracts import UNSYNCED, judge
from suites.durability.crash import seal, start_again
from suites.durability.private import on_disk
from suites.harness.station import Station
from suites.resilience.ailing import ENDS, OCTETS, REASONS, SERVES, Ailing
from suites.resilience.bounds import LONGEST
from suites.verify import Mismatch

Observe = Callable[[str], None]

LIMIT = 16 << 20  # octets
TOLD = re.compile(r"basic\.nack|connection\.blocked|(connection|channel)\.close \d+|socket closed")

pytestmark = [pytest.mark.needs("kill", "durable"), pytest.mark.timeout(300)]


@pytest.mark.requirement("fault/disk-confirmed-kept")
def test_confirmed_is_kept(ailing: Ailing, observe: Observe, tmp_path: Path) -> None:
    """What was confirmed, before or while the disk ailed, is there when it is well again."""
    if ailing.back is not None:
        raise ailing.back
    counted = judge(ailing.history, UNSYNCED, tmp_path)
    if counted:
        observe(counted)


@pytest.mark.requirement("fault/disk-publisher-told")
def test_the_publisher_is_told(ailing: Ailing, observe: Observe) -> None:
    """Who awaits a confirm gets something else in its place, and is not left waiting."""
    verify.true(TOLD.fullmatch(ailing.told), "a nack, a close, or connection.blocked", ailing.told)
    observe(
        f"{ailing.how}: the publisher is told by {ailing.told}, the consumer by {ailing.served};"
        f" who asks for a message gets {ailing.asked}"
    )


@pytest.mark.requirement("fault/disk-logged")
def test_the_operator_is_told(ailing: Ailing) -> None:
    """The log names the folder, and the system's reason."""
    _explained(ailing, ailing.log)


def _explained(ailing: Ailing, log: str) -> None:
    verify.true(ailing.folder in log, "the data's folder in the log", "no such folder there")
    verify.true(REASONS[ailing.how].search(log), "the reason in the log", "no such reason there")


@pytest.mark.requirement("fault/disk-start")
def test_a_start_on_it(ailing: Ailing, observe: Observe) -> None:
    """Started while the disk ails, it serves or ends and says why; on a mended one it serves."""
    verify.true(ailing.anew in {SERVES, ENDS}, f"the broker {SERVES} or {ENDS}", ailing.anew)
    if ailing.anew == ENDS:
        _explained(ailing, ailing.refusal)
    if ailing.back is not None:
        raise ailing.back
    observe(f"on a disk that is {ailing.how}, it {ailing.anew}")


@pytest.mark.needs("connection.blocked")
@pytest.mark.requirement("fault/disk-alarm")
def test_an_alarm_comes_first(station: Station) -> None:
    """Below the limit of free space publishers wait, others are served; with room all goes on."""
    with (
        on_disk(station.up(), OCTETS, {"disk-free-limit": str(LIMIT)}) as (broker, disk),
        RawClient.open(broker.endpoint) as client,
        RawClient.open(broker.endpoint) as other,
    ):
        for each in (client, other):
            each.open_channel(1)
        client.call(1, "queue.declare", queue="q", durable=True)
        client.call(1, "confirm.select")
        client.publish(1, "", "q", b"0", delivery_mode=2)
        client.expect(1, "basic.ack", timeout=LONGEST)
        with FullDisk(disk.folder, left=LIMIT // 2):
            confirmed = _publish_until_blocked(client, 1)
            message = other.get(1, "q", no_ack=False)
            verify.equal(message and message.body, b"0", "message of who does not publish")
        client.expect(0, "connection.unblocked", timeout=LONGEST)
        client.expect(1, "basic.ack", timeout=LONGEST)
        seal(broker.endpoint)
        broker.kill()
        start_again(broker)
        with RawClient.open(broker.endpoint) as again:
            again.open_channel(1)
            found = [message.body for message in iter(lambda: again.get(1, "q"), None)]
    verify.equal(found, [b"%d" % number for number in range(confirmed + 1)], "queue")


def _publish_until_blocked(client: RawClient, confirmed: int) -> int:
    """Publish one by one; how many are confirmed when connection.blocked comes. One more waits."""
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        client.publish(1, "", "q", b"%d" % confirmed, delivery_mode=2)
        answer = client.read_method(timeout=LONGEST)
        if answer.name == "connection.blocked":
            client.expect_quiet(1)
            return confirmed
        if answer.name != "basic.ack":
            raise Mismatch("basic.ack or connection.blocked", str(answer))
        confirmed += 1
    raise Mismatch("connection.blocked", f"{confirmed} confirms", f"for {LONGEST:g} s")
