"""basic.recover: what a channel holds is delivered again."""

import pytest

from suites import verify
from suites.amqp.steps import drain, hold, stocked_queue, take
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


@pytest.mark.requirement("recover/requeue-true")
def test_requeue(client: RawClient, names: Names) -> None:
    """Recover with requeue is answered, and what was held comes again, marked redelivered."""
    client.consume(1, stocked_queue(client, names, b"1", b"2"))
    take(client, b"1", b"2")
    client.send(1, "basic.recover", requeue=True)
    client.expect(1, "basic.recover-ok")
    flags = [delivery["redelivered"] for delivery in take(client, b"1", b"2")]
    verify.equal(flags, [True, True], "redelivered")


@pytest.mark.requirement("recover/async")
def test_async(client: RawClient, names: Names) -> None:
    """Recover-async is not answered, and what was held comes again, marked redelivered."""
    client.consume(1, stocked_queue(client, names, b"1"))
    take(client, b"1")
    client.send(1, "basic.recover-async", requeue=True)
    verify.equal(take(client, b"1")[0]["redelivered"], True, "redelivered")
    client.expect_nothing(1)


@pytest.mark.requirement("recover/requeue-false")
def test_to_same_consumer(raw: RawClients, names: Names) -> None:
    """Recover without requeue delivers what was held to the same consumer, and to no other."""
    client = raw(channels=2)
    queue = stocked_queue(client, names, b"1")
    tag = client.consume(1, queue)
    take(client, b"1")
    client.consume(2, queue)
    client.call(1, "basic.recover", requeue=False)
    [again] = take(client, b"1", channel=1)
    seen = (again["consumer_tag"], again["redelivered"])
    verify.equal(seen, (tag, True), "consumer tag and redelivered")


@pytest.mark.requirement("recover/nothing-outstanding")
def test_nothing_outstanding(client: RawClient) -> None:
    """Recover on a channel that holds nothing is answered by recover-ok."""
    client.call(1, "basic.recover", requeue=True)


@pytest.mark.requirement("recover/no-ack-not")
def test_no_ack(client: RawClient, names: Names) -> None:
    """What was delivered without acknowledgement does not come again."""
    queue = stocked_queue(client, names, b"1")
    client.consume(1, queue, no_ack=True)
    take(client, b"1")
    client.call(1, "basic.recover", requeue=True)
    verify.equal(drain(client, queue), [], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("recover/get")
def test_get(client: RawClient, names: Names) -> None:
    """What was got is put back into the queue."""
    queue = stocked_queue(client, names, b"1", b"2")
    hold(client, queue, b"1")
    client.call(1, "basic.recover", requeue=True)
    verify.equal(drain(client, queue), [b"1", b"2"], "queue")


@pytest.mark.requirement("recover/cancelled-consumer")
def test_cancelled_consumer(client: RawClient, names: Names) -> None:
    """What a cancelled consumer held is put back into the queue."""
    queue = stocked_queue(client, names, b"1", b"2")
    tag = client.consume(1, queue)
    take(client, b"1", b"2")
    client.call(1, "basic.cancel", consumer_tag=tag)
    client.call(1, "basic.recover", requeue=True)
    verify.equal(drain(client, queue), [b"1", b"2"], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("recover/new-tags")
def test_new_tags(client: RawClient, names: Names) -> None:
    """What comes again has a new delivery tag, and the old one is unknown."""
    client.consume(1, stocked_queue(client, names, b"1"))
    [first] = take(client, b"1")
    client.call(1, "basic.recover", requeue=True)
    [again] = take(client, b"1")
    verify.equal(again["delivery_tag"], first["delivery_tag"] + 1, "new delivery tag")
    client.send(1, "basic.ack", delivery_tag=first["delivery_tag"])
    client.expect_channel_close(1, 406, method="basic.ack")
