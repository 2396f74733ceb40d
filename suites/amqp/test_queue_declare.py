"""queue.declare: names, passive declaration, counts."""

from collections.abc import Callable
from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain, hold
from suites.amqp.topology import expect_no_queue, expect_queue, own_queue, shared_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

LEAST_QUEUES = 256
MANY = 50


@pytest.mark.requirement("queue/declare-named")
def test_declare_named(client: RawClient, names: Names) -> None:
    """Declare-Ok gives the name back, and no messages and no consumers."""
    queue = names()
    declared = client.call(1, "queue.declare", queue=queue, exclusive=True)
    counts = {"queue": queue, "message_count": 0, "consumer_count": 0}
    verify.equal(declared.arguments, counts, "declared")


@pytest.mark.requirement("queue/server-named")
def test_server_named(client: RawClient) -> None:
    """A declaration without a name gives the name of a new queue that is there."""
    queue = client.call(1, "queue.declare", exclusive=True)["queue"]
    verify.true(queue, "a name", "no name")
    client.publish(1, "", queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("queue/server-named-unique")
def test_server_named_unique(client: RawClient, raw: RawClients) -> None:
    """Every name that the broker makes is another, on any connection."""
    both = (client, raw())
    made = [c.call(1, "queue.declare", exclusive=True)["queue"] for c in both for _ in range(MANY)]
    verify.equal(len(set(made)), 2 * MANY, "different names")


@pytest.mark.requirement("queue/server-name-prefix")
def test_server_name_prefix(client: RawClient) -> None:
    """The names that RabbitMQ makes begin with amq.gen-."""
    queue = client.call(1, "queue.declare", exclusive=True)["queue"]
    verify.equal(queue[:8], "amq.gen-", "prefix")


@pytest.mark.requirement("queue/declare-empty-passive")
def test_declare_empty_passive(client: RawClient) -> None:
    """A passive declaration without a name closes the channel with 404."""
    client.send(1, "queue.declare", queue="", passive=True)
    client.expect_channel_close(1, 404, method="queue.declare")


@pytest.mark.requirement("queue/declare-empty-passive")
def test_declare_empty_passive_current(client: RawClient, names: Names) -> None:
    """In a passive declaration an empty name does not stand for the current queue."""
    own_queue(client, names)
    client.send(1, "queue.declare", queue="", passive=True)
    client.expect_channel_close(1, 404, method="queue.declare")


@pytest.mark.requirement("queue/reserved-name")
def test_reserved_name(client: RawClient, names: Names) -> None:
    """A new queue whose name begins with amq. is refused with 403."""
    reserved = names(prefix="amq.")
    client.send(1, "queue.declare", queue=reserved, exclusive=True)
    client.expect_channel_close(1, 403, method="queue.declare")
    client.open_channel(1)
    expect_no_queue(client, reserved)
    client.call(1, "queue.declare", queue=names(prefix="amqp."), exclusive=True)


@pytest.mark.requirement("queue/reserved-name")
def test_reserved_name_of_a_queue_that_is_there(client: RawClient) -> None:
    """A server-named queue cannot be declared again by its name, not even by its owner."""
    queue = client.call(1, "queue.declare", exclusive=True)["queue"]
    client.call(1, "queue.declare", queue=queue, passive=True)
    client.send(1, "queue.declare", queue=queue, exclusive=True)
    client.expect_channel_close(1, 403, method="queue.declare")


@pytest.mark.requirement("queue/illegal-name")
def test_illegal_name(client: RawClient, names: Names) -> None:
    """A name outside letters, digits, hyphen, underscore, period and colon is refused with 406."""
    client.call(1, "queue.declare", queue=names(prefix="a-B_9.:"), exclusive=True)
    client.send(1, "queue.declare", queue=names(prefix="not legal/#"), exclusive=True)
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("queue/name-crlf-stripped")
def test_name_crlf_stripped(client: RawClient, names: Names) -> None:
    """Line breaks in a queue's name are removed."""
    queue = names()
    broken = f"{queue[:5]}\r\n{queue[5:]}\n"
    declared = client.call(1, "queue.declare", queue=broken, exclusive=True)
    verify.equal(declared["queue"], queue, "declared")
    client.publish(1, "", queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("queue/name-255")
def test_name_255(client: RawClient, names: Names) -> None:
    """A name may fill a short string: 255 octets."""
    queue = names.adopt("queue", f"{names()}.{'x' * 255}"[:255])
    declared = client.call(1, "queue.declare", queue=queue, exclusive=True)
    verify.equal(declared["queue"], queue, "declared")
    client.publish(1, "", queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("queue/passive-missing")
def test_passive_missing(client: RawClient, names: Names) -> None:
    """Declaring a missing queue passively closes the channel with 404 and creates nothing."""
    missing = names()
    expect_no_queue(client, missing)
    expect_no_queue(client, missing)


@pytest.mark.requirement("queue/passive-exists")
def test_passive_exists(client: RawClient, names: Names) -> None:
    """Declaring an existing queue passively gives its name and counts."""
    queue = own_queue(client, names)
    client.consume(1, queue)
    client.publish(1, "", queue, b"unacked")
    client.expect_content(1, "basic.deliver", b"unacked")
    declared = client.call(1, "queue.declare", queue=queue, passive=True)
    counts = {"queue": queue, "message_count": 0, "consumer_count": 1}
    verify.equal(declared.arguments, counts, "declared")


@pytest.mark.requirement("queue/passive-ignores-flags")
def test_passive_ignores_flags(client: RawClient, names: Names) -> None:
    """A passive declaration looks at the name alone, not at flags and arguments."""
    queue = shared_queue(client, names)
    client.call(
        1,
        "queue.declare",
        queue=queue,
        passive=True,
        durable=False,
        exclusive=True,
        auto_delete=True,
        arguments={"x-max-length": 1},
    )
    client.call(1, "queue.declare", queue=queue, durable=True)


@pytest.mark.requirement("queue/passive-nowait-missing")
def test_passive_nowait_missing(client: RawClient, names: Names) -> None:
    """A passive declaration with no-wait still closes the channel with 404."""
    queue = own_queue(client, names)
    client.send(1, "queue.declare", queue=queue, passive=True, no_wait=True)
    client.expect_nothing(1)
    client.send(1, "queue.declare", queue=names(), passive=True, no_wait=True)
    client.expect_channel_close(1, 404, method="queue.declare")


@pytest.mark.requirement("queue/declare-counts")
def test_declare_counts(client: RawClient, names: Names) -> None:
    """The message count is of ready messages: one that waits for its ack is not among them."""
    queue = own_queue(client, names)
    for body in (b"held", b"ready one", b"ready two"):
        client.publish(1, "", queue, body)
    hold(client, queue, b"held")
    declared = client.call(1, "queue.declare", queue=queue, passive=True)
    verify.equal(declared["message_count"], 2, "message count")


@pytest.mark.requirement("queue/declare-consumer-count")
def test_declare_consumer_count(client: RawClient, names: Names) -> None:
    """The consumer count is that of all consumers, whichever channel they are on."""
    queue = own_queue(client, names)
    client.open_channel(2)
    first, _second = client.consume(1, queue), client.consume(2, queue)
    declared = client.call(1, "queue.declare", queue=queue, passive=True)
    verify.equal(declared["consumer_count"], 2, "consumer count")
    client.call(1, "basic.cancel", consumer_tag=first)
    declared = client.call(1, "queue.declare", queue=queue, passive=True)
    verify.equal(declared["consumer_count"], 1, "consumer count")


@pytest.mark.requirement("queue/no-wait")
def test_no_wait(client: RawClient, names: Names) -> None:
    """A declaration with no-wait has no reply, and its queue can be used at once."""
    queue = names()
    client.send(1, "queue.declare", queue=queue, exclusive=True, no_wait=True)
    client.expect_nothing(1)
    client.publish(1, "", queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("queue/durable-and-transient")
@pytest.mark.parametrize("durable", [True, False])
def test_durable_and_transient(client: RawClient, names: Names, durable: bool) -> None:
    """Durable and transient queues can both be declared."""
    flags: dict[str, Any] = {"queue": names(), "durable": durable, "exclusive": not durable}
    client.call(1, "queue.declare", **flags)
    client.call(1, "queue.declare", **flags)


@pytest.mark.requirement("queue/transient-nonexclusive")
def test_transient_nonexclusive(
    client: RawClient, names: Names, raw: RawClients, observe: Callable[[str], None]
) -> None:
    """A transient queue that is not exclusive is shared; newer brokers may refuse such ones."""
    queue = names()
    client.send(1, "queue.declare", queue=queue)
    answer = client.read_method(1)
    if answer.name == "queue.declare-ok":
        expect_queue(raw(), queue)
    else:
        verify.true(
            answer.name in {"channel.close", "connection.close"}, "a close or ok", str(answer)
        )
        raw().sync(1)
    observe(str(answer))


@pytest.mark.requirement("queue/minimum-count")
def test_minimum_count(client: RawClient, names: Names) -> None:
    """A vhost has room for 256 queues."""
    del names
    made = [client.call(1, "queue.declare", exclusive=True)["queue"] for _ in range(LEAST_QUEUES)]
    for queue in made:
        client.publish(1, "", queue, b"routed", mandatory=True)
    client.expect_nothing(1)


@pytest.mark.requirement("queue/visibility")
def test_visibility(client: RawClient, raw: RawClients, names: Names) -> None:
    """A queue that its declarer has seen is there for every other connection at once."""
    other = raw()
    for _ in range(MANY):
        expect_queue(other, shared_queue(client, names))
