"""Acknowledgements that take too long, told from marks that each look leaves behind."""

from types import SimpleNamespace
from typing import Any

import pytest

from reference_broker.session.overdue import OverdueAcks
from reference_broker.wire.errors import SoftError


class FakeChannel:
    """A channel as far as a look goes: what is unacked, by tag, and the last tag."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.unacked: dict[int, None] = {}
        self.delivery_tag = 0
        self.closed = 0
        self.session = SimpleNamespace(
            channels={number: self}, protocol=SimpleNamespace(fail_channel=self.fail)
        )

    def deliver(self) -> None:
        """One more is out."""
        self.delivery_tag += 1
        self.unacked[self.delivery_tag] = None

    def ack(self, tag: int) -> None:
        """It is settled."""
        del self.unacked[tag]

    def fail(self, number: int, error: SoftError) -> None:
        """The channel is closed."""
        assert number == self.number
        assert error.code == 406
        assert "2000 ms" in error.text
        self.closed += 1
        self.unacked.clear()


def looking_at(*channels: FakeChannel, timeout: int = 2000) -> OverdueAcks:
    """The look at these channels; `timeout` in milliseconds."""
    sessions: Any = {id(channel): channel.session for channel in channels}.values()
    config = SimpleNamespace(consumer_timeout=timeout)
    hub: Any = SimpleNamespace(sessions=sessions, config=config)
    return OverdueAcks(hub)


@pytest.mark.parametrize(("timeout", "interval"), [(2000, 0.25), (1_800_000, 60.0)])
def test_it_looks_often_enough(timeout: int, interval: float) -> None:
    """Several times within a timeout, and once a minute at least."""
    assert looking_at(timeout=timeout).interval == interval


def test_what_is_unacked_for_the_timeout_closes_its_channel() -> None:
    """Not before a look has seen it for as long as that, and then once."""
    idle, busy = FakeChannel(1), FakeChannel(2)
    look = looking_at(idle, busy)
    look.check(0)
    idle.deliver()
    for now in (1, 2, 2.9):
        busy.deliver()
        look.check(now)
        busy.ack(busy.delivery_tag)
        assert not idle.closed
    look.check(3)
    look.check(9)
    assert (idle.closed, busy.closed) == (1, 0)


def test_the_oldest_counts() -> None:
    """Later deliveries that are acknowledged do not help an older one."""
    channel = FakeChannel(1)
    look = looking_at(channel)
    channel.deliver()
    for now in range(3):
        look.check(now)
        channel.deliver()
        channel.ack(channel.delivery_tag)
    assert channel.closed == 1


def test_an_ack_makes_the_next_one_the_oldest() -> None:
    """Its own time counts from then on."""
    channel = FakeChannel(1)
    look = looking_at(channel)
    channel.deliver()
    look.check(0)
    channel.deliver()
    look.check(1.5)
    channel.ack(1)
    closed = []
    for now in (3, 3.5):
        look.check(now)
        closed.append(channel.closed)
    assert closed == [0, 1]
