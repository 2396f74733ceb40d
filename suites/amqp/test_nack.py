"""basic.nack: reject for many at once."""

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, hold, stocked_queue, take, verify_left
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("basic.nack")


@pytest.mark.requirement("nack/single")
def test_single(client: RawClient, names: Names) -> None:
    """A message that is nacked with requeue is in the queue again, marked redelivered."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    _, second = hold(client, queue, b"1", b"2")
    client.send(1, "basic.nack", delivery_tag=second, requeue=True)
    for _ in range(2):
        client.send(1, "basic.get", queue=queue)
    got = [client.expect_content(1, "basic.get-ok", body) for body in (b"2", b"3")]
    flags = [message["redelivered"] for message in got]
    verify.equal(flags, [True, False], "redelivered of 2 and 3")


@pytest.mark.requirement("nack/multiple")
def test_multiple(client: RawClient, names: Names) -> None:
    """With multiple and requeue, all up to the tag are in the queue again, in their order."""
    queue = stocked_queue(client, names, b"1", b"2", b"3", b"4")
    _, second, _ = hold(client, queue, b"1", b"2", b"3")
    client.send(1, "basic.nack", delivery_tag=second, multiple=True, requeue=True)
    verify.equal(drain(client, queue), [b"1", b"2", b"4"], "queue")


@pytest.mark.requirement("nack/multiple-discard")
def test_multiple_discard(client: RawClient, names: Names) -> None:
    """With multiple and without requeue, all up to the tag are gone."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    _, second, _ = hold(client, queue, b"1", b"2", b"3")
    client.send(1, "basic.nack", delivery_tag=second, multiple=True)
    verify_left(client, queue, b"3")


@pytest.mark.requirement("nack/zero-multiple")
def test_zero_multiple(client: RawClient, names: Names) -> None:
    """Tag 0 with multiple gives back all that the channel holds."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    hold(client, queue, b"1", b"2")
    client.send(1, "basic.nack", delivery_tag=0, multiple=True, requeue=True)
    verify.equal(drain(client, queue), [b"1", b"2", b"3"], "queue")


@pytest.mark.requirement("nack/unknown")
def test_unknown(client: RawClient, names: Names) -> None:
    """Nacking a tag that was never given closes the channel with 406."""
    [tag] = hold(client, stocked_queue(client, names, b"1"), b"1")
    client.send(1, "basic.nack", delivery_tag=tag + 1)
    client.expect_channel_close(1, 406, method="basic.nack")


@pytest.mark.requirement("nack/requeue-other")
def test_requeue_other(raw: RawClients, names: Names) -> None:
    """A nacked message is not given back to the same client on the same channel."""
    client = raw(channels=2)
    queue = stocked_queue(client, names, b"nacked")
    client.consume(1, queue)
    [delivery] = take(client, b"nacked")
    client.send(1, "basic.nack", delivery_tag=delivery["delivery_tag"], requeue=True)
    fill(client, queue, [b"next"])
    take(client, b"next", channel=1)
    hold(client, queue, b"nacked", channel=2)


@pytest.mark.requirement("nack/requeue-first")
def test_requeue_first(client: RawClient, names: Names) -> None:
    """With a full window, the room that a requeue makes is taken by the message itself."""
    queue = stocked_queue(client, names, b"1", b"2", b"3")
    client.call(1, "basic.qos", prefetch_count=2)
    client.consume(1, queue)
    first, _ = take(client, b"1", b"2")
    client.send(1, "basic.nack", delivery_tag=first["delivery_tag"], requeue=True)
    [again] = take(client, b"1")
    verify.equal(again["redelivered"], True, "redelivered of 1")
    client.expect_nothing(1)
