"""Transactions: publishes and acknowledgements that take effect together, or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from suites import verify
from suites.amqp.dead_letters import dying_queue
from suites.amqp.expiry import expect_left
from suites.amqp.steps import await_ready, drain, fill, hold, new_queue, ready, reopen
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


def transactional(raw: RawClients) -> RawClient:
    """A client whose channel 1 is transactional; channel 2 is plain."""
    client = raw(channels=2)
    client.call(1, "tx.select")
    return client


def verify_ready(client: RawClient, queue: str, *bodies: bytes) -> None:
    """Once channel 1 has done its work so far, channel 2 finds these in the queue."""
    client.sync(1)
    await_ready(client, queue, len(bodies), 2)
    verify.equal(drain(client, queue, 2), list(bodies), "queue seen from another channel")


def restart_transaction(client: RawClient) -> None:
    """Close channel 1, which gives back what it holds, and make it transactional again."""
    reopen(client)
    client.call(1, "tx.select")


@pytest.mark.requirement("tx/select")
def test_select(client: RawClient) -> None:
    """Tx.select is answered by select-ok."""
    client.send(1, "tx.select")
    client.expect(1, "tx.select-ok")


@pytest.mark.requirement("tx/select-twice")
def test_select_twice(raw: RawClients) -> None:
    """A second tx.select is answered as the first."""
    trader = transactional(raw)
    trader.send(1, "tx.select")
    trader.expect(1, "tx.select-ok")


@pytest.mark.requirement("tx/commit-not-selected")
def test_commit_not_selected(client: RawClient) -> None:
    """Tx.commit on a channel that is not transactional closes it with 406."""
    client.send(1, "tx.commit")
    client.expect_channel_close(1, 406, method="tx.commit")


@pytest.mark.requirement("tx/rollback-not-selected")
def test_rollback_not_selected(client: RawClient) -> None:
    """Tx.rollback on a channel that is not transactional closes it with 406."""
    client.send(1, "tx.rollback")
    client.expect_channel_close(1, 406, method="tx.rollback")


@pytest.mark.requirement("tx/publish-invisible")
def test_publish_invisible(raw: RawClients, names: Names) -> None:
    """What is published is not in the queue before the commit."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"1"])
    verify_ready(trader, queue)


@pytest.mark.requirement("tx/publish-commit")
def test_publish_commit(raw: RawClients, names: Names) -> None:
    """After the commit all is in the queue, in the order of publishing."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"1", b"2", b"3"])
    trader.call(1, "tx.commit")
    verify_ready(trader, queue, b"1", b"2", b"3")


@pytest.mark.requirement("tx/publish-rollback")
def test_publish_rollback(raw: RawClients, names: Names) -> None:
    """What was rolled back is not published by a later commit either."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"undone"])
    trader.call(1, "tx.rollback")
    fill(trader, queue, [b"done"])
    trader.call(1, "tx.commit")
    verify_ready(trader, queue, b"done")


@pytest.mark.requirement("tx/publish-auto-rollback")
def test_publish_auto_rollback(raw: RawClients, names: Names) -> None:
    """When the channel is closed before the commit, nothing of it is in the queue."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"undone"])
    restart_transaction(trader)
    fill(trader, queue, [b"done"])
    trader.call(1, "tx.commit")
    verify_ready(trader, queue, b"done")


@pytest.mark.requirement("tx/ack-commit")
def test_ack_commit(raw: RawClients, names: Names) -> None:
    """What was acknowledged in a transaction is gone after the commit."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"1", b"2"], channel=2)
    trader.sync(2)
    first, _ = hold(trader, queue, b"1", b"2")
    trader.send(1, "basic.ack", delivery_tag=first)
    trader.call(1, "tx.commit")
    restart_transaction(trader)
    verify_ready(trader, queue, b"2")


@pytest.mark.requirement("tx/ack-rollback")
def test_ack_rollback(raw: RawClients, names: Names) -> None:
    """A rollback undoes acknowledgements, redelivers nothing, and they can be given again."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"1"], channel=2)
    trader.sync(2)
    [tag] = hold(trader, queue, b"1")
    trader.send(1, "basic.ack", delivery_tag=tag)
    trader.call(1, "tx.rollback")
    verify_ready(trader, queue)
    trader.send(1, "basic.ack", delivery_tag=tag)
    trader.call(1, "tx.commit")
    reopen(trader)
    verify_ready(trader, queue)


@pytest.mark.requirement("tx/ack-uncommitted-close")
def test_ack_uncommitted_close(raw: RawClients, names: Names) -> None:
    """What was acknowledged without a commit comes back when the channel is closed."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"1"], channel=2)
    trader.sync(2)
    [tag] = hold(trader, queue, b"1")
    trader.send(1, "basic.ack", delivery_tag=tag)
    reopen(trader)
    verify_ready(trader, queue, b"1")


@pytest.mark.requirement("tx/reject-commit")
@pytest.mark.parametrize("requeue", [True, False], ids=["back", "for good"])
@pytest.mark.parametrize(
    "method", ["basic.reject", pytest.param("basic.nack", marks=pytest.mark.needs("basic.nack"))]
)
def test_reject_commit(raw: RawClients, names: Names, method: str, requeue: bool) -> None:
    """A reject or nack takes effect at the commit: back into the queue, or to the dead letters."""
    trader = transactional(raw)
    letters = new_queue(trader, names)
    queue = dying_queue(trader, names, letters)
    fill(trader, queue, [b"1"], channel=2)
    trader.sync(2)
    [tag] = hold(trader, queue, b"1")
    trader.send(1, method, delivery_tag=tag, requeue=requeue)
    verify_ready(trader, queue)
    verify_ready(trader, letters)
    trader.call(1, "tx.commit")
    there = queue if requeue else letters
    expect_left(trader, there, 1)
    verify_ready(trader, there, b"1")


@pytest.mark.requirement("tx/ack-unknown-immediate")
def test_ack_unknown_immediate(raw: RawClients) -> None:
    """An unknown tag closes the channel with 406 at once, not at the commit."""
    trader = transactional(raw)
    trader.send(1, "basic.ack", delivery_tag=1)
    trader.expect_channel_close(1, 406, method="basic.ack")


@pytest.mark.requirement("tx/commit-out-of-order-acks")
def test_commit_out_of_order_acks(raw: RawClients, names: Names) -> None:
    """Acknowledgements in another order than the deliveries are committed."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"1", b"2", b"3", b"4"], channel=2)
    trader.sync(2)
    first, second, third, _ = hold(trader, queue, b"1", b"2", b"3", b"4")
    for tag in (third, first, second):
        trader.send(1, "basic.ack", delivery_tag=tag)
    trader.call(1, "tx.commit")
    reopen(trader)
    verify_ready(trader, queue, b"4")


@pytest.mark.requirement("tx/commit-empty")
def test_commit_empty(raw: RawClients) -> None:
    """A commit of nothing is answered by commit-ok."""
    trader = transactional(raw)
    trader.send(1, "tx.commit")
    trader.expect(1, "tx.commit-ok")


@pytest.mark.requirement("tx/continues-after-commit")
def test_continues_after_commit(raw: RawClients, names: Names) -> None:
    """After a commit the next transaction has begun."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"1"])
    trader.call(1, "tx.commit")
    fill(trader, queue, [b"2"])
    verify_ready(trader, queue, b"1")
    trader.call(1, "tx.commit")
    verify_ready(trader, queue, b"2")


@pytest.mark.requirement("tx/mandatory-return-at-commit")
def test_mandatory_return_at_commit(raw: RawClients, names: Names) -> None:
    """A mandatory message that no queue takes is returned at the commit, before commit-ok."""
    trader = transactional(raw)
    trader.publish(1, "", names(), b"nowhere", mandatory=True)
    trader.expect_nothing(1)
    trader.send(1, "tx.commit")
    trader.expect_content(1, "basic.return", b"nowhere")
    trader.expect(1, "tx.commit-ok")


@pytest.mark.requirement("tx/missing-exchange")
def test_missing_exchange(raw: RawClients, names: Names, observe: Callable[[str], None]) -> None:
    """Publishing to a missing exchange closes the channel with 404, at once or at the commit."""
    trader = transactional(raw)
    trader.publish(1, names("exchange"), "", b"fails")
    trader.send(1, "tx.commit")
    closed = trader.expect_channel_close(1, 404)
    at_once = (closed["class_id"], closed["method_id"]) == (60, 40)
    observe("404 for basic.publish" if at_once else "404 for tx.commit")


@pytest.mark.requirement("tx/queue-deleted-before-commit")
def test_queue_deleted(raw: RawClients, names: Names) -> None:
    """When the queue is deleted before the commit the message is dropped, and commit-ok comes."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"dropped"])
    trader.sync(1)
    trader.call(2, "queue.delete", queue=queue)
    trader.send(1, "tx.commit")
    trader.expect(1, "tx.commit-ok")


@pytest.mark.requirement("tx/multi-queue")
def test_multi_queue(raw: RawClients, names: Names) -> None:
    """A transaction over several queues is in all of them after its commit, in none before."""
    trader = transactional(raw)
    queues = [new_queue(trader, names) for _ in range(3)]
    for queue in queues:
        fill(trader, queue, [b"1"])
    for queue in queues:
        verify_ready(trader, queue)
    trader.call(1, "tx.commit")
    for queue in queues:
        verify_ready(trader, queue, b"1")


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("tx/confirm-exclusive")
def test_confirm_exclusive(raw: RawClients) -> None:
    """Confirm.select on a transactional channel closes it with 406."""
    trader = transactional(raw)
    trader.send(1, "confirm.select")
    trader.expect_channel_close(1, 406, method="confirm.select")


@pytest.mark.requirement("tx/other-channel-unaffected")
def test_other_channel(raw: RawClients, names: Names) -> None:
    """Another channel of the connection is not transactional."""
    trader = transactional(raw)
    queue = new_queue(trader, names)
    fill(trader, queue, [b"at once"], channel=2)
    verify_ready(trader, queue, b"at once")


@pytest.mark.requirement("tx/commit-refused")
def test_commit_refused(raw: RawClients, names: Names) -> None:
    """A commit that a full queue refuses a message of is answered with 406; the rest is done."""
    client, other = raw(), raw()
    limits = {"x-max-length": 0, "x-overflow": "reject-publish"}
    full = new_queue(client, names, arguments=limits)
    queue = new_queue(client, names)
    client.call(1, "tx.select")
    fill(client, queue, [b"taken"])
    client.call(1, "tx.commit")
    fill(client, full, [b"refused"])
    fill(client, queue, [b"taken as well"])
    client.send(1, "tx.commit")
    client.expect_channel_close(1, 406, method="tx.commit")
    verify.eventually(lambda: ready(other, queue), "messages ready", wanted=2)
    verify.equal(drain(other, queue), [b"taken", b"taken as well"], "queue")


@pytest.mark.requirement("tx/route-on-publish")
@pytest.mark.parametrize(
    ("exchange", "headers"),
    [("amq.direct", {}), ("amq.fanout", {"CC": ["nowhere"]}), ("amq.headers", {})],
    ids=["key", "CC", "headers"],
)
def test_route_on_publish(
    raw: RawClients, names: Names, exchange: str, headers: dict[str, Any]
) -> None:
    """A binding that is made between publish and commit comes too late for the message."""
    trader = transactional(raw)
    early, late, key = new_queue(trader, names), new_queue(trader, names), names()
    match = {"key": key}
    ends: dict[str, Any] = {"exchange": exchange, "routing_key": key, "arguments": match}
    trader.call(2, "queue.bind", queue=early, **ends)
    trader.publish(1, exchange, key, b"1", headers={**headers, **match})
    trader.sync(1)
    trader.call(2, "queue.bind", queue=late, **ends)
    trader.call(1, "tx.commit")
    verify_ready(trader, early, b"1")
    verify_ready(trader, late)


@pytest.mark.requirement("tx/queue-declared-late")
def test_queue_declared_late(raw: RawClients, names: Names) -> None:
    """By the default exchange a message reaches a queue that is declared before the commit."""
    trader = transactional(raw)
    queue, copied, never = names(), names(), names()
    trader.publish(1, "", queue, b"early", mandatory=True, headers={"CC": [copied]})
    trader.publish(1, "", never, b"lost", mandatory=True)
    trader.sync(1)
    for where in (queue, copied):
        trader.call(2, "queue.declare", queue=where)
    trader.send(1, "tx.commit")
    trader.expect_content(1, "basic.return", b"lost")
    trader.expect(1, "tx.commit-ok")
    for where in (queue, copied):
        verify_ready(trader, where, b"early")


@pytest.mark.requirement("tx/queue-declared-again")
def test_queue_declared_again(raw: RawClients, names: Names) -> None:
    """A message finds its queue by name at the commit: also one that is younger than it."""
    trader = transactional(raw)
    queue, gone = new_queue(trader, names), new_queue(trader, names)
    for where in (queue, gone):
        trader.publish(1, "", where, b"early", mandatory=True)
    trader.sync(1)
    for where in (queue, gone):
        trader.call(2, "queue.delete", queue=where)
    trader.call(2, "queue.declare", queue=queue)
    trader.send(1, "tx.commit")
    trader.expect_content(1, "basic.return", b"early")
    trader.expect(1, "tx.commit-ok")
    verify_ready(trader, queue, b"early")
