"""Several clients at one queue: each message in one hand, and no reply that nobody can explain."""

from collections import Counter
from itertools import chain

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, new_queue
from suites.amqp.topology import expect_no_queue, leave
from suites.clients.raw import RawClient
from suites.clients.received import Delivery, Received
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.verify import Mismatch

PATIENCE = 30.0  # seconds for any step, on a busy machine


def numbered(count: int) -> list[bytes]:
    """So many different bodies."""
    return [b"%04d" % number for number in range(count)]


def stock(client: RawClient, queue: str, bodies: list[bytes]) -> None:
    """Publish these on channel 1, and wait until the queue has them."""
    client.call(1, "confirm.select")
    fill(client, queue, bodies)
    while client.find(1, "basic.ack")["delivery_tag"] < len(bodies):
        pass


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("get/concurrent")
def test_concurrent_gets(raw: RawClients, names: Names) -> None:
    """Of many clients that poll a queue at once, each message goes to one."""
    maker, clients = raw(timeout=PATIENCE), [raw(timeout=PATIENCE) for _ in range(8)]
    queue, bodies = new_queue(maker, names), numbered(200)
    stock(maker, queue, bodies)
    each = 2 * len(bodies) // len(clients)
    for _ in range(each):
        for client in clients:
            client.send(1, "basic.get", queue=queue, no_ack=True)
    answers = [
        client.expect(1, "basic.get-ok", "basic.get-empty")
        for client in clients
        for _ in range(each)
    ]
    got = [answer.body for answer in answers if isinstance(answer, Delivery)]
    verify.equal(sorted(got), bodies, "all that was fetched")


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("order/requeue-with-consumers")
def test_requeue_with_consumers(raw: RawClients, names: Names) -> None:
    """Messages that competing consumers refuse once come again, none lost and none in two hands."""
    client = raw(channels=4, timeout=PATIENCE)
    queue, bodies = new_queue(client, names), numbered(100)
    for channel in (2, 3, 4):
        client.call(channel, "basic.qos", prefetch_count=7)
        client.consume(channel, queue)
    fill(client, queue, bodies)
    refused: set[bytes] = set()
    acked: list[bytes] = []
    while len(acked) < len(bodies):
        delivery = client.read_method()
        if not isinstance(delivery, Delivery):
            raise Mismatch("basic.deliver", str(delivery))
        again = delivery.body in refused
        how, more = ("basic.ack", {}) if again else ("basic.reject", {"requeue": True})
        (acked.append if again else refused.add)(delivery.body)
        client.send(delivery.channel, how, delivery_tag=delivery["delivery_tag"], **more)
    verify.equal(sorted(acked), bodies, "acknowledged messages")
    for channel in (2, 3, 4):
        client.expect_nothing(channel)
    verify.equal(drain(client, queue), [], "queue")


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("order/single-copy-in-flight")
def test_single_copy_in_flight(raw: RawClients, names: Names) -> None:
    """What one consumer holds no other is given, until the first has left."""
    maker = raw(timeout=PATIENCE)
    first, second, third = (raw(timeout=PATIENCE) for _ in range(3))
    queue, bodies = new_queue(maker, names), numbered(90)
    for client in (first, second, third):
        client.call(1, "basic.qos", prefetch_count=30)
        client.consume(1, queue)
    stock(maker, queue, bodies)
    held = [[taken(client) for _ in range(30)] for client in (first, second, third)]
    verify.equal(sorted(chain(*held)), bodies, "all that is held")
    for client in (second, third):
        client.expect_nothing(1)
        client.call(1, "basic.qos", prefetch_count=0)
        client.consume(1, queue)
    leave(first)
    again: list[bytes] = []

    def count() -> int:
        again.extend(taken(client) for client in (second, third) if has(client))
        return len(again)

    verify.eventually(count, "messages given again", within=PATIENCE, wanted=30)
    verify.equal(sorted(again), sorted(held[0]), "what the first had held")


def taken(client: RawClient) -> bytes:
    """The body of the next message that the client's consumers are given."""
    return client.expect_content(1, "basic.deliver").body


def has(client: RawClient) -> bool:
    """Whether a round trip finds a delivery that waits for this client."""
    client.sync(1)
    try:
        client.expect_quiet(1)
    except Mismatch:
        return True
    return False


@pytest.mark.requirement("reject/loop-no-spin")
def test_reject_loop(raw: RawClients, names: Names) -> None:
    """A consumer that puts back all it gets does not keep another from its work."""
    client = raw(channels=3, timeout=PATIENCE)
    queue, bodies = new_queue(client, names), numbered(50)
    for channel in (2, 3):
        client.call(channel, "basic.qos", prefetch_count=1)
        client.consume(channel, queue)
    fill(client, queue, bodies)
    done: list[bytes] = []
    refused = 0
    while len(done) < len(bodies):
        delivery = client.read_method()
        tag = delivery["delivery_tag"]
        if delivery.channel == 2:
            refused += 1
            verify.true(refused < 100_000, "progress", f"{len(done)} done, {refused} refused")
            client.send(2, "basic.reject", delivery_tag=tag, requeue=True)
        elif isinstance(delivery, Delivery):
            done.append(delivery.body)
            client.send(3, "basic.ack", delivery_tag=tag)
    verify.equal(sorted(done), bodies, "what the other consumer got")


@pytest.mark.needs("publisher_confirms")
@pytest.mark.requirement("publish/while-queue-deleted")
def test_publish_while_deleted(raw: RawClients, names: Names) -> None:
    """Publishing to a queue that is deleted and made anew all the time is confirmed or dropped."""
    publisher, other = raw(timeout=PATIENCE), raw(timeout=PATIENCE)
    queue, rounds, each = new_queue(other, names), 40, 10
    publisher.call(1, "confirm.select")
    deleted = 0
    for _ in range(rounds):
        fill(publisher, queue, [b"m"] * each)
        deleted += other.call(1, "queue.delete", queue=queue)["message_count"]
        other.call(1, "queue.declare", queue=queue)
    settled = 0
    while settled < rounds * each:
        confirm = publisher.expect(1, "basic.ack", "basic.nack")
        settled = confirm["delivery_tag"] if confirm["multiple"] else settled + 1
    verify.between(deleted + len(drain(other, queue)), 0, rounds * each, "messages that were seen")
    publisher.expect_nothing(1)


@pytest.mark.requirement("queue/declare-delete-race")
def test_declare_delete_race(raw: RawClients, names: Names) -> None:
    """Clients that declare and delete one queue at once all get the replies that they wait for."""
    clients = [raw(timeout=PATIENCE) for _ in range(6)]
    queue, rounds = names(), 30
    clients[0].send(1, "queue.delete", queue=queue)
    if clients[0].read_method(1).name == "channel.close":
        verify.unsupported("to delete a missing queue is an error here, so nobody can race for it")
    for _ in range(rounds):
        for client in clients:
            client.send(1, "queue.declare", queue=queue)
            client.send(1, "queue.delete", queue=queue)
    seen: Counter[str] = Counter()
    for client in clients:
        for _ in range(rounds):
            for expected in ("queue.declare-ok", "queue.delete-ok"):
                answer: Received = client.expect(1, expected)
                seen[answer.name] += 1
    total = rounds * len(clients)
    wanted = {"queue.declare-ok": total, "queue.delete-ok": total}
    verify.equal(dict(seen), wanted, "replies")
    expect_no_queue(clients[0], queue)
    clients[0].call(1, "queue.declare", queue=queue)
    verify.equal(drain(clients[1], queue), [], "queue")
