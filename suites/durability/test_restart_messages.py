import time
from collections.abc import Callable
from typing import Any

import pytest

from suites import verify
from suites.amqp.topology import expect_queue
from suites.clients.raw import RawClient
from suites.durability.endurance import KILL, RESTART, After, Before, Stage
from suites.durability.steps import TRANSIENT, bodies, durable_exchange, durable_queue, fetch, keep

pytestmark = pytest.mark.needs("restart", "durable")

before = Before()

Observe = Callable[[str], None]

TTL = 3.0  # seconds
SLACK = 1.0  # seconds that a busy machine may take to notice what has expired
LARGE = bytes(range(251)) * 4178  # 1 MiB and some octets: several frames, no power of two


@before
def expiring(stage: Stage) -> tuple[str, str, float]:
    """A message that expires while the broker is away or soon after; queue, letters, and when."""
    client = stage.client()
    letters = durable_queue(stage, client)
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": letters}
    queue = durable_queue(stage, client, **arguments)
    keep(client, queue, b"old", expiration=str(int(TTL * 1000)))
    return queue, letters, time.monotonic() + TTL


@pytest.mark.requirement("durability/ttl-over-restart", "dlx/durable-down", "ttl/restart-clock")
def test_expiry(after: After, client: RawClient) -> None:
    """A message's time runs on while the broker is away; then it goes to the dead letters."""
    queue, letters, due = after(expiring)

    def arrived() -> int:
        declared = client.call(1, "queue.declare", queue=letters, passive=True)
        return int(declared["message_count"])

    patience = max(due, after.started) + SLACK - time.monotonic()
    verify.eventually(arrived, "dead letters", within=max(patience, SLACK), wanted=1)
    verify.equal(bodies(client, letters), [b"old"], "dead letters")
    expect_queue(client, queue)


@before
def waiting(stage: Stage) -> str:
    """A queue with a persistent message that was never out."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, b"kept")
    return queue


@pytest.mark.requirement("durability/persistent-message-restart")
def test_persistent_message(after: After, client: RawClient, observe: Observe) -> None:
    """A persistent message in a durable queue is there."""
    found = fetch(client, after(waiting))
    verify.equal([message.body for message in found], [b"kept"], "bodies")
    if found[0]["redelivered"]:
        observe("flagged as redelivered although it was never out")


@before
def transient(stage: Stage) -> str:
    """A durable queue with a message that is not persistent, before one that is."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, b"transient", delivery_mode=TRANSIENT)
    keep(client, queue, b"persistent")
    return queue


@pytest.mark.requirement("durability/transient-message-restart")
def test_transient_message(after: After, client: RawClient) -> None:
    """A message that is not persistent is gone, also from a durable queue."""
    verify.equal(bodies(client, after(transient)), [b"persistent"], "bodies")


@before
def interleaved(stage: Stage) -> str:
    """Persistent messages with others between them."""
    client = stage.client()
    queue = durable_queue(stage, client)
    for number in range(20):
        keep(client, queue, b"%d" % number, delivery_mode=1 + number % 2)
    return queue


@pytest.mark.requirement("durability/mixed-persistence-restart")
def test_mixed_persistence(after: After, client: RawClient) -> None:
    """Of persistent and other messages in turn the persistent ones are there, in their order."""
    expected = [b"%d" % number for number in range(1, 20, 2)]
    verify.equal(bodies(client, after(interleaved)), expected, "bodies")


@before
def acked(stage: Stage) -> str:
    """A queue of which some messages were acked, which a round trip then proves processed."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, *(b"%d" % number for number in range(6)))
    for number in range(6):
        message = client.get(1, queue, no_ack=False)
        if message is not None and number % 2 == 0:
            client.send(1, "basic.ack", delivery_tag=message["delivery_tag"])
    client.call(1, "basic.recover", requeue=True)
    client.sync(1)
    return queue


@pytest.mark.requirement("durability/acked-stays-acked")
def test_acked(after: After, client: RawClient, observe: Observe) -> None:
    """Acked messages do not come back; those that were requeued are there, in their order.

    After a kill, which has a requirement of its own, they may, flagged.
    """
    found = fetch(client, after(acked))
    back = [m for m in found if after.how == KILL and m["redelivered"] and int(m.body) % 2 == 0]
    if back:
        observe(f"{len(back)} of 3 acked messages came back after the kill")
    rest = [message.body for message in found if message not in back]
    verify.equal(rest, [b"1", b"3", b"5"], "bodies")


@before
def held(stage: Stage) -> str:
    """A queue of which one message was got, one delivered, and one never out."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, b"got", b"delivered", b"never out")
    client.get(1, queue, no_ack=False)
    client.call(1, "basic.qos", prefetch_count=1)
    client.consume(1, queue)
    client.find(1, "basic.deliver")
    return queue


@pytest.mark.requirement("durability/unacked-redelivered")
def test_unacked(after: After, client: RawClient) -> None:
    """What was out and not acked is there, in its place, and flagged as redelivered."""
    found = [(m.body, m["redelivered"]) for m in fetch(client, after(held))]
    verify.equal([body for body, _ in found], [b"got", b"delivered", b"never out"], "bodies")
    verify.equal([flag for _, flag in found[:2]], [True, True], "redelivered")
    if after.how == RESTART:  # after a crash a broker may not know, and flag them all
        verify.equal(found[2][1], expected=False, what="redelivered, of what was never out")


@before
def long_line(stage: Stage) -> str:
    """A hundred messages, some of them got and given back in between."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, *(b"%d" % number for number in range(100)))
    for _ in range(30):
        client.get(1, queue, no_ack=False)
    client.send(1, "basic.nack", delivery_tag=20, multiple=True, requeue=True)
    client.sync(1)
    return queue


@pytest.mark.requirement("durability/order-after-restart")
def test_order(after: After, client: RawClient) -> None:
    """The order of publishing holds, also for what was out or was given back."""
    expected = [b"%d" % number for number in range(100)]
    verify.equal(bodies(client, after(long_line)), expected, "bodies")


PROPERTIES: dict[str, Any] = {
    "content_type": "text/plain; charset=utf-8",
    "content_encoding": "gzip",
    "headers": {
        "text": "Grüße",
        "octets": b"\x00\xff",
        "numbers": [1, -1, 2**40, 1.5, True, None],
        "table": {"deep": {"er": "x"}},
    },
    "priority": 3,
    "correlation_id": "c-1",
    "reply_to": "somewhere",
    "message_id": "m-1",
    "timestamp": 1_700_000_000,
    "type": "t",
    "user_id": "guest",
    "app_id": "suite",
    "cluster_id": "none",
}


@before
def decorated(stage: Stage) -> str:
    """The same message in a queue twice; the first is got before the restart for comparison."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, b"x", b"x", **PROPERTIES)
    return queue


@pytest.mark.requirement("durability/properties-after-restart")
def test_properties(after: After, client: RawClient) -> None:
    """All properties and headers come back octet for octet."""
    found, again = fetch(client, after(decorated))
    verify.equal(found.properties, {**PROPERTIES, "delivery_mode": 2}, "properties")
    client.call(1, "confirm.select")
    queue = after(decorated)
    keep(client, queue, b"x", **PROPERTIES)
    (fresh,) = fetch(client, queue)
    verify.equal(found.header, fresh.header, "content header")
    verify.equal(again.header, fresh.header, "content header")


@before
def large(stage: Stage) -> str:
    """A message of more than 1 MiB, between small ones."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, b"before", LARGE, b"", b"after")
    return queue


@pytest.mark.requirement("durability/large-body-after-restart")
def test_large_body(after: After, client: RawClient) -> None:
    """A body of several frames comes back as it was."""
    found = bodies(client, after(large))
    verify.equal([len(body) for body in found], [6, len(LARGE), 0, 5], "sizes")
    verify.true(found[1] == LARGE, "the same octets", "other octets")


@before
def spread(stage: Stage) -> list[str]:
    """One message in five durable queues, by one publish."""
    client = stage.client()
    exchange = durable_exchange(stage, client, "fanout")
    queues = [durable_queue(stage, client) for _ in range(5)]
    for queue in queues:
        client.call(1, "queue.bind", queue=queue, exchange=exchange)
    keep(client, "", b"x", exchange=exchange)
    return queues


@pytest.mark.requirement("durability/multi-queue-persistence")
def test_many_queues(after: After, client: RawClient) -> None:
    """A message that went to several queues is once in each."""
    found = [bodies(client, queue) for queue in after(spread)]
    verify.equal(found, [[b"x"]] * 5, "bodies")


@before
def purged(stage: Stage) -> str:
    """A queue that was purged, and got one message more."""
    client = stage.client()
    queue = durable_queue(stage, client)
    keep(client, queue, b"1", b"2", b"3")
    client.call(1, "queue.purge", queue=queue)
    keep(client, queue, b"4")
    return queue


@pytest.mark.requirement("durability/purge-then-restart")
def test_purged(after: After, client: RawClient) -> None:
    """Purged messages stay gone."""
    verify.equal(bodies(client, after(purged)), [b"4"], "bodies")


@before
def ranked(stage: Stage) -> str:
    """A priority queue, filled in turns."""
    client = stage.client()
    queue = durable_queue(stage, client, **{"x-max-priority": 9})
    for number in range(9):
        keep(client, queue, b"%d" % number, priority=number % 3)
    return queue


@pytest.mark.requirement("durability/priority-over-restart")
def test_priorities(after: After, client: RawClient) -> None:
    """The highest priority comes first, and within one priority what was first."""
    expected = [b"2", b"5", b"8", b"1", b"4", b"7", b"0", b"3", b"6"]
    verify.equal(bodies(client, after(ranked)), expected, "bodies")


@before
def committed(stage: Stage) -> str:
    """A queue with a transaction that was committed, one rolled back, one left open."""
    client = stage.client()
    queue = durable_queue(stage, client)
    client.open_channel(2)
    client.call(2, "tx.select")
    for body in (b"1", b"2"):
        client.publish(2, "", queue, body, delivery_mode=2)
    client.call(2, "tx.commit")
    client.publish(2, "", queue, b"rolled back", delivery_mode=2)
    client.call(2, "tx.rollback")
    client.publish(2, "", queue, b"left open", delivery_mode=2)
    client.sync(2)
    return queue


@pytest.mark.requirement("tx/persistent-commit-survives")
def test_transactions(after: After, client: RawClient) -> None:
    """What was committed is there, and nothing else."""
    verify.equal(bodies(client, after(committed)), [b"1", b"2"], "bodies")
