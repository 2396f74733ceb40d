"""Quorum queues on one node: what can be declared, and what their consumers may ask for."""

import pytest

from suites import verify
from suites.amqp.quorum import QUORUM, expect_ready, get, put, quorum_queue, require_quorum
from suites.amqp.steps import drain, new_queue, take
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

UNLIMITED = 2000  # unacknowledged messages that a consumer without prefetch is given at most


@pytest.fixture(autouse=True)
def _knows_quorum(raw: RawClients) -> None:
    require_quorum(raw)


def expect_refused(client: RawClient, names: Names, **declare: object) -> None:
    """The declare closes the channel with 406."""
    client.send(1, "queue.declare", queue=names(), **declare)
    client.expect_channel_close(1, 406, method="queue.declare")
    client.open_channel(1)


@pytest.mark.requirement("quorum/auto-delete")
def test_auto_delete(client: RawClient, names: Names) -> None:
    """A quorum queue cannot go with its last consumer: 406."""
    expect_refused(client, names, durable=True, auto_delete=True, arguments=QUORUM)


@pytest.mark.requirement("quorum/foreign-argument")
@pytest.mark.parametrize(
    ("kind", "argument", "value"),
    [
        ("quorum", "x-max-priority", 5),
        ("quorum", "x-queue-mode", "lazy"),
        ("quorum", "x-queue-version", 1),
        ("quorum", "x-max-age", "1D"),
        ("quorum", "x-initial-cluster-size", 1),
        ("classic", "x-delivery-limit", 5),
        ("classic", "x-dead-letter-strategy", "at-most-once"),
        ("classic", "x-max-age", "1D"),
        ("classic", "x-quorum-initial-group-size", 1),
    ],
)
def test_foreign_argument(
    client: RawClient, names: Names, kind: str, argument: str, value: object
) -> None:
    """An argument that only another type of queue knows is refused with 406, not ignored."""
    expect_refused(client, names, durable=True, arguments={"x-queue-type": kind, argument: value})
    unknown = {"x-queue-type": kind, "x-mqproof": value}
    client.call(1, "queue.declare", queue=names(), durable=True, arguments=unknown)


@pytest.mark.requirement("quorum/own-argument")
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("x-delivery-limit", 0),
        ("x-dead-letter-strategy", "at-most-once"),
        ("x-quorum-initial-group-size", 3),
        ("x-max-length", 10),
        ("x-max-length-bytes", 10),
        ("x-overflow", "reject-publish"),
        ("x-expires", 60_000),
        ("x-message-ttl", 60_000),
        ("x-single-active-consumer", True),
    ],
)
def test_own_argument(client: RawClient, names: Names, argument: str, value: object) -> None:
    """The arguments of quorum queues are taken, and must be the same in another declare."""
    queue = quorum_queue(client, names, **{argument: value})
    same = {**QUORUM, argument: value}
    client.call(1, "queue.declare", queue=queue, durable=True, arguments=same)
    client.send(1, "queue.declare", queue=queue, durable=True, arguments=QUORUM)
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("quorum/own-argument")
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("x-dead-letter-strategy", "mqproof"),
        ("x-dead-letter-strategy", 1),
        ("x-quorum-initial-group-size", 0),
        ("x-quorum-initial-group-size", "many"),
        ("x-max-length", -1),
    ],
)
def test_own_argument_invalid(
    client: RawClient, names: Names, argument: str, value: object
) -> None:
    """A value that an argument of quorum queues cannot have is refused with 406."""
    expect_refused(client, names, durable=True, arguments={**QUORUM, argument: value})


@pytest.mark.requirement("quorum/redeclare-type")
def test_redeclare_type(client: RawClient, names: Names) -> None:
    """A quorum queue that is declared again as another type closes the channel with 406."""
    queue = quorum_queue(client, names)
    for arguments in ({"x-queue-type": "classic"}, {}):
        client.send(1, "queue.declare", queue=queue, durable=True, arguments=arguments)
        client.expect_channel_close(1, 406, method="queue.declare")
        client.open_channel(1)
    client.call(1, "queue.declare", queue=queue, durable=True, arguments=QUORUM)


@pytest.mark.requirement("quorum/redeclare-foreign-argument")
def test_redeclare_foreign_argument(client: RawClient, names: Names) -> None:
    """What only another type knows does not count when a quorum queue is declared again."""
    queue = quorum_queue(client, names)
    more = {**QUORUM, "x-max-priority": 5}
    client.call(1, "queue.declare", queue=queue, durable=True, arguments=more)


@pytest.mark.requirement("quorum/delete-conditional")
@pytest.mark.parametrize("flag", ["if_unused", "if_empty"])
def test_delete_conditional(raw: RawClients, names: Names, flag: str) -> None:
    """A quorum queue cannot be deleted on condition: 540, and it stays."""
    client, other = raw(), raw()
    queue = quorum_queue(client, names)
    put(client, queue, b"kept")
    client.send(1, "queue.delete", queue=queue, **{flag: True})
    client.expect_connection_close(540, method="queue.delete")
    deleted = other.call(1, "queue.delete", queue=queue)
    verify.equal(deleted["message_count"], 1, "message-count")


@pytest.mark.requirement("quorum/global-qos")
def test_global_qos(client: RawClient, names: Names) -> None:
    """A channel whose consumers share a limit cannot consume from a quorum queue: 540."""
    queue = quorum_queue(client, names)
    client.call(1, "basic.qos", prefetch_count=1, global_=True)
    client.consume(1, new_queue(client, names))
    client.send(1, "basic.consume", queue=queue)
    client.expect_connection_close(540, method="basic.consume")


@pytest.mark.requirement("quorum/prefetch")
def test_prefetch(raw: RawClients, names: Names) -> None:
    """A consumer's prefetch limits what it is given before it acknowledges."""
    client = raw(channels=2)
    queue = quorum_queue(client, names)
    client.call(2, "basic.qos", prefetch_count=2)
    client.consume(2, queue)
    put(client, queue, b"1", b"2", b"3")
    first, _second = take(client, b"1", b"2", channel=2)
    expect_ready(client, queue, 1)
    client.expect_nothing(2)
    client.send(2, "basic.ack", delivery_tag=first["delivery_tag"])
    take(client, b"3", channel=2)


@pytest.mark.requirement("quorum/prefetch-none")
def test_prefetch_none(raw: RawClients, names: Names) -> None:
    """A consumer without a prefetch is given 2000 messages before it acknowledges, no more."""
    client = raw(channels=2)
    queue = quorum_queue(client, names)
    for number in range(UNLIMITED + 1):
        client.publish(1, "", queue, b"%d" % number)
    expect_ready(client, queue, UNLIMITED + 1)
    client.consume(2, queue)
    first, *_rest = take(client, *(b"%d" % number for number in range(UNLIMITED)), channel=2)
    expect_ready(client, queue, 1)
    client.expect_nothing(2)
    client.send(2, "basic.ack", delivery_tag=first["delivery_tag"])
    take(client, b"%d" % UNLIMITED, channel=2)


@pytest.mark.requirement("quorum/exclusive-consumer")
def test_exclusive_consumer(client: RawClient, names: Names) -> None:
    """A quorum queue has no exclusive consumers: the flag is taken and has no effect."""
    queue = quorum_queue(client, names)
    client.consume(1, queue, exclusive=True)
    client.consume(1, queue)
    client.consume(1, queue, exclusive=True)


@pytest.mark.requirement("quorum/single-active")
def test_single_active(raw: RawClients, names: Names) -> None:
    """Of a quorum queue's consumers only the first is served, and then the next."""
    client = raw(channels=2)
    queue = quorum_queue(client, names, **{"x-single-active-consumer": True})
    first = client.consume(2, queue, no_ack=True)
    client.open_channel(3)
    client.consume(3, queue, no_ack=True)
    put(client, queue, b"1", b"2")
    take(client, b"1", b"2", channel=2)
    client.call(2, "basic.cancel", consumer_tag=first)
    put(client, queue, b"3")
    take(client, b"3", channel=3)
    client.expect_nothing(2)


@pytest.mark.needs("consumer_priorities")
@pytest.mark.requirement("quorum/single-active-priority")
def test_single_active_priority(client: RawClient, names: Names) -> None:
    """A consumer of a quorum queue that is preferred takes over from the active one."""
    queue = quorum_queue(client, names, **{"x-single-active-consumer": True})
    client.consume(1, queue, consumer_tag="active")
    client.consume(1, queue, consumer_tag="preferred", arguments={"x-priority": 5})
    put(client, queue, b"1")
    verify.equal(take(client, b"1")[0]["consumer_tag"], "preferred", "consumer")


@pytest.mark.requirement("quorum/single-active-get")
def test_single_active_get(client: RawClient, names: Names) -> None:
    """From a quorum queue with a single active consumer nothing can be fetched: 405."""
    queue = quorum_queue(client, names, **{"x-single-active-consumer": True})
    client.send(1, "basic.get", queue=queue)
    client.expect_channel_close(1, 405, method="basic.get")


@pytest.mark.requirement("quorum/consumer-priority")
@pytest.mark.needs("consumer_priorities")
def test_consumer_priority(raw: RawClients, names: Names) -> None:
    """Of the consumers with room those of the highest priority are served."""
    client = raw(channels=3)
    queue = quorum_queue(client, names)
    client.consume(2, queue, no_ack=True)
    client.call(3, "basic.qos", prefetch_count=2)
    client.consume(3, queue, arguments={"x-priority": 10})
    put(client, queue, b"1", b"2", b"3")
    take(client, b"1", b"2", channel=3)
    take(client, b"3", channel=2)


@pytest.mark.requirement("quorum/length-drop-head")
@pytest.mark.parametrize("overflow", ["drop-head", "reject-publish-dlx"])
def test_length_drop_head(client: RawClient, names: Names, overflow: str) -> None:
    """Beyond its limit a quorum queue drops from its head, asked for reject-publish-dlx as well."""
    queue = quorum_queue(client, names, **{"x-max-length": 2, "x-overflow": overflow})
    verify.equal(put(client, queue, b"1", b"2", b"3"), [True] * 3, "confirmed")
    verify.equal(drain(client, queue), [b"2", b"3"], "queue")


@pytest.mark.requirement("quorum/length-reject")
def test_length_reject(client: RawClient, names: Names) -> None:
    """With reject-publish it takes one above the limit, and then none until a fifth is gone."""
    queue = quorum_queue(client, names, **{"x-max-length": 5, "x-overflow": "reject-publish"})
    bodies = [b"%d" % number for number in range(8)]
    verify.equal(put(client, queue, *bodies), [True] * 6 + [False] * 2, "confirmed")
    get(client, queue, b"0")
    verify.equal(put(client, queue, b"at the limit"), [False], "confirmed")
    get(client, queue, b"1")
    verify.equal(put(client, queue, b"a fifth gone", b"again"), [True, True], "confirmed")
    verify.equal(drain(client, queue), [*bodies[2:6], b"a fifth gone", b"again"], "queue")


@pytest.mark.requirement("quorum/purge")
def test_purge(client: RawClient, names: Names) -> None:
    """Purging drops what is ready and leaves what is out."""
    queue = quorum_queue(client, names)
    put(client, queue, b"out", b"1", b"2")
    get(client, queue, b"out")
    verify.equal(client.call(1, "queue.purge", queue=queue)["message_count"], 2, "message-count")
    client.call(1, "channel.close", reply_code=200)
    client.open_channel(1)
    get(client, queue, b"out")
    verify.equal(drain(client, queue), [], "queue")


@pytest.mark.requirement("queue/type-stream")
def test_type_stream(client: RawClient, names: Names) -> None:
    """A stream is declared, durable and shared, or refused as not implemented."""
    stream = {"x-queue-type": "stream"}
    expect_refused(client, names, durable=False, arguments=stream)
    expect_refused(client, names, durable=True, exclusive=True, arguments=stream)
    expect_refused(client, names, durable=True, arguments={**stream, "x-max-length": 1})
    client.send(1, "queue.declare", queue=names(), durable=True, arguments=stream)
    answer = client.read_method(1)
    if str(answer) == "connection.close 540":
        verify.unsupported("the broker has no streams: 540, not implemented")
    verify.equal(str(answer), "queue.declare-ok", "answer")
