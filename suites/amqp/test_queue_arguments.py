"""RabbitMQ's queue arguments: what is refused, and the types of queues."""

from typing import Any

import pytest

from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import expect_no_queue, own_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

NUMBERS = ("x-message-ttl", "x-expires", "x-max-length", "x-max-length-bytes", "x-max-priority")
QUORUM = {"x-queue-type": "quorum"}


def expect_refused(client: RawClient, queue: str, **declaration: Any) -> None:
    """The declaration closes the channel with 406, and makes no queue."""
    client.send(1, "queue.declare", queue=queue, **declaration)
    client.expect_channel_close(1, 406, method="queue.declare")
    client.open_channel(1)
    if queue:
        expect_no_queue(client, queue)


@pytest.mark.requirement("queue/arg-invalid-type")
@pytest.mark.parametrize("argument", NUMBERS)
@pytest.mark.parametrize("value", ["10", True], ids=["string", "boolean"])
def test_arg_invalid_type(client: RawClient, names: Names, argument: str, value: object) -> None:
    """An argument that is a number closes the channel with 406 when it is no number."""
    own_queue(client, names, **{argument: 10})
    expect_refused(client, names(), exclusive=True, arguments={argument: value})


@pytest.mark.requirement("queue/arg-negative")
@pytest.mark.parametrize("argument", NUMBERS)
def test_arg_negative(client: RawClient, names: Names, argument: str) -> None:
    """An argument that is a number closes the channel with 406 when it is negative."""
    own_queue(client, names, **{argument: 10})
    expect_refused(client, names(), exclusive=True, arguments={argument: -1})


@pytest.mark.requirement("queue/arg-unknown")
@pytest.mark.parametrize("argument", ["x-mqproof-unknown", "mqproof unknown", "é"])
def test_arg_unknown(client: RawClient, names: Names, argument: str) -> None:
    """Arguments that the broker does not know are accepted."""
    queue = own_queue(client, names, **{argument: {"any": ["value", 1, None]}})
    client.publish(1, "", queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("queue/type-unknown")
def test_type_unknown(client: RawClient, names: Names, raw: RawClients) -> None:
    """A type of queue that the broker does not know closes the channel with 406."""
    arguments = {"x-queue-type": "mqproof-no-such-type"}
    queue = names()
    client.send(1, "queue.declare", queue=queue, durable=True, arguments=arguments)
    closed = client.expect(1, "channel.close")
    verify.equal(closed["reply_code"], 406, "reply code")
    client.send(1, "channel.close-ok")
    expect_no_queue(raw(), queue)


@pytest.mark.requirement("queue/type-classic")
def test_type_classic(client: RawClient, names: Names) -> None:
    """The type classic is the default, also when a queue is declared again."""
    queue = names()
    classic = {"x-queue-type": "classic"}
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments=classic)
    client.call(1, "queue.declare", queue=queue, exclusive=True)
    client.publish(1, "", queue, b"routed")
    verify.equal(drain(client, queue), [b"routed"], "arrived")


@pytest.mark.requirement("queue/type-quorum-nondurable")
def test_type_quorum_nondurable(client: RawClient, names: Names) -> None:
    """A quorum queue cannot be transient: 406."""
    expect_refused(client, names(), durable=False, arguments=QUORUM)


@pytest.mark.requirement("queue/type-quorum-exclusive")
def test_type_quorum_exclusive(client: RawClient, names: Names) -> None:
    """A quorum queue cannot be exclusive: 406."""
    expect_refused(client, names(), durable=True, exclusive=True, arguments=QUORUM)


@pytest.mark.requirement("queue/arg-invalid-type")
@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("x-overflow", "mqproof"),
        ("x-overflow", 1),
        ("x-queue-mode", "mqproof"),
        ("x-queue-type", 1),
        ("x-dead-letter-exchange", 1),
        ("x-dead-letter-routing-key", 1),
        ("x-single-active-consumer", 1),
        ("x-max-length", 1.5),
    ],
)
def test_arg_invalid_value(client: RawClient, names: Names, argument: str, value: object) -> None:
    """An argument that is a word or a flag closes the channel with 406 when it is another thing."""
    expect_refused(client, names(), durable=True, arguments={argument: value})


@pytest.mark.requirement("queue/type-quorum-server-named")
def test_type_quorum_server_named(client: RawClient) -> None:
    """A quorum queue cannot be named by the broker: 406."""
    expect_refused(client, "", durable=True, arguments=QUORUM)


@pytest.mark.requirement("queue/lazy-mode")
@pytest.mark.parametrize("mode", ["lazy", "default"])
def test_lazy_mode(client: RawClient, names: Names, mode: str) -> None:
    """The mode of a queue says where messages lie: a client sees no difference."""
    queue = own_queue(client, names, **{"x-queue-mode": mode})
    bodies = [b"%d" % number for number in range(10)]
    for body in bodies:
        client.publish(1, "", queue, body)
    verify.equal(drain(client, queue), bodies, "arrived")
