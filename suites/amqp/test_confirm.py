"""Publisher confirms: the broker tells when it has taken charge of each message."""

from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue, take
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("publisher_confirms")

PERSISTENT = 2


def confirming(raw: RawClients) -> RawClient:
    """A client whose channel 1 confirms; channel 2 is plain."""
    client = raw(channels=2)
    client.call(1, "confirm.select")
    return client


def expect_confirm(client: RawClient, number: int, channel: int = 1) -> None:
    """The channel's very next method acknowledges the publish of this number, the last one."""
    verify.equal(client.expect(channel, "basic.ack")["delivery_tag"], number, "confirmed number")


def settle_all(client: RawClient, last: int) -> dict[int, str]:
    """Read confirms until every number to `last` is settled; Mismatch if one is settled twice."""
    settled: dict[int, str] = {}
    while len(settled) < last:
        confirm = client.find(1, "basic.ack", "basic.nack")
        tag = confirm["delivery_tag"]
        first = min(set(range(1, last + 2)) - settled.keys()) if confirm["multiple"] else tag
        fresh = [number for number in range(first, tag + 1) if number not in settled]
        verify.true(fresh and tag <= last, "each number once", f"a confirm of {tag} too many")
        settled.update(dict.fromkeys(fresh, confirm.name))
    return settled


def publish_persistent(client: RawClient, queue: str, count: int) -> None:
    """Publish so many persistent messages to the queue."""
    for number in range(count):
        client.publish(1, "", queue, b"%d" % number, delivery_mode=PERSISTENT)


@pytest.mark.requirement("confirm/select")
def test_select(client: RawClient) -> None:
    """Confirm.select is answered by select-ok."""
    client.send(1, "confirm.select")
    client.expect(1, "confirm.select-ok")


@pytest.mark.requirement("confirm/select-twice")
def test_select_twice(raw: RawClients, names: Names) -> None:
    """A second confirm.select is answered too, and the count goes on."""
    publisher = confirming(raw)
    publisher.publish(1, "", names(), b"1")
    expect_confirm(publisher, 1)
    publisher.call(1, "confirm.select")
    publisher.publish(1, "", names(), b"2")
    expect_confirm(publisher, 2)


@pytest.mark.requirement("confirm/select-nowait")
def test_select_nowait(client: RawClient, names: Names) -> None:
    """Confirm.select with no-wait is not answered, and takes effect."""
    client.send(1, "confirm.select", no_wait=True)
    client.publish(1, "", names(), b"1")
    expect_confirm(client, 1)


@pytest.mark.requirement("confirm/tx-exclusive")
def test_tx_exclusive(raw: RawClients) -> None:
    """Tx.select on a channel that confirms closes it with 406."""
    publisher = confirming(raw)
    publisher.send(1, "tx.select")
    publisher.expect_channel_close(1, 406, method="tx.select")


@pytest.mark.requirement("confirm/ack-routed")
def test_ack_routed(raw: RawClients, names: Names) -> None:
    """A message that is routed is acknowledged once, with its number."""
    publisher = confirming(raw)
    queue = new_queue(publisher, names)
    fill(publisher, queue, [b"1"])
    expect_confirm(publisher, 1)
    verify.equal(drain(publisher, queue), [b"1"], "queue")
    publisher.expect_quiet(1)


@pytest.mark.requirement("confirm/ack-unroutable")
def test_ack_unroutable(raw: RawClients, names: Names) -> None:
    """A message that no queue takes is acknowledged too."""
    publisher = confirming(raw)
    publisher.publish(1, "", names(), b"nowhere")
    expect_confirm(publisher, 1)
    publisher.expect_nothing(1)


@pytest.mark.requirement("confirm/return-before-ack")
def test_return_before_ack(raw: RawClients, names: Names) -> None:
    """A mandatory message that no queue takes is returned, and then acknowledged."""
    publisher = confirming(raw)
    publisher.publish(1, "", names(), b"nowhere", mandatory=True)
    publisher.expect_content(1, "basic.return", b"nowhere")
    expect_confirm(publisher, 1)


@pytest.mark.requirement("confirm/ack-all-queues")
def test_ack_all_queues(raw: RawClients, names: Names) -> None:
    """A message for several queues is acknowledged once, when each of them has it."""
    publisher = confirming(raw)
    queues = [new_queue(publisher, names, durable=durable) for durable in (True, False, True)]
    exchange = names("exchange")
    publisher.call(1, "exchange.declare", exchange=exchange, type="fanout")
    for queue in queues:
        publisher.call(1, "queue.bind", queue=queue, exchange=exchange)
    publisher.publish(1, exchange, "", b"all", delivery_mode=PERSISTENT)
    expect_confirm(publisher, 1)
    verify.equal([drain(publisher, queue, 2) for queue in queues], [[b"all"]] * 3, "queues")
    publisher.expect_nothing(1)


@pytest.mark.requirement("confirm/sequence")
def test_sequence(client: RawClient, names: Names) -> None:
    """Numbers start at 1 with the first publish after confirm.select."""
    queue = new_queue(client, names)
    fill(client, queue, [b"before"])
    client.call(1, "confirm.select")
    fill(client, queue, [b"first"])
    expect_confirm(client, 1)
    fill(client, queue, [b"second"])
    expect_confirm(client, 2)


@pytest.mark.requirement("confirm/multiple")
def test_multiple(raw: RawClients, names: Names) -> None:
    """However confirms are bundled, each number is acknowledged once."""
    publisher = confirming(raw)
    publish_persistent(publisher, new_queue(publisher, names, durable=True), 50)
    verify.equal(set(settle_all(publisher, 50).values()), {"basic.ack"}, "kinds of confirms")
    publisher.expect_nothing(1)


@pytest.mark.requirement("confirm/persistent-durable")
def test_persistent_durable(raw: RawClients, names: Names) -> None:
    """A persistent message for a durable queue is acknowledged, and then in the queue."""
    publisher = confirming(raw)
    queue = new_queue(publisher, names, durable=True)
    publish_persistent(publisher, queue, 1)
    expect_confirm(publisher, 1)
    verify.equal(drain(publisher, queue, 2), [b"0"], "queue")


@pytest.mark.requirement("confirm/nack-overflow")
def test_nack_overflow(raw: RawClients, names: Names) -> None:
    """A message that a full queue with x-overflow reject-publish refuses is nacked."""
    publisher = confirming(raw)
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queue = new_queue(publisher, names, arguments=limits)
    fill(publisher, queue, [b"fits"])
    expect_confirm(publisher, 1)
    fill(publisher, queue, [b"too much"])
    verify.equal(publisher.expect(1, "basic.nack")["delivery_tag"], 2, "nacked number")
    verify.equal(drain(publisher, queue), [b"fits"], "queue")


@pytest.mark.requirement("confirm/ack-on-queue-delete")
def test_queue_delete(raw: RawClients, names: Names) -> None:
    """When the queue is deleted, what was on its way there is settled, none left open."""
    publisher = confirming(raw)
    queue = new_queue(publisher, names, durable=True)
    publish_persistent(publisher, queue, 20)
    publisher.call(1, "queue.delete", queue=queue)
    settle_all(publisher, 20)


@pytest.mark.requirement("confirm/ack-on-purge")
def test_purge(raw: RawClients, names: Names) -> None:
    """When the queue is purged, what was on its way there is acknowledged."""
    publisher = confirming(raw)
    queue = new_queue(publisher, names, durable=True)
    publish_persistent(publisher, queue, 20)
    publisher.call(1, "queue.purge", queue=queue)
    verify.equal(set(settle_all(publisher, 20).values()), {"basic.ack"}, "kinds of confirms")


@pytest.mark.requirement("confirm/ack-ttl")
def test_expired(raw: RawClients, names: Names) -> None:
    """A message that expires as it arrives is acknowledged."""
    publisher = confirming(raw)
    queue = new_queue(publisher, names, arguments={"x-message-ttl": 0})
    fill(publisher, queue, [b"expires"])
    expect_confirm(publisher, 1)
    verify.equal(drain(publisher, queue), [], "queue")


@pytest.mark.requirement("confirm/ack-rejected")
def test_rejected(raw: RawClients, names: Names) -> None:
    """A message that its consumer rejects is acknowledged to its publisher all the same."""
    publisher = confirming(raw)
    queue = new_queue(publisher, names)
    publisher.consume(2, queue)
    fill(publisher, queue, [b"unwanted"])
    [delivery] = take(publisher, b"unwanted", channel=2)
    publisher.send(2, "basic.reject", delivery_tag=delivery["delivery_tag"])
    expect_confirm(publisher, 1)
    publisher.sync(2)
    publisher.expect_nothing(1)


@pytest.mark.requirement("confirm/channel-error-no-ack")
def test_channel_error(raw: RawClients, names: Names) -> None:
    """A publish that closes the channel is not confirmed."""
    publisher = confirming(raw)
    publisher.publish(1, names("exchange"), "", b"fails")
    publisher.expect_channel_close(1, 404, method="basic.publish")
    publisher.expect_quiet(1)


@pytest.mark.requirement("confirm/independent-channels")
def test_independent_channels(raw: RawClients, names: Names) -> None:
    """Each channel counts its own publishes."""
    publisher = confirming(raw)
    publisher.call(2, "confirm.select")
    for number in (1, 2):
        publisher.publish(1, "", names(), b"of channel 1")
        expect_confirm(publisher, number, channel=1)
    publisher.publish(2, "", names(), b"of channel 2")
    expect_confirm(publisher, 1, channel=2)


@pytest.mark.requirement("confirm/dead-lettered")
def test_dead_lettered(raw: RawClients, names: Names) -> None:
    """A message that is dead-lettered on is confirmed once, not for each queue on its way."""
    publisher = confirming(raw)
    dead = new_queue(publisher, names)
    arguments: dict[str, Any] = {
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead,
        "x-max-length": 1,
    }
    queue = new_queue(publisher, names, arguments=arguments)
    publisher.consume(2, dead)
    fill(publisher, queue, [b"1", b"2"])
    settle_all(publisher, 2)
    take(publisher, b"1", channel=2)
    publisher.expect_nothing(1)
