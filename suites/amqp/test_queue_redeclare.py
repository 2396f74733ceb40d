"""queue.declare of a queue that is there: equivalence."""

from collections.abc import Callable
from typing import Any

import pytest

from reference_broker.wire.tables import Typed
from suites import verify
from suites.amqp.topology import expect_queue, own_queue, shared_queue
from suites.clients.raw import RawClient
from suites.harness.names import Names


def expect_inequivalent(client: RawClient, queue: str, **declaration: Any) -> None:
    """This declaration is refused with 406, and the queue stays."""
    client.send(1, "queue.declare", queue=queue, **declaration)
    client.expect_channel_close(1, 406, method="queue.declare")
    client.open_channel(1)
    expect_queue(client, queue)


@pytest.mark.requirement("queue/redeclare-same")
@pytest.mark.parametrize(
    "declaration",
    [
        {"durable": True},
        {"exclusive": True},
        {"durable": True, "auto_delete": True},
        {"exclusive": True, "arguments": {"x-max-length": 3, "x-message-ttl": 60_000}},
    ],
    ids="-".join,
)
def test_redeclare_same(client: RawClient, names: Names, declaration: dict[str, Any]) -> None:
    """Declaring a queue again exactly as it is succeeds, and keeps what is in it."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, **declaration)
    client.publish(1, "", queue, b"kept")
    client.call(1, "queue.declare", queue=queue, **declaration)
    message = client.get(1, queue)
    verify.equal(message and message.body, b"kept", "in the queue")


@pytest.mark.requirement("queue/redeclare-durable")
def test_redeclare_durable(client: RawClient, names: Names) -> None:
    """Declaring a durable queue again as a transient one closes the channel with 406."""
    queue = shared_queue(client, names)
    expect_inequivalent(client, queue, durable=False)
    client.call(1, "queue.declare", queue=queue, durable=True)


@pytest.mark.requirement("queue/redeclare-exclusive")
def test_redeclare_exclusive(client: RawClient, names: Names) -> None:
    """Declaring a shared queue again as exclusive closes the channel with 405 or 406."""
    queue = shared_queue(client, names)
    client.send(1, "queue.declare", queue=queue, durable=True, exclusive=True)
    client.expect_channel_close(1, 405, 406, method="queue.declare")
    client.open_channel(1)
    client.call(1, "queue.declare", queue=queue, durable=True)


@pytest.mark.requirement("queue/redeclare-exclusive")
def test_redeclare_shared(client: RawClient, names: Names) -> None:
    """Declaring one's exclusive queue again as shared closes the channel with 405 or 406."""
    queue = own_queue(client, names)
    client.send(1, "queue.declare", queue=queue, exclusive=False)
    client.expect_channel_close(1, 405, 406, method="queue.declare")
    client.open_channel(1)
    client.call(1, "queue.declare", queue=queue, exclusive=True)


@pytest.mark.requirement("queue/redeclare-autodelete")
@pytest.mark.parametrize("auto_delete", [True, False])
def test_redeclare_autodelete(
    client: RawClient, names: Names, auto_delete: bool, observe: Callable[[str], None]
) -> None:
    """Another auto-delete bit is ignored by one rule, and 406 by another."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, exclusive=True, auto_delete=auto_delete)
    client.send(1, "queue.declare", queue=queue, exclusive=True, auto_delete=not auto_delete)
    try:
        observe(str(client.expect(1, "queue.declare-ok")))
    except verify.Mismatch as other:
        verify.equal(other.actual, "channel.close 406", "the answer that is no Declare-Ok")
        client.send(1, "channel.close-ok")
        client.open_channel(1)
        observe(other.actual)
    expect_queue(client, queue)


@pytest.mark.requirement("queue/redeclare-args")
@pytest.mark.parametrize("other", [{"x-max-length": 2}, {}, {"x-max-length": 1, "x-expires": 1}])
def test_redeclare_args(client: RawClient, names: Names, other: dict[str, Any]) -> None:
    """Declaring a queue again with other known arguments closes the channel with 406."""
    queue = own_queue(client, names, **{"x-max-length": 1})
    expect_inequivalent(client, queue, exclusive=True, arguments=other)
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments={"x-max-length": 1})


@pytest.mark.requirement("queue/redeclare-arg-int-width")
@pytest.mark.parametrize("letter", ["b", "s", "l"])
def test_redeclare_arg_int_width(client: RawClient, names: Names, letter: str) -> None:
    """An argument is the same number whatever integer type carries it."""
    queue = own_queue(client, names, **{"x-max-length": Typed("I", 10)})
    arguments = {"x-max-length": Typed(letter, 10)}
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments=arguments)


@pytest.mark.requirement("queue/redeclare-unknown-arg")
def test_redeclare_unknown_arg(
    client: RawClient, names: Names, observe: Callable[[str], None]
) -> None:
    """An argument that the broker does not know is ignored in comparison, or refused with 406."""
    queue = own_queue(client, names)
    arguments = {"x-mqproof": 1}
    client.send(1, "queue.declare", queue=queue, exclusive=True, arguments=arguments)
    try:
        observe(str(client.expect(1, "queue.declare-ok")))
    except verify.Mismatch as other:
        verify.equal(other.actual, "channel.close 406", "the answer that is no Declare-Ok")
        client.send(1, "channel.close-ok")
        client.open_channel(1)
        observe(other.actual)
    expect_queue(client, queue)
