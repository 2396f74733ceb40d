"""basic.ack, and the delivery tags that it names."""

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, hold, new_queue, reopen, stocked_queue, take, verify_left
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


@pytest.mark.requirement("ack/single")
def test_single(client: RawClient, names: Names) -> None:
    """A message that was acknowledged is gone; the one that was not comes back."""
    queue = stocked_queue(client, names, b"1", b"2")
    first, _ = hold(client, queue, b"1", b"2")
    client.send(1, "basic.ack", delivery_tag=first)
    verify_left(client, queue, b"2")


@pytest.mark.requirement("ack/multiple")
def test_multiple(client: RawClient, names: Names) -> None:
    """With multiple, all messages up to the tag are acknowledged."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    _, second, _ = hold(client, queue, b"1", b"2", b"3")
    client.send(1, "basic.ack", delivery_tag=second, multiple=True)
    verify_left(client, queue, b"3")


@pytest.mark.requirement("ack/multiple-zero")
def test_multiple_zero(client: RawClient, names: Names) -> None:
    """Tag 0 with multiple acknowledges all that the channel holds, and nothing later."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    hold(client, queue, b"1", b"2")
    client.send(1, "basic.ack", delivery_tag=0, multiple=True)
    hold(client, queue, b"3")
    verify_left(client, queue, b"3")


@pytest.mark.requirement("ack/multiple-zero-none")
def test_multiple_zero_none(client: RawClient) -> None:
    """Tag 0 with multiple is no error on a channel that holds nothing."""
    client.send(1, "basic.ack", delivery_tag=0, multiple=True)
    client.expect_nothing(1)


@pytest.mark.requirement("ack/zero-single")
def test_zero_single(client: RawClient, names: Names) -> None:
    """Tag 0 without multiple names no message: the channel is closed with 406."""
    hold(client, stocked_queue(client, names, b"1"), b"1")
    client.send(1, "basic.ack", delivery_tag=0)
    client.expect_channel_close(1, 406, method="basic.ack")


@pytest.mark.requirement("ack/unknown")
def test_unknown(client: RawClient, names: Names) -> None:
    """A tag that was never given closes the channel with 406."""
    [tag] = hold(client, stocked_queue(client, names, b"1"), b"1")
    client.send(1, "basic.ack", delivery_tag=tag + 1)
    client.expect_channel_close(1, 406, method="basic.ack")


@pytest.mark.requirement("ack/twice")
def test_twice(client: RawClient, names: Names) -> None:
    """A tag that was acknowledged already closes the channel with 406."""
    [tag] = hold(client, stocked_queue(client, names, b"1"), b"1")
    client.send(1, "basic.ack", delivery_tag=tag)
    client.expect_nothing(1)
    client.send(1, "basic.ack", delivery_tag=tag)
    client.expect_channel_close(1, 406, method="basic.ack")


@pytest.mark.requirement("ack/twice-multiple")
def test_twice_multiple(client: RawClient, names: Names) -> None:
    """A tag that an acknowledgement with multiple covered closes the channel with 406."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    first, second, _ = hold(client, queue, b"1", b"2", b"3")
    client.send(1, "basic.ack", delivery_tag=second, multiple=True)
    client.expect_nothing(1)
    client.send(1, "basic.ack", delivery_tag=first)
    client.expect_channel_close(1, 406, method="basic.ack")


@pytest.mark.requirement("ack/future-multiple")
def test_future_multiple(client: RawClient, names: Names) -> None:
    """With multiple, too, a tag that was not given yet closes the channel with 406."""
    [tag] = hold(client, stocked_queue(client, names, b"1"), b"1")
    client.send(1, "basic.ack", delivery_tag=tag + 5, multiple=True)
    client.expect_channel_close(1, 406, method="basic.ack")


@pytest.mark.requirement("ack/other-channel")
def test_other_channel(raw: RawClients, names: Names) -> None:
    """A tag of another channel is unknown, and the message stays with its own."""
    client = raw(channels=2)
    queue = stocked_queue(client, names, b"1")
    [tag] = hold(client, queue, b"1")
    client.send(2, "basic.ack", delivery_tag=tag)
    client.expect_channel_close(2, 406, method="basic.ack")
    verify_left(client, queue, b"1")


@pytest.mark.requirement("ack/across-connections")
def test_across_connections(raw: RawClients, names: Names) -> None:
    """A tag of another connection is unknown, and the message stays with its own."""
    client, other = raw(), raw()
    queue = stocked_queue(client, names, b"1")
    [tag] = hold(client, queue, b"1")
    other.send(1, "basic.ack", delivery_tag=tag)
    other.expect_channel_close(1, 406, method="basic.ack")
    verify_left(client, queue, b"1")


@pytest.mark.requirement("ack/no-ack-delivery")
def test_no_ack_delivery(client: RawClient, names: Names) -> None:
    """The tag of a delivery without acknowledgement is unknown: 406."""
    client.consume(1, stocked_queue(client, names, b"1"), no_ack=True)
    [delivery] = take(client, b"1")
    client.send(1, "basic.ack", delivery_tag=delivery["delivery_tag"])
    client.expect_channel_close(1, 406, method="basic.ack")


@pytest.mark.requirement("ack/out-of-order")
def test_out_of_order(client: RawClient, names: Names) -> None:
    """Messages may be acknowledged in another order than they came."""
    queue = stocked_queue(client, names, b"1", b"2", b"3", b"4")
    first, second, third, _ = hold(client, queue, b"1", b"2", b"3", b"4")
    for tag in (third, first, second):
        client.send(1, "basic.ack", delivery_tag=tag)
    client.expect_nothing(1)
    verify_left(client, queue, b"4")


@pytest.mark.requirement("ack/after-cancel")
def test_after_cancel(client: RawClient, names: Names) -> None:
    """A delivery may be acknowledged when its consumer is cancelled already."""
    queue = stocked_queue(client, names, b"1")
    tag = client.consume(1, queue)
    [delivery] = take(client, b"1")
    client.call(1, "basic.cancel", consumer_tag=tag)
    client.send(1, "basic.ack", delivery_tag=delivery["delivery_tag"])
    client.expect_nothing(1)
    verify_left(client, queue)


@pytest.mark.requirement("ack/after-queue-delete")
def test_after_queue_delete(client: RawClient, names: Names) -> None:
    """Acknowledging a message whose queue is gone is no error."""
    queue = stocked_queue(client, names, b"1")
    [tag] = hold(client, queue, b"1")
    client.call(1, "queue.delete", queue=queue)
    client.send(1, "basic.ack", delivery_tag=tag)
    client.expect_nothing(1)


@pytest.mark.requirement("ack/tags-monotonic")
def test_tags_monotonic(raw: RawClients, names: Names) -> None:
    """Each channel counts its deliveries from 1, one by one."""
    client = raw(channels=2)
    queue = stocked_queue(client, names, b"1", b"2", b"3", b"4", b"5")
    tags = (hold(client, queue, b"1", b"2", b"3"), hold(client, queue, b"4", b"5", channel=2))
    verify.equal(tags, ([1, 2, 3], [1, 2]), "delivery tags of two channels")


@pytest.mark.requirement("ack/tags-shared-get-consume")
def test_tags_shared(client: RawClient, names: Names) -> None:
    """Get-ok and deliver take their tags from one sequence."""
    polled, consumed = new_queue(client, names), new_queue(client, names)
    fill(client, polled, [b"1", b"3"])
    client.consume(1, consumed)
    tags = hold(client, polled, b"1")
    fill(client, consumed, [b"2"])
    tags += [delivery["delivery_tag"] for delivery in take(client, b"2")]
    tags += hold(client, polled, b"3")
    verify.equal(tags, [1, 2, 3], "delivery tags")


@pytest.mark.requirement("ack/multiple-spans-consumers")
def test_multiple_spans_consumers(client: RawClient, names: Names) -> None:
    """Multiple covers the deliveries of all consumers of the channel."""
    queues = [new_queue(client, names) for _ in range(2)]
    for queue in queues:
        client.consume(1, queue)
    for queue in queues:
        fill(client, queue, [b"1"])
    last = [client.expect_content(1, "basic.deliver", b"1") for _ in queues][-1]
    client.send(1, "basic.ack", delivery_tag=last["delivery_tag"], multiple=True)
    reopen(client)
    verify.equal([drain(client, queue) for queue in queues], [[], []], "queues")


@pytest.mark.requirement("ack/no-response")
def test_no_response(client: RawClient, names: Names) -> None:
    """An acknowledgement is not answered."""
    [tag] = hold(client, stocked_queue(client, names, b"1"), b"1")
    client.send(1, "basic.ack", delivery_tag=tag)
    client.expect_nothing(1)
