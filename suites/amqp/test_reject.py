"""basic.reject: a message given back, or thrown away."""

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, hold, reopen, stocked_queue, take
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


def got(client: RawClient, queue: str) -> tuple[bytes, bool, int]:
    """Get a message that must be there: its body, its redelivered flag, its tag."""
    message = client.get(1, queue, no_ack=False)
    if message is None:
        raise verify.Mismatch("basic.get-ok", "basic.get-empty")
    return message.body, message["redelivered"], message["delivery_tag"]


@pytest.mark.requirement("reject/requeue")
def test_requeue(client: RawClient, names: Names) -> None:
    """A message that is rejected with requeue is in the queue again, marked redelivered."""
    queue = stocked_queue(client, names, b"again")
    body, redelivered, tag = got(client, queue)
    verify.equal((body, redelivered), (b"again", False), "at first")
    client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    verify.equal(got(client, queue)[:2], (b"again", True), "after the reject")


@pytest.mark.requirement("reject/discard")
def test_discard(client: RawClient, names: Names) -> None:
    """A message that is rejected without requeue is gone."""
    queue = stocked_queue(client, names, b"bad", b"good")
    [tag] = hold(client, queue, b"bad")
    client.send(1, "basic.reject", delivery_tag=tag)
    reopen(client)
    verify.equal(drain(client, queue), [b"good"], "queue")


@pytest.mark.requirement("reject/unknown")
def test_unknown(client: RawClient, names: Names) -> None:
    """Rejecting a tag that was never given closes the channel with 406."""
    [tag] = hold(client, stocked_queue(client, names, b"1"), b"1")
    client.send(1, "basic.reject", delivery_tag=tag + 1)
    client.expect_channel_close(1, 406, method="basic.reject")


@pytest.mark.requirement("reject/same-consumer")
def test_same_consumer(raw: RawClients, names: Names) -> None:
    """A rejected message is not given back to the same client on the same channel."""
    client = raw(channels=2)
    queue = stocked_queue(client, names, b"rejected")
    client.consume(1, queue)
    [delivery] = take(client, b"rejected")
    client.send(1, "basic.reject", delivery_tag=delivery["delivery_tag"], requeue=True)
    fill(client, queue, [b"next"])
    take(client, b"next", channel=1)
    hold(client, queue, b"rejected", channel=2)


@pytest.mark.requirement("reject/other-consumer")
def test_other_consumer(raw: RawClients, names: Names) -> None:
    """A message that one of two consumers rejects with requeue is delivered once more, once."""
    client = raw(channels=2)
    queue = stocked_queue(client, names, b"again")
    client.consume(1, queue)
    client.consume(2, queue)
    [delivery] = take(client, b"again", channel=1)
    client.send(1, "basic.reject", delivery_tag=delivery["delivery_tag"], requeue=True)
    again = client.read_method()
    verify.equal(str(again), "basic.deliver b'again'", "second delivery")
    verify.equal(again["redelivered"], True, "redelivered")
    for channel in (1, 2):
        verify.equal(drain(client, queue, channel), [], "queue")
        client.expect_quiet(channel)


@pytest.mark.requirement("reject/head-position")
def test_head_position(client: RawClient, names: Names) -> None:
    """A requeued message stands before those that were published after it."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    _, second = hold(client, queue, b"1", b"2")
    client.send(1, "basic.reject", delivery_tag=second, requeue=True)
    verify.equal(drain(client, queue), [b"2", b"3"], "queue")


@pytest.mark.requirement("reject/order-multiple")
def test_order_multiple(client: RawClient, names: Names) -> None:
    """Messages that are requeued in any order stand in the order of their publishing."""
    queue = stocked_queue(client, names, b"1", b"2", b"3", b"4")
    first, second, third = hold(client, queue, b"1", b"2", b"3")
    for tag in (third, first, second):
        client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    verify.equal(drain(client, queue), [b"1", b"2", b"3", b"4"], "queue")


@pytest.mark.requirement("reject/redelivered-stays")
def test_redelivered_stays(client: RawClient, names: Names) -> None:
    """A message that was requeued stays marked, however often it is delivered."""
    queue = stocked_queue(client, names, b"again")
    flags = []
    for _ in range(4):
        _, redelivered, tag = got(client, queue)
        flags.append(redelivered)
        client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    verify.equal(flags, [False, True, True, True], "redelivered")
