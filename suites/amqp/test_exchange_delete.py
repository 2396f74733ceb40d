"""exchange.delete, and exchanges that delete themselves."""

import pytest

from suites.amqp.topology import (
    bind,
    bound_queue,
    expect_exchange,
    expect_no_exchange,
    new_exchange,
    own_queue,
    unbind,
)
from suites.clients.raw import RawClient
from suites.harness.names import Names


def expect_unrouted(client: RawClient, exchange: str, key: str = "") -> None:
    """A mandatory message comes back from this exchange."""
    client.publish(1, exchange, key, b"nowhere", mandatory=True)
    client.expect_content(1, "basic.return", b"nowhere")


@pytest.mark.requirement("exchange/delete")
def test_delete(client: RawClient, names: Names) -> None:
    """A deleted exchange is gone: publishing to it closes the channel with 404."""
    exchange = new_exchange(client, names)
    expect_unrouted(client, exchange)
    client.call(1, "exchange.delete", exchange=exchange)
    client.publish(1, exchange, "", b"lost")
    client.expect_channel_close(1, 404, method="basic.publish")


@pytest.mark.requirement("exchange/delete-missing")
def test_delete_missing(client: RawClient, names: Names) -> None:
    """Deleting an exchange that is not there closes the channel with 404."""
    client.send(1, "exchange.delete", exchange=names("exchange"))
    client.expect_channel_close(1, 404, method="exchange.delete")


@pytest.mark.requirement("exchange/delete-predeclared")
@pytest.mark.parametrize("kind", ["direct", "fanout", "topic", "match", "headers"])
def test_delete_predeclared(client: RawClient, kind: str) -> None:
    """The amq. exchanges cannot be deleted: 403, and they stay."""
    client.send(1, "exchange.delete", exchange=f"amq.{kind}")
    client.expect_channel_close(1, 403, method="exchange.delete")
    client.open_channel(1)
    expect_exchange(client, f"amq.{kind}")


@pytest.mark.requirement("exchange/delete-default")
def test_delete_default(client: RawClient, names: Names) -> None:
    """The default exchange cannot be deleted: 403, and it still routes."""
    client.send(1, "exchange.delete", exchange="")
    client.expect_channel_close(1, 403, method="exchange.delete")
    client.open_channel(1)
    queue = own_queue(client, names)
    client.consume(1, queue, no_ack=True)
    client.publish(1, "", queue, b"routed")
    client.expect_content(1, "basic.deliver", b"routed")


@pytest.mark.requirement("exchange/delete-if-unused-bound")
def test_delete_if_unused_bound(client: RawClient, names: Names) -> None:
    """An exchange with a binding is not deleted with if-unused: 406, and it still routes."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    client.send(1, "exchange.delete", exchange=exchange, if_unused=True)
    client.expect_channel_close(1, 406, method="exchange.delete")
    client.open_channel(1)
    client.consume(1, queue, no_ack=True)
    client.publish(1, exchange, "key", b"routed")
    client.expect_content(1, "basic.deliver", b"routed")


@pytest.mark.requirement("exchange/delete-if-unused-free")
def test_delete_if_unused_free(client: RawClient, names: Names) -> None:
    """An exchange that has lost its bindings is deleted with if-unused."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    unbind(client, queue, exchange, "key")
    client.call(1, "exchange.delete", exchange=exchange, if_unused=True)
    expect_no_exchange(client, exchange)


@pytest.mark.requirement("exchange/delete-removes-bindings")
def test_delete_removes_bindings(client: RawClient, names: Names) -> None:
    """A deleted exchange that is declared again has none of its former bindings."""
    exchange = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    client.call(1, "exchange.delete", exchange=exchange)
    client.call(1, "exchange.declare", exchange=exchange, type="direct")
    expect_unrouted(client, exchange, "key")
    bind(client, queue, exchange, "key")
    client.consume(1, queue, no_ack=True)
    client.publish(1, exchange, "key", b"routed")
    client.expect_content(1, "basic.deliver", b"routed")


@pytest.mark.requirement("exchange/delete-nowait")
def test_delete_nowait(client: RawClient, names: Names) -> None:
    """A deletion with no-wait has no reply, and the exchange is gone."""
    exchange = new_exchange(client, names)
    client.send(1, "exchange.delete", exchange=exchange, no_wait=True)
    client.expect_nothing(1)
    expect_no_exchange(client, exchange)


@pytest.mark.requirement("exchange/autodelete-on-unbind")
def test_autodelete_on_unbind(client: RawClient, names: Names) -> None:
    """An auto-delete exchange goes with its last binding; any other stays."""
    exchange = new_exchange(client, names, auto_delete=True)
    control = new_exchange(client, names)
    queue = bound_queue(client, names, exchange, "key")
    bind(client, queue, control, "key")
    unbind(client, queue, control, "key")
    unbind(client, queue, exchange, "key")
    expect_exchange(client, control)
    expect_no_exchange(client, exchange)


@pytest.mark.requirement("exchange/autodelete-on-queue-delete")
def test_autodelete_on_queue_delete(client: RawClient, names: Names) -> None:
    """An auto-delete exchange goes when its last bound queue is deleted."""
    exchange = new_exchange(client, names, auto_delete=True)
    first = bound_queue(client, names, exchange, "key")
    last = bound_queue(client, names, exchange, "key")
    client.call(1, "queue.delete", queue=first)
    expect_exchange(client, exchange)
    client.call(1, "queue.delete", queue=last)
    expect_no_exchange(client, exchange)


@pytest.mark.requirement("exchange/autodelete-grace")
def test_autodelete_grace(client: RawClient, names: Names) -> None:
    """An auto-delete exchange that never had a binding stays, also when it is published to."""
    exchange = new_exchange(client, names, auto_delete=True)
    expect_exchange(client, exchange)
    expect_unrouted(client, exchange)
    expect_exchange(client, exchange)


@pytest.mark.requirement("exchange/autodelete-many-bindings")
def test_autodelete_many_bindings(client: RawClient, names: Names) -> None:
    """Of several bindings of one queue only the last takes an auto-delete exchange with it."""
    exchange = new_exchange(client, names, auto_delete=True)
    queue = bound_queue(client, names, exchange, "one")
    bind(client, queue, exchange, "two")
    unbind(client, queue, exchange, "one")
    expect_exchange(client, exchange)
    unbind(client, queue, exchange, "two")
    expect_no_exchange(client, exchange)
