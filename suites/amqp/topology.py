"""Exchanges, queues and bindings that conformance tests share, and whether they are there.

Queues are exclusive unless asked otherwise: they go with their connection, on every broker.
"""

from collections.abc import Iterable
from typing import Any

from suites.clients.raw import RawClient
from suites.harness.names import Names

EXCHANGE_TYPES = ("direct", "fanout", "topic", "headers")


def new_exchange(
    client: RawClient, names: Names, kind: str = "direct", *, vhost: str | None = None, **flags: Any
) -> str:
    """Declare an exchange on channel 1; give its name."""
    exchange = names("exchange", vhost=vhost)
    client.call(1, "exchange.declare", exchange=exchange, type=kind, **flags)
    return exchange


def own_queue(client: RawClient, names: Names, **arguments: Any) -> str:
    """Declare an exclusive queue on channel 1; give its name."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments=arguments)
    return queue


def shared_queue(client: RawClient, names: Names, **arguments: Any) -> str:
    """Declare a durable queue that every connection may use; give its name."""
    queue = names()
    client.call(1, "queue.declare", queue=queue, durable=True, arguments=arguments)
    return queue


def bind(client: RawClient, queue: str, exchange: str, key: str = "", **arguments: Any) -> None:
    """Bind the queue to the exchange on channel 1; `arguments` are the binding's."""
    client.call(
        1, "queue.bind", queue=queue, exchange=exchange, routing_key=key, arguments=arguments
    )


def unbind(client: RawClient, queue: str, exchange: str, key: str = "", **arguments: Any) -> None:
    """Take that binding away again."""
    client.call(
        1, "queue.unbind", queue=queue, exchange=exchange, routing_key=key, arguments=arguments
    )


def bound_queue(
    client: RawClient, names: Names, exchange: str, key: str = "", **arguments: Any
) -> str:
    """An exclusive queue with this binding; give its name."""
    queue = own_queue(client, names)
    bind(client, queue, exchange, key, **arguments)
    return queue


def publish_keys(client: RawClient, exchange: str, keys: Iterable[str]) -> None:
    """Publish one message a routing key on channel 1; the body is the key."""
    for key in keys:
        client.publish(1, exchange, key, key.encode())


def expect_exchange(client: RawClient, exchange: str) -> None:
    """The exchange is there."""
    client.call(1, "exchange.declare", exchange=exchange, type="direct", passive=True)


def expect_no_exchange(client: RawClient, exchange: str) -> None:
    """The exchange is not there; channel 1 is open again afterwards."""
    client.send(1, "exchange.declare", exchange=exchange, type="direct", passive=True)
    client.expect_channel_close(1, 404, method="exchange.declare")
    client.open_channel(1)


def expect_queue(client: RawClient, queue: str) -> None:
    """The queue is there."""
    client.call(1, "queue.declare", queue=queue, passive=True)


def expect_no_queue(client: RawClient, queue: str) -> None:
    """The queue is not there; channel 1 is open again afterwards."""
    client.send(1, "queue.declare", queue=queue, passive=True)
    client.expect_channel_close(1, 404, method="queue.declare")
    client.open_channel(1)


def leave(client: RawClient) -> None:
    """Close the connection as its owner: when this returns, Close-Ok has come."""
    client.call(0, "connection.close", reply_code=200)
    client.link.close()
