"""basic.consume: deliveries, tags, exclusive consumers."""

from itertools import pairwise

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue, reopen, stocked_queue, take
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


@pytest.mark.requirement("consume/basic")
def test_basic(client: RawClient, names: Names) -> None:
    """What is published to a queue is delivered to its consumer, under the consumer's tag."""
    queue = new_queue(client, names)
    tag = client.consume(1, queue)
    fill(client, queue, [b"hello"])
    [delivery] = take(client, b"hello")
    seen = (delivery["consumer_tag"], delivery["redelivered"])
    verify.equal(seen, (tag, False), "consumer tag and redelivered")


@pytest.mark.requirement("consume/backlog")
def test_backlog(client: RawClient, names: Names) -> None:
    """What waits in a queue is delivered to a new consumer in the order of publishing."""
    bodies = [b"%d" % number for number in range(20)]
    queue = stocked_queue(client, names, *bodies)
    client.consume(1, queue)
    take(client, *bodies)


@pytest.mark.requirement("consume/consume-ok-first")
def test_consume_ok_first(client: RawClient, names: Names) -> None:
    """Consume-ok precedes the first delivery, also from a queue that has messages."""
    queue = stocked_queue(client, names, b"waiting")
    client.send(1, "basic.consume", queue=queue)
    client.expect(1, "basic.consume-ok")
    take(client, b"waiting")


@pytest.mark.requirement("consume/missing-queue")
def test_missing_queue(client: RawClient, names: Names) -> None:
    """Consuming from a queue that does not exist closes the channel with 404."""
    client.send(1, "basic.consume", queue=names())
    client.expect_channel_close(1, 404, method="basic.consume")


@pytest.mark.requirement("consume/server-tag")
def test_server_tag(client: RawClient, names: Names) -> None:
    """A consumer without a tag is given one, of its own."""
    queue = new_queue(client, names)
    tags = {client.consume(1, queue) for _ in range(3)}
    verify.true(len(tags) == 3 and "" not in tags, "three different tags", f"tags {sorted(tags)}")


@pytest.mark.requirement("consume/client-tag")
def test_client_tag(client: RawClient, names: Names) -> None:
    """A tag that the client chose stands in consume-ok and in deliveries."""
    queue = new_queue(client, names)
    verify.equal(client.consume(1, queue, consumer_tag="chosen"), "chosen", "tag in consume-ok")
    fill(client, queue, [b"hello"])
    verify.equal(take(client, b"hello")[0]["consumer_tag"], "chosen", "tag in deliver")


@pytest.mark.requirement("consume/duplicate-tag")
def test_duplicate_tag(client: RawClient, names: Names) -> None:
    """A consumer tag that is in use on the channel closes the connection with 530."""
    queue = new_queue(client, names)
    client.consume(1, queue, consumer_tag="twice")
    client.send(1, "basic.consume", queue=queue, consumer_tag="twice")
    client.expect_connection_close(530, method="basic.consume")


@pytest.mark.requirement("consume/tag-per-channel")
def test_tag_per_channel(raw: RawClients, names: Names) -> None:
    """Two channels may use the same consumer tag."""
    client = raw(channels=2)
    first, second = new_queue(client, names), new_queue(client, names)
    client.consume(1, first, consumer_tag="same")
    client.consume(2, second, consumer_tag="same")
    fill(client, first, [b"for channel 1"])
    fill(client, second, [b"for channel 2"])
    take(client, b"for channel 1", channel=1)
    take(client, b"for channel 2", channel=2)


@pytest.mark.requirement("consume/tag-reuse-after-cancel")
def test_tag_reuse_after_cancel(client: RawClient, names: Names) -> None:
    """A consumer tag may be used again after its consumer was cancelled."""
    queue = new_queue(client, names)
    client.consume(1, queue, consumer_tag="again")
    client.call(1, "basic.cancel", consumer_tag="again")
    client.consume(1, queue, consumer_tag="again")
    fill(client, queue, [b"hello"])
    take(client, b"hello")


@pytest.mark.requirement("consume/nowait")
def test_nowait(client: RawClient, names: Names) -> None:
    """A consume with no-wait is not answered, and deliveries come."""
    queue = stocked_queue(client, names, b"hello")
    client.send(1, "basic.consume", queue=queue, consumer_tag="quiet", no_wait=True)
    verify.equal(take(client, b"hello")[0]["consumer_tag"], "quiet", "tag in deliver")
    client.expect_nothing(1)


@pytest.mark.requirement("consume/no-ack")
def test_no_ack(client: RawClient, names: Names) -> None:
    """Messages leave the queue with their delivery to a consumer without acknowledgement."""
    queue = stocked_queue(client, names, b"1", b"2")
    client.consume(1, queue, no_ack=True)
    take(client, b"1", b"2")
    reopen(client)
    verify.equal(drain(client, queue), [], "queue after the close")


@pytest.mark.requirement("consume/explicit-ack")
def test_explicit_ack(raw: RawClients, names: Names) -> None:
    """What a lost connection had not acknowledged comes back, redelivered, to another."""
    lost, other = raw(), raw()
    queue = stocked_queue(lost, names, b"acknowledged", b"not")
    lost.consume(1, queue)
    first, _ = take(lost, b"acknowledged", b"not")
    lost.send(1, "basic.ack", delivery_tag=first["delivery_tag"])
    lost.sync(1)
    other.consume(1, queue)
    lost.link.close()
    verify.equal(take(other, b"not")[0]["redelivered"], True, "redelivered")


@pytest.mark.requirement("consume/no-local")
def test_no_local(raw: RawClients, names: Names) -> None:
    """A no-local consumer is not given what its own connection publishes."""
    client, other = raw(), raw()
    queue = new_queue(client, names)
    client.consume(1, queue, no_local=True, no_ack=True)
    fill(client, queue, [b"own"])
    # Through the queue, so that what comes next was published after it. Nothing is taken: whoever
    # heeds not the flag has the message to give.
    client.call(1, "queue.declare", queue=queue, passive=True)
    fill(other, queue, [b"another's"])
    take(client, b"another's")


@pytest.mark.requirement("consume/exclusive")
def test_exclusive(client: RawClient, names: Names) -> None:
    """A queue without consumers takes an exclusive one, and serves it."""
    queue = stocked_queue(client, names, b"hello")
    client.consume(1, queue, exclusive=True)
    take(client, b"hello")


@pytest.mark.requirement("consume/exclusive-refused")
def test_exclusive_refused(raw: RawClients, names: Names) -> None:
    """Exclusive access to a queue that has a consumer is refused with 403."""
    client = raw(channels=2)
    queue = new_queue(client, names)
    client.consume(1, queue)
    client.send(2, "basic.consume", queue=queue, exclusive=True)
    client.expect_channel_close(2, 403, method="basic.consume")


@pytest.mark.requirement("consume/second-after-exclusive")
def test_second_after_exclusive(raw: RawClients, names: Names) -> None:
    """A consumer on a queue that has an exclusive one is refused with 403."""
    client = raw(channels=2)
    queue = new_queue(client, names)
    client.consume(1, queue, exclusive=True)
    client.send(2, "basic.consume", queue=queue)
    client.expect_channel_close(2, 403, method="basic.consume")


@pytest.mark.requirement("consume/exclusive-released")
def test_exclusive_released(raw: RawClients, names: Names) -> None:
    """When the exclusive consumer is cancelled the queue takes another one."""
    client = raw(channels=2)
    queue = new_queue(client, names)
    tag = client.consume(1, queue, exclusive=True)
    client.call(1, "basic.cancel", consumer_tag=tag)
    client.consume(2, queue)
    fill(client, queue, [b"hello"])
    take(client, b"hello", channel=2)


@pytest.mark.requirement("consume/round-robin")
def test_round_robin(client: RawClient, names: Names) -> None:
    """Two equal consumers are served in turn."""
    queue = new_queue(client, names)
    for tag in ("a", "b"):
        client.consume(1, queue, consumer_tag=tag)
    bodies = [b"%d" % number for number in range(10)]
    fill(client, queue, bodies)
    tags = [delivery["consumer_tag"] for delivery in take(client, *bodies)]
    in_turn = all(tag != following for tag, following in pairwise(tags))
    verify.true(in_turn, "consumers in turn", f"consumers {' '.join(tags)}")


@pytest.mark.requirement("consume/each-once")
def test_each_once(raw: RawClients, names: Names) -> None:
    """Each message goes to one of many consumers."""
    client = raw(channels=5)
    queue = new_queue(client, names)
    for channel in range(1, 6):
        client.consume(channel, queue)
    bodies = [b"%02d" % number for number in range(50)]
    fill(client, queue, bodies)
    delivered = [client.read_method() for _ in bodies]
    verify.equal(sorted(map(str, delivered)), [f"basic.deliver {b!r}" for b in bodies], "all")
    for channel in range(1, 6):
        verify.equal(drain(client, queue, channel), [], "queue")
        client.expect_quiet(channel)


@pytest.mark.requirement("consume/minimum-count")
def test_minimum_count(client: RawClient, names: Names) -> None:
    """A queue takes at least 16 consumers, and serves each."""
    queue = new_queue(client, names)
    tags = {client.consume(1, queue) for _ in range(16)}
    bodies = [b"%d" % number for number in range(16)]
    fill(client, queue, bodies)
    served = {delivery["consumer_tag"] for delivery in take(client, *bodies)}
    verify.equal(len(served & tags), 16, "consumers served")


@pytest.mark.requirement("consume/two-queues-one-channel")
def test_two_queues_one_channel(client: RawClient, names: Names) -> None:
    """On a channel with consumers of several queues the tags tell the deliveries apart."""
    first, second = new_queue(client, names), new_queue(client, names)
    tags = {b"1": client.consume(1, first), b"2": client.consume(1, second)}
    fill(client, first, [b"1"])
    fill(client, second, [b"2"])
    deliveries = [client.expect_content(1, "basic.deliver") for _ in tags]
    seen = {delivery.body: delivery["consumer_tag"] for delivery in deliveries}
    verify.equal(seen, tags, "tag of each queue's message")
