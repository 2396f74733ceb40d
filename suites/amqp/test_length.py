"""x-max-length, x-max-length-bytes and x-overflow: how much a queue may hold."""

import pytest

from suites import verify
from suites.amqp.steps import drain, fill, hold, take
from suites.amqp.topology import own_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

PERSISTENT = 2
MANY = 2000


@pytest.mark.requirement("length/drop-head")
@pytest.mark.parametrize("overflow", [{}, {"x-overflow": "drop-head"}], ids=["default", "said"])
def test_drop_head(client: RawClient, names: Names, overflow: dict[str, str]) -> None:
    """Beyond x-max-length the oldest messages are dropped."""
    queue = own_queue(client, names, **{"x-max-length": 3}, **overflow)
    fill(client, queue, [b"1", b"2", b"3", b"4", b"5"])
    verify.equal(drain(client, queue), [b"3", b"4", b"5"], "queue")


@pytest.mark.requirement("length/bytes")
@pytest.mark.parametrize(
    ("bodies", "left"),
    [
        ([b"1111", b"2222", b"33"], [b"1111", b"2222", b"33"]),
        ([b"1111", b"2222", b"333"], [b"2222", b"333"]),
        ([b"1111", b"2222", b"3333333333"], [b"3333333333"]),
        ([b"1111", b"22222222222"], []),
        ([b"1111", b"22222222222", b"33"], [b"33"]),
    ],
    ids=["fits", "one-out", "all-older-out", "larger-than-the-queue", "and-goes-on"],
)
def test_bytes(client: RawClient, names: Names, bodies: list[bytes], left: list[bytes]) -> None:
    """Beyond x-max-length-bytes, a sum of bodies, the oldest are dropped until the rest fits."""
    queue = own_queue(client, names, **{"x-max-length-bytes": 10})
    fill(client, queue, bodies)
    verify.equal(drain(client, queue), left, "queue")


@pytest.mark.requirement("length/both")
@pytest.mark.parametrize(
    ("bodies", "left"),
    [([b"1", b"2", b"3"], [b"2", b"3"]), ([b"111111", b"222222"], [b"222222"])],
    ids=["number", "octets"],
)
def test_both(client: RawClient, names: Names, bodies: list[bytes], left: list[bytes]) -> None:
    """With both limits, the one that is reached first counts."""
    queue = own_queue(client, names, **{"x-max-length": 2, "x-max-length-bytes": 10})
    fill(client, queue, bodies)
    verify.equal(drain(client, queue), left, "queue")


@pytest.mark.requirement("length/reject-publish")
@pytest.mark.needs("publisher_confirms", "basic.nack")
@pytest.mark.parametrize("limit", [{"x-max-length": 2}, {"x-max-length-bytes": 2}], ids=str)
def test_reject_publish(client: RawClient, names: Names, limit: dict[str, int]) -> None:
    """With reject-publish the newest are dropped, and their publisher is told by basic.nack."""
    client.call(1, "confirm.select")
    queue = own_queue(client, names, **limit, **{"x-overflow": "reject-publish"})
    outcomes = []
    for body in (b"1", b"2", b"3", b"4"):
        client.publish(1, "", queue, body)
        outcomes.append(client.find(1, "basic.ack", "basic.nack").name)
    verify.equal(outcomes, ["basic.ack"] * 2 + ["basic.nack"] * 2, "confirms")
    verify.equal(drain(client, queue), [b"1", b"2"], "queue")


@pytest.mark.requirement("length/unacked-not-counted")
def test_unacked_not_counted(client: RawClient, names: Names) -> None:
    """Messages that are delivered and not yet acknowledged do not count."""
    queue = own_queue(client, names, **{"x-max-length": 2})
    fill(client, queue, [b"1", b"2"])
    tags = hold(client, queue, b"1", b"2")
    fill(client, queue, [b"3", b"4"])
    client.send(1, "basic.ack", delivery_tag=tags[-1], multiple=True)
    verify.equal(drain(client, queue), [b"3", b"4"], "queue")


@pytest.mark.requirement("length/zero")
@pytest.mark.parametrize("limit", ["x-max-length", "x-max-length-bytes"])
def test_zero(raw: RawClients, names: Names, limit: str) -> None:
    """A queue that may hold nothing passes messages on to a consumer that is ready."""
    client = raw(channels=2)
    queue = own_queue(client, names, **{limit: 0})
    fill(client, queue, [b"dropped"])
    verify.equal(drain(client, queue), [], "queue")
    client.consume(2, queue, no_ack=True)
    fill(client, queue, [b"passed on"])
    take(client, b"passed on", channel=2)


@pytest.mark.requirement("length/requeue-over")
@pytest.mark.needs("basic.nack")
def test_requeue_over(client: RawClient, names: Names) -> None:
    """When messages come back beyond the limit, the queue drops from its head."""
    queue = own_queue(client, names, **{"x-max-length": 2})
    fill(client, queue, [b"1", b"2"])
    tags = hold(client, queue, b"1", b"2")
    fill(client, queue, [b"3"])
    client.send(1, "basic.nack", delivery_tag=tags[-1], multiple=True, requeue=True)
    verify.equal(drain(client, queue), [b"2", b"3"], "queue")


@pytest.mark.requirement("length/requeue-over-reject")
@pytest.mark.parametrize("overflow", ["reject-publish", "reject-publish-dlx"])
def test_requeue_over_reject(client: RawClient, names: Names, overflow: str) -> None:
    """A queue that rejects publishes drops nothing when messages come back beyond the limit."""
    queue = own_queue(client, names, **{"x-max-length": 2, "x-overflow": overflow})
    fill(client, queue, [b"1", b"2"])
    [tag] = hold(client, queue, b"1")
    fill(client, queue, [b"3"])
    client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    verify.equal(drain(client, queue), [b"1", b"2", b"3"], "queue")


@pytest.mark.requirement("length/redeclare")
@pytest.mark.parametrize("limit", ["x-max-length", "x-max-length-bytes"])
def test_redeclare(client: RawClient, names: Names, limit: str) -> None:
    """A queue that is declared again with another limit closes the channel with 406."""
    queue = own_queue(client, names, **{limit: 10})
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments={limit: 10})
    client.send(1, "queue.declare", queue=queue, exclusive=True, arguments={limit: 11})
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("length/persistent-not-dropped")
def test_persistent_not_dropped(client: RawClient, names: Names) -> None:
    """A queue without a limit of its own throws no persistent message away."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, durable=True)
    for number in range(MANY):
        client.publish(1, "", queue, b"%d" % number, delivery_mode=PERSISTENT)
    client.consume(1, queue, no_ack=True)
    take(client, *(b"%d" % number for number in range(MANY)))


@pytest.mark.requirement("length/persistent-not-dropped")
def test_persistent_overflow(client: RawClient, names: Names) -> None:
    """A queue that overflows throws no persistent message away that it has taken."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, durable=True, arguments={"x-max-length": 2})
    for body in (b"1", b"2", b"3"):
        client.publish(1, "", queue, body, delivery_mode=PERSISTENT)
    verify.equal(drain(client, queue)[:2], [b"1", b"2"], "first of the queue")
