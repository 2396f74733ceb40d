"""basic.qos: how many messages a consumer, or a channel, may hold unacknowledged.

A message that is held back is proven to be in the queue by getting it from there.
"""

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, hold, new_queue, take
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


def settle(client: RawClient, delivery: Delivery, **options: bool) -> None:
    """Acknowledge the delivery on its channel."""
    client.send(delivery.channel, "basic.ack", delivery_tag=delivery["delivery_tag"], **options)


def consumed_queue(client: RawClient, names: Names, **consume: bool) -> str:
    """A new queue with a consumer on channel 1."""
    queue = new_queue(client, names)
    client.consume(1, queue, **consume)
    return queue


def any_deliveries(client: RawClient, count: int) -> list[Delivery]:
    """The next deliveries of channel 1, whatever they carry."""
    return [client.expect_content(1, "basic.deliver") for _ in range(count)]


@pytest.mark.requirement("qos/count-consumer")
def test_count_consumer(client: RawClient, names: Names) -> None:
    """With a prefetch of 2 a consumer holds two messages, and gets more as it acknowledges."""
    client.call(1, "basic.qos", prefetch_count=2)
    queue = consumed_queue(client, names)
    fill(client, queue, [b"1", b"2", b"3", b"4", b"5"])
    first, _ = take(client, b"1", b"2")
    hold(client, queue, b"3")
    settle(client, first)
    take(client, b"4")
    verify.equal(drain(client, queue), [b"5"], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("qos/count-applies-later")
def test_count_applies_later(client: RawClient, names: Names) -> None:
    """The limit is for consumers that start after it; those that are there keep theirs."""
    before = consumed_queue(client, names)
    client.call(1, "basic.qos", prefetch_count=1)
    after = consumed_queue(client, names)
    fill(client, before, [b"1", b"2", b"3"])
    take(client, b"1", b"2", b"3")
    fill(client, after, [b"4", b"5"])
    take(client, b"4")
    verify.equal(drain(client, after), [b"5"], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("qos/count-zero")
def test_count_zero(client: RawClient, names: Names) -> None:
    """A prefetch of 0 is no limit."""
    client.call(1, "basic.qos", prefetch_count=1)
    client.call(1, "basic.qos", prefetch_count=0)
    bodies = [b"%d" % number for number in range(100)]
    fill(client, consumed_queue(client, names), bodies)
    take(client, *bodies)


@pytest.mark.requirement("qos/no-ack-ignored")
def test_no_ack_ignored(client: RawClient, names: Names) -> None:
    """A consumer without acknowledgements is not limited."""
    client.call(1, "basic.qos", prefetch_count=1)
    queue = consumed_queue(client, names, no_ack=True)
    fill(client, queue, [b"1", b"2", b"3"])
    take(client, b"1", b"2", b"3")


@pytest.mark.requirement("qos/size")
def test_size(client: RawClient, names: Names) -> None:
    """A prefetch-size of 10 octets holds back a message that would make it more."""
    client.call(1, "basic.qos", prefetch_size=10)
    queue = consumed_queue(client, names)
    fill(client, queue, [b"six oc", b"six ov"])
    [first] = take(client, b"six oc")
    hold(client, queue, b"six ov")
    settle(client, first)
    fill(client, queue, [b"six ag"])
    take(client, b"six ag")


@pytest.mark.requirement("qos/size-single-large")
def test_size_single_large(client: RawClient, names: Names) -> None:
    """A message that is larger than prefetch-size is delivered when nothing is outstanding."""
    client.call(1, "basic.qos", prefetch_size=3)
    fill(client, consumed_queue(client, names), [b"larger"])
    take(client, b"larger")


@pytest.mark.requirement("qos/get-not-limited")
def test_get_not_limited(client: RawClient, names: Names) -> None:
    """basic.get is answered whatever the prefetch and however much is held."""
    client.call(1, "basic.qos", prefetch_count=1)
    queue = new_queue(client, names)
    fill(client, queue, [b"1", b"2", b"3"])
    hold(client, queue, b"1", b"2", b"3")


@pytest.mark.requirement("qos/multiple-ack-refills")
def test_multiple_ack_refills(client: RawClient, names: Names) -> None:
    """An acknowledgement with multiple makes room for as many as it covers."""
    client.call(1, "basic.qos", prefetch_count=3)
    queue = consumed_queue(client, names)
    fill(client, queue, [b"1", b"2", b"3", b"4", b"5", b"6", b"7"])
    settle(client, take(client, b"1", b"2", b"3")[-1], multiple=True)
    take(client, b"4", b"5", b"6")
    verify.equal(drain(client, queue), [b"7"], "queue")
    client.expect_quiet(1)


@pytest.mark.needs("basic.nack")
@pytest.mark.requirement("qos/nack-refills")
def test_nack_refills(client: RawClient, names: Names) -> None:
    """A reject and a nack make room as an acknowledgement does."""
    client.call(1, "basic.qos", prefetch_count=1)
    fill(client, consumed_queue(client, names), [b"1", b"2", b"3"])
    [first] = take(client, b"1")
    client.send(1, "basic.reject", delivery_tag=first["delivery_tag"])
    [second] = take(client, b"2")
    client.send(1, "basic.nack", delivery_tag=second["delivery_tag"])
    take(client, b"3")


@pytest.mark.requirement("qos/cancel-frees")
def test_cancel_frees(client: RawClient, names: Names) -> None:
    """What a cancelled consumer holds does not count against another of the channel."""
    client.call(1, "basic.qos", prefetch_count=1)
    queue = new_queue(client, names)
    tag = client.consume(1, queue)
    fill(client, queue, [b"1", b"2"])
    take(client, b"1")
    client.call(1, "basic.cancel", consumer_tag=tag)
    client.consume(1, queue)
    take(client, b"2")


@pytest.mark.requirement("qos/fairness")
def test_fairness(raw: RawClients, names: Names) -> None:
    """Two consumers with a prefetch of 1 that are equally fast get about as many."""
    client = raw(channels=2)
    queue = new_queue(client, names)
    for channel in (1, 2):
        client.call(channel, "basic.qos", prefetch_count=1)
        client.consume(channel, queue)
    fill(client, queue, [b"%d" % number for number in range(40)])
    served = []
    for _ in range(40):
        delivery = client.read_method()
        served.append(delivery.channel)
        client.send(delivery.channel, "basic.ack", delivery_tag=delivery["delivery_tag"])
    verify.between(served.count(1), 12, 28, "messages of 40 for one consumer")


@pytest.mark.requirement("qos/per-channel-independent")
def test_per_channel(raw: RawClients, names: Names) -> None:
    """The limit of one channel does not concern another."""
    client = raw(channels=2)
    limited, free = new_queue(client, names), new_queue(client, names)
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, limited)
    client.consume(2, free)
    for queue in (limited, free):
        fill(client, queue, [b"1", b"2"])
    take(client, b"1", b"2", channel=2)
    take(client, b"1", channel=1)
    verify.equal(drain(client, limited), [b"2"], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("qos/negative")
def test_largest_count(client: RawClient, names: Names) -> None:
    """The largest prefetch that can be written, 65535, is accepted."""
    client.call(1, "basic.qos", prefetch_count=65535)
    fill(client, consumed_queue(client, names), [b"1", b"2"])
    take(client, b"1", b"2")


@pytest.mark.requirement("qos/global-channel")
def test_global_channel(client: RawClient, names: Names) -> None:
    """With global, all consumers of the channel share the limit."""
    client.call(1, "basic.qos", prefetch_count=2, global_=True)
    queues = [consumed_queue(client, names) for _ in range(2)]
    for queue in queues:
        fill(client, queue, [b"1", b"2"])
    any_deliveries(client, 2)
    left = [body for queue in queues for body in drain(client, queue)]
    verify.equal(len(left), 2, "messages left in the queues")
    client.expect_quiet(1)


@pytest.mark.requirement("qos/global-and-consumer")
def test_global_and_consumer(client: RawClient, names: Names) -> None:
    """A limit of the channel and one of each consumer hold at the same time."""
    client.call(1, "basic.qos", prefetch_count=2)
    client.call(1, "basic.qos", prefetch_count=3, global_=True)
    queues = [consumed_queue(client, names) for _ in range(2)]
    for queue in queues:
        fill(client, queue, [b"1", b"2", b"3"])
    tags = [delivery["consumer_tag"] for delivery in any_deliveries(client, 3)]
    most = max(tags.count(tag) for tag in tags)
    left = [body for queue in queues for body in drain(client, queue)]
    verify.equal((most, len(left)), (2, 3), "most for one consumer, and left in the queues")
    client.expect_quiet(1)


@pytest.mark.requirement("qos/change-increase")
def test_change_increase(client: RawClient, names: Names) -> None:
    """Raising the channel's limit brings more messages at once."""
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    queue = consumed_queue(client, names)
    fill(client, queue, [b"1", b"2", b"3", b"4"])
    take(client, b"1")
    client.call(1, "basic.qos", prefetch_count=3, global_=True)
    take(client, b"2", b"3")
    verify.equal(drain(client, queue), [b"4"], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("qos/change-decrease")
def test_change_decrease(client: RawClient, names: Names) -> None:
    """After lowering the channel's limit nothing comes until less than that is held."""
    client.call(1, "basic.qos", prefetch_count=3, global_=True)
    queue = consumed_queue(client, names)
    fill(client, queue, [b"1", b"2", b"3", b"4", b"5"])
    _, second, third = take(client, b"1", b"2", b"3")
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    settle(client, second, multiple=True)
    hold(client, queue, b"4")
    settle(client, third)
    take(client, b"5")


@pytest.mark.requirement("qos/unlimit")
def test_unlimit(client: RawClient, names: Names) -> None:
    """Setting the channel's limit back to 0 brings all that waits."""
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    fill(client, consumed_queue(client, names), [b"1", b"2", b"3"])
    take(client, b"1")
    client.call(1, "basic.qos", prefetch_count=0, global_=True)
    take(client, b"2", b"3")


@pytest.mark.requirement("qos/counts-unacked-before")
def test_counts_unacked_before(client: RawClient, names: Names) -> None:
    """The channel's limit counts what was held before it was set."""
    queue = consumed_queue(client, names)
    fill(client, queue, [b"1", b"2"])
    first, _ = take(client, b"1", b"2")
    client.call(1, "basic.qos", prefetch_count=2, global_=True)
    fill(client, queue, [b"3", b"4"])
    hold(client, queue, b"3")
    settle(client, first)
    take(client, b"4")


@pytest.mark.requirement("qos/global-turns")
def test_global_turns(client: RawClient, names: Names) -> None:
    """A limit of 1 for the whole channel starves none of a queue's consumers."""
    queue = new_queue(client, names)
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    for tag in ("first", "second"):
        client.consume(1, queue, consumer_tag=tag)
    fill(client, queue, [b"1", b"2", b"3", b"4"])
    served = set()
    for body in (b"1", b"2", b"3", b"4"):
        delivery = client.expect_content(1, "basic.deliver", body)
        served.add(delivery["consumer_tag"])
        client.send(1, "basic.ack", delivery_tag=delivery["delivery_tag"])
    verify.equal(sorted(served), ["first", "second"], "consumers served")


@pytest.mark.requirement("qos/global-order")
def test_global_order(client: RawClient, names: Names) -> None:
    """Under the channel's limit its consumers take turns, and room for two is used by two."""
    queue = new_queue(client, names)
    client.call(1, "basic.qos", prefetch_count=2, global_=True)
    for tag in ("a", "b", "c"):
        client.consume(1, queue, consumer_tag=tag)
    fill(client, queue, [b"1", b"2", b"3"])
    served = take(client, b"1", b"2")
    verify.equal(drain(client, queue), [b"3"], "messages that wait")
    fill(client, queue, [b"3"])
    settle(client, served[0])
    served += take(client, b"3")
    fill(client, queue, [b"4", b"5"])
    settle(client, served[-1], multiple=True)
    served += take(client, b"4", b"5")
    tags = [delivery["consumer_tag"] for delivery in served]
    verify.equal(tags, ["a", "b", "c", "a", "b"], "consumers")


@pytest.mark.requirement("qos/global-order")
def test_global_newcomer(client: RawClient, names: Names) -> None:
    """Who comes when there is no room under the channel's limit waits behind who waits already."""
    queue = new_queue(client, names)
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    client.consume(1, queue, consumer_tag="z")
    fill(client, queue, [b"1", b"2"])
    served = take(client, b"1")
    client.consume(1, queue, consumer_tag="newcomer")
    fill(client, queue, [b"3"])
    for body in (b"2", b"3"):
        settle(client, served[-1])
        served += take(client, body)
    tags = [delivery["consumer_tag"] for delivery in served]
    verify.equal(tags, ["z", "z", "newcomer"], "consumers")


@pytest.mark.requirement("qos/consumer-ends-global")
def test_consumer_ends_global(client: RawClient, names: Names) -> None:
    """A limit for each consumer to come takes the place of the channel's: all that waits comes."""
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    fill(client, consumed_queue(client, names), [b"1", b"2", b"3"])
    take(client, b"1")
    client.call(1, "basic.qos", prefetch_count=1)
    take(client, b"2", b"3")
    after = consumed_queue(client, names)
    fill(client, after, [b"4", b"5"])
    take(client, b"4")
    verify.equal(drain(client, after), [b"5"], "queue")
    client.expect_quiet(1)
