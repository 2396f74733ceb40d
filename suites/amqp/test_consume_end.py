"""How consumers end: basic.cancel from the client, basic.cancel from the broker."""

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue, reopen, stocked_queue, take, verify_left
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


@pytest.mark.requirement("consume/cancel")
def test_cancel(client: RawClient, names: Names) -> None:
    """Cancel is answered by cancel-ok, after which nothing is delivered."""
    queue = new_queue(client, names)
    tag = client.consume(1, queue)
    cancelled = client.call(1, "basic.cancel", consumer_tag=tag)
    verify.equal(cancelled["consumer_tag"], tag, "tag in cancel-ok")
    fill(client, queue, [b"stays"])
    verify.equal(drain(client, queue), [b"stays"], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("consume/cancel-unknown")
def test_cancel_unknown(client: RawClient, names: Names) -> None:
    """Cancelling a tag that is not in use is answered by cancel-ok."""
    tag = names()
    cancelled = client.call(1, "basic.cancel", consumer_tag=tag)
    verify.equal(cancelled["consumer_tag"], tag, "tag in cancel-ok")


@pytest.mark.requirement("consume/cancel-nowait")
def test_cancel_nowait(client: RawClient, names: Names) -> None:
    """A cancel with no-wait is not answered, and ends the consumer."""
    queue = new_queue(client, names)
    tag = client.consume(1, queue)
    client.send(1, "basic.cancel", consumer_tag=tag, no_wait=True)
    fill(client, queue, [b"stays"])
    verify.equal(drain(client, queue), [b"stays"], "queue")
    client.expect_quiet(1)


@pytest.mark.requirement("consume/cancel-keeps-unacked")
def test_cancel_keeps_unacked(client: RawClient, names: Names) -> None:
    """What a cancelled consumer holds stays with the channel, which may acknowledge it."""
    queue = stocked_queue(client, names, b"1", b"2")
    tag = client.consume(1, queue)
    first, _ = take(client, b"1", b"2")
    client.call(1, "basic.cancel", consumer_tag=tag)
    verify.equal(drain(client, queue), [], "queue after the cancel")
    client.send(1, "basic.ack", delivery_tag=first["delivery_tag"])
    verify_left(client, queue, b"2")


@pytest.mark.requirement("consume/cancel-then-queue-gone")
def test_cancel_queue_gone(client: RawClient, names: Names) -> None:
    """Cancelling a consumer whose queue was deleted is answered by cancel-ok."""
    queue = new_queue(client, names)
    tag = client.consume(1, queue)
    client.call(1, "queue.delete", queue=queue)
    cancelled = client.call(1, "basic.cancel", consumer_tag=tag)
    verify.equal(cancelled["consumer_tag"], tag, "tag in cancel-ok")


@pytest.mark.needs("consumer_cancel_notify")
@pytest.mark.requirement("consume/cancel-notify")
def test_cancel_notify(raw: RawClients, names: Names) -> None:
    """When its queue is deleted a consumer is told by basic.cancel, if its client wants that."""
    client = raw(channels=2, capabilities={"consumer_cancel_notify": True})
    queue = new_queue(client, names)
    tag = client.consume(1, queue)
    client.call(2, "queue.delete", queue=queue)
    verify.equal(client.expect(1, "basic.cancel")["consumer_tag"], tag, "tag in cancel")


@pytest.mark.needs("consumer_cancel_notify")
@pytest.mark.requirement("consume/cancel-notify-off")
def test_cancel_notify_off(raw: RawClients, names: Names) -> None:
    """A client that did not announce consumer_cancel_notify is told nothing."""
    plain = raw(capabilities={})
    capable = raw(capabilities={"consumer_cancel_notify": True})
    queue = new_queue(plain, names)
    plain.consume(1, queue)
    capable.consume(1, queue)
    plain.call(1, "queue.delete", queue=queue)
    capable.expect(1, "basic.cancel")
    plain.expect_nothing(1)


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/priority")
def test_priority(client: RawClient, names: Names) -> None:
    """A consumer of higher x-priority gets all while it can take more."""
    queue = new_queue(client, names)
    client.consume(1, queue, consumer_tag="usual")
    client.consume(1, queue, consumer_tag="preferred", arguments={"x-priority": 10})
    fill(client, queue, [b"1", b"2", b"3"])
    tags = [delivery["consumer_tag"] for delivery in take(client, b"1", b"2", b"3")]
    verify.equal(tags, ["preferred"] * 3, "consumers")


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/priority-blocked")
def test_priority_blocked(client: RawClient, names: Names) -> None:
    """While the preferred consumer is at its prefetch limit the other one is served."""
    queue = new_queue(client, names)
    client.consume(1, queue, consumer_tag="usual")
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, queue, consumer_tag="preferred", arguments={"x-priority": 10})
    fill(client, queue, [b"1", b"2", b"3"])
    deliveries = take(client, b"1", b"2", b"3")
    client.send(1, "basic.ack", delivery_tag=deliveries[0]["delivery_tag"])
    fill(client, queue, [b"4"])
    tags = [delivery["consumer_tag"] for delivery in [*deliveries, *take(client, b"4")]]
    verify.equal(tags, ["preferred", "usual", "usual", "preferred"], "consumers")


def expect_back(client: RawClient, queue: str, *, requeue: bool) -> None:
    """The preferred consumer rejects its message, at its limit, and gets it, not the other one."""
    client.consume(1, queue, consumer_tag="usual")
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, queue, consumer_tag="preferred", arguments={"x-priority": 10})
    fill(client, queue, [b"1", b"2"])
    first, _ = take(client, b"1", b"2")
    client.send(1, "basic.reject", delivery_tag=first["delivery_tag"], requeue=requeue)
    again = client.expect_content(1, "basic.deliver", b"1")
    verify.equal(again["consumer_tag"], "preferred", "consumer of what came back")


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/priority-requeue")
def test_priority_requeue(client: RawClient, names: Names) -> None:
    """What the preferred consumer gives back at its limit comes to it again, as it has room."""
    expect_back(client, new_queue(client, names), requeue=True)


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/priority-dead-letter")
def test_priority_dead_letter(client: RawClient, names: Names) -> None:
    """What the preferred consumer rejects, and comes back as a dead letter, is for it again."""
    queue = names()
    circle = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": queue}
    client.call(1, "queue.declare", queue=queue, arguments=circle)
    expect_back(client, queue, requeue=False)


@pytest.mark.requirement("consume/requeue-keeps-turns")
def test_requeue_keeps_turns(client: RawClient, names: Names) -> None:
    """Who gives a message back at its limit stands in line for the next, behind who takes that."""
    queue = new_queue(client, names)
    client.open_channel(2)
    client.consume(2, queue)
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, queue)
    fill(client, queue, [b"1", b"2", b"3", b"4"])
    for body in (b"1", b"3", b"4"):
        client.expect_content(2, "basic.deliver", body)
    (held,) = take(client, b"2")
    client.send(1, "basic.nack", delivery_tag=held["delivery_tag"], requeue=True)
    client.expect_content(2, "basic.deliver", b"2")
    fill(client, queue, [b"5"])
    take(client, b"5")


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/priority-shared-limit")
def test_priority_shared_limit(client: RawClient, names: Names) -> None:
    """Under a limit of the channel the preferred consumer gets all, though it had the last one."""
    queue = new_queue(client, names)
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    client.consume(1, queue, consumer_tag="preferred", arguments={"x-priority": 10})
    client.consume(1, queue, consumer_tag="other")
    bodies = (b"1", b"2", b"3")
    fill(client, queue, list(bodies))
    for body in bodies:
        delivery = client.expect_content(1, "basic.deliver", body)
        verify.equal(delivery["consumer_tag"], "preferred", f"consumer of {body!r}")
        client.send(1, "basic.ack", delivery_tag=delivery["delivery_tag"])


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/priority-invalid")
def test_priority_invalid(client: RawClient, names: Names) -> None:
    """An x-priority that is no integer closes the channel with 406."""
    queue = new_queue(client, names)
    client.send(1, "basic.consume", queue=queue, arguments={"x-priority": "high"})
    client.expect_channel_close(1, 406, method="basic.consume")


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/priority-negative")
def test_priority_negative(client: RawClient, names: Names) -> None:
    """A negative x-priority is accepted, and ranks below a consumer without one."""
    queue = new_queue(client, names)
    client.consume(1, queue, consumer_tag="last", arguments={"x-priority": -1})
    client.consume(1, queue, consumer_tag="usual")
    fill(client, queue, [b"1", b"2"])
    tags = [delivery["consumer_tag"] for delivery in take(client, b"1", b"2")]
    verify.equal(tags, ["usual", "usual"], "consumers")


@pytest.mark.requirement("consume/sac-one-active")
def test_single_active(client: RawClient, names: Names) -> None:
    """Of the consumers of a queue with x-single-active-consumer only the first is served."""
    queue = new_queue(client, names, arguments={"x-single-active-consumer": True})
    for tag in ("active", "waiting"):
        client.consume(1, queue, consumer_tag=tag)
    fill(client, queue, [b"1", b"2", b"3"])
    tags = [delivery["consumer_tag"] for delivery in take(client, b"1", b"2", b"3")]
    verify.equal(tags, ["active"] * 3, "consumers")


@pytest.mark.requirement("consume/sac-failover")
def test_single_active_failover(client: RawClient, names: Names) -> None:
    """When the active consumer is cancelled the next one takes over."""
    queue = new_queue(client, names, arguments={"x-single-active-consumer": True})
    for tag in ("active", "waiting"):
        client.consume(1, queue, consumer_tag=tag)
    client.call(1, "basic.cancel", consumer_tag="active")
    fill(client, queue, [b"1"])
    verify.equal(take(client, b"1")[0]["consumer_tag"], "waiting", "consumer")


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("consume/sac-priority")
def test_single_active_priority(client: RawClient, names: Names) -> None:
    """Who is preferred does not take over, but is the next when the active consumer leaves."""
    queue = new_queue(client, names, arguments={"x-single-active-consumer": True})
    for tag, priority in (("active", 0), ("first", 0), ("preferred", 5), ("late", 5)):
        client.consume(1, queue, consumer_tag=tag, arguments={"x-priority": priority})
    fill(client, queue, [b"1"])
    served = take(client, b"1")
    client.call(1, "basic.cancel", consumer_tag="active")
    fill(client, queue, [b"2"])
    served += take(client, b"2")
    tags = [delivery["consumer_tag"] for delivery in served]
    verify.equal(tags, ["active", "preferred"], "consumers")


@pytest.mark.requirement("consume/sac-backlog")
def test_single_active_backlog(client: RawClient, names: Names) -> None:
    """What waits, since the active consumer is at its limit, goes to the next when that leaves."""
    queue = new_queue(client, names, arguments={"x-single-active-consumer": True})
    client.call(1, "basic.qos", prefetch_count=1)
    for tag in ("active", "waiting"):
        client.consume(1, queue, consumer_tag=tag)
    fill(client, queue, [b"1", b"2"])
    take(client, b"1")
    client.call(1, "basic.cancel", consumer_tag="active")
    client.expect_content(1, "basic.deliver", b"2")


@pytest.mark.requirement("consume/sac-channel-gone")
def test_single_active_channel_gone(raw: RawClients, names: Names) -> None:
    """When the channel of the active consumer closes, none of its other consumers is served."""
    client = raw(channels=2)
    queue = new_queue(client, names, arguments={"x-single-active-consumer": True})
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, queue)
    client.consume(1, queue, no_ack=True)
    fill(client, queue, [b"1", b"2"], channel=2)
    take(client, b"1", channel=1)
    client.call(1, "channel.close", reply_code=200)
    client.consume(2, queue)
    take(client, b"1", b"2", channel=2)


@pytest.mark.requirement("consume/sac-unacked-on-failover")
def test_single_active_unacked(raw: RawClients, names: Names) -> None:
    """What the cancelled active consumer holds stays with it until its channel closes."""
    client = raw(channels=2)
    queue = new_queue(client, names, arguments={"x-single-active-consumer": True})
    tag = client.consume(1, queue)
    client.consume(2, queue)
    fill(client, queue, [b"held"])
    take(client, b"held", channel=1)
    client.call(1, "basic.cancel", consumer_tag=tag)
    fill(client, queue, [b"new"], channel=2)
    take(client, b"new", channel=2)
    reopen(client, 1)
    verify.equal(take(client, b"held", channel=2)[0]["redelivered"], True, "redelivered")


@pytest.mark.requirement("consume/sac-exclusive")
def test_single_active_exclusive(client: RawClient, names: Names) -> None:
    """An exclusive consumer on a queue with x-single-active-consumer is refused with 403."""
    queue = new_queue(client, names, arguments={"x-single-active-consumer": True})
    client.send(1, "basic.consume", queue=queue, exclusive=True)
    client.expect_channel_close(1, 403, method="basic.consume")
