"""Priorities of messages, in queues that are declared with x-max-priority and in others."""

import pytest

from suites import verify
from suites.amqp.expiry import expect_left, publish_confirmed
from suites.amqp.steps import drain, hold
from suites.amqp.topology import own_queue
from suites.clients.raw import RawClient
from suites.harness.names import Names

LEVELS = {"x-max-priority": 5}
SHORT = "100"  # milliseconds


def publish(client: RawClient, queue: str, *messages: tuple[bytes, int]) -> None:
    """Publish these bodies with these priorities."""
    for body, priority in messages:
        client.publish(1, "", queue, body, priority=priority)


@pytest.mark.requirement("priority/order")
def test_order(client: RawClient, names: Names) -> None:
    """With x-max-priority, messages come out in the order of their priorities."""
    queue = own_queue(client, names, **LEVELS)
    publish(client, queue, (b"1", 1), (b"5", 5), (b"0", 0), (b"3", 3), (b"4", 4), (b"2", 2))
    verify.equal(drain(client, queue), [b"5", b"4", b"3", b"2", b"1", b"0"], "queue")


@pytest.mark.requirement("priority/same-level-fifo")
def test_same_level_fifo(client: RawClient, names: Names) -> None:
    """Within one priority, order is publish order, whatever is persistent."""
    queue = own_queue(client, names, **LEVELS)
    for number in range(40):
        mode = 1 + number // 3 % 2
        client.publish(1, "", queue, b"%d" % number, priority=number % 2, delivery_mode=mode)
    sent = [b"%d" % number for number in range(40)]
    verify.equal(drain(client, queue), sent[1::2] + sent[0::2], "queue")


@pytest.mark.requirement("priority/missing-is-zero")
def test_missing_is_zero(client: RawClient, names: Names) -> None:
    """A message without a priority is as one with priority 0."""
    queue = own_queue(client, names, **LEVELS)
    publish(client, queue, (b"zero", 0))
    client.publish(1, "", queue, b"bare")
    client.publish(1, "", queue, b"headed", headers={"a": 1})
    publish(client, queue, (b"zero again", 0), (b"one", 1))
    order = [b"one", b"zero", b"bare", b"headed", b"zero again"]
    verify.equal(drain(client, queue), order, "queue")


@pytest.mark.requirement("priority/above-max")
def test_above_max(client: RawClient, names: Names) -> None:
    """A priority above the queue's maximum is as the maximum."""
    queue = own_queue(client, names, **LEVELS)
    publish(client, queue, (b"low", 4), (b"max", 5), (b"above", 255), (b"max again", 5))
    verify.equal(drain(client, queue), [b"max", b"above", b"max again", b"low"], "queue")


@pytest.mark.requirement("priority/without-arg")
def test_without_arg(client: RawClient, names: Names) -> None:
    """Any queue tells at least two levels apart, 0 to 4 and 5 to 9."""
    queue = own_queue(client, names)
    publish(client, queue, (b"low", 0), (b"high", 9))
    verify.equal(drain(client, queue), [b"high", b"low"], "queue")


@pytest.mark.requirement("priority/invalid-arg")
@pytest.mark.parametrize("value", [-1, 256, "5", 1.5])
def test_invalid_arg(client: RawClient, names: Names, value: object) -> None:
    """An x-max-priority that is no whole number, negative or above 255 is refused with 406."""
    own_queue(client, names, **{"x-max-priority": 255})
    arguments = {"x-max-priority": value}
    client.send(1, "queue.declare", queue=names(), exclusive=True, arguments=arguments)
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("priority/requeue")
@pytest.mark.needs("basic.nack")
def test_requeue(client: RawClient, names: Names) -> None:
    """Messages that come back stand in their level again, in their places."""
    queue = own_queue(client, names, **LEVELS)
    publish(client, queue, (b"low 1", 1), (b"low 2", 1), (b"high 1", 5), (b"high 2", 5))
    tags = hold(client, queue, b"high 1", b"high 2", b"low 1")
    publish(client, queue, (b"high 3", 5), (b"middle", 3))
    client.send(1, "basic.nack", delivery_tag=tags[-1], multiple=True, requeue=True)
    order = [b"high 1", b"high 2", b"high 3", b"middle", b"low 1", b"low 2"]
    verify.equal(drain(client, queue), order, "queue")


def expect_expiry(client: RawClient, names: Names, *, lasting: int, short: int) -> None:
    """Of two messages of these priorities the second, whose time is short, does not come late."""
    client.call(1, "confirm.select")
    queue, twin = own_queue(client, names, **LEVELS), own_queue(client, names, **LEVELS)
    publish_confirmed(client, queue, b"lasting", priority=lasting)
    publish_confirmed(client, queue, b"short", priority=short, expiration=SHORT)
    publish_confirmed(client, twin, b"clock", priority=short, expiration=SHORT)
    expect_left(client, twin, 0)
    verify.equal(drain(client, queue), [b"lasting"], "queue")


@pytest.mark.requirement("priority/ttl")
@pytest.mark.needs("publisher_confirms")
def test_ttl(client: RawClient, names: Names) -> None:
    """A message that expired behind one of a higher priority is not delivered late."""
    expect_expiry(client, names, lasting=5, short=1)


@pytest.mark.requirement("priority/ttl-overtaking")
@pytest.mark.needs("publisher_confirms")
def test_ttl_overtaking(client: RawClient, names: Names) -> None:
    """A message that expired in front of those that it overtook is not delivered late."""
    expect_expiry(client, names, lasting=1, short=5)


@pytest.mark.requirement("priority/maxlen")
def test_maxlen(client: RawClient, names: Names) -> None:
    """Beyond x-max-length the head is dropped, which is the highest priority's oldest message."""
    queue = own_queue(client, names, **LEVELS, **{"x-max-length": 3})
    publish(client, queue, (b"low", 1), (b"high", 5), (b"low too", 1), (b"last", 3))
    verify.equal(drain(client, queue), [b"last", b"low", b"low too"], "queue")
