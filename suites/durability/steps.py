"""Steps that the tests of restarts share."""

from typing import Any

from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.durability.endurance import Stage
from suites.verify import Mismatch

PERSISTENT, TRANSIENT = 2, 1


def durable_queue(stage: Stage, client: RawClient, **arguments: Any) -> str:
    """Declare a durable queue that every connection may use; give its name."""
    queue = stage.names()
    client.call(1, "queue.declare", queue=queue, durable=True, arguments=arguments)
    return queue


def durable_exchange(stage: Stage, client: RawClient, kind: str = "direct", **flags: Any) -> str:
    """Declare a durable exchange; give its name."""
    exchange = stage.names("exchange")
    client.call(1, "exchange.declare", exchange=exchange, type=kind, durable=True, **flags)
    return exchange


def keep(
    client: RawClient, key: str, *bodies: bytes, exchange: str = "", **properties: Any
) -> None:
    """Publish these, persistent unless said otherwise, each confirmed before the next.

    The client is in confirm mode, and all that it has published was confirmed.
    """
    chosen: dict[str, Any] = {"delivery_mode": PERSISTENT, **properties}
    for body in bodies:
        client.publish(1, exchange, key, body, **chosen)
        confirm = client.find(1, "basic.ack", "basic.nack")
        if confirm.name != "basic.ack":
            raise Mismatch("basic.ack", str(confirm))


def fetch(client: RawClient, queue: str) -> list[Delivery]:
    """Take all that the queue has."""
    found = []
    while (message := client.get(1, queue)) is not None:
        found.append(message)
    return found


def bodies(client: RawClient, queue: str) -> list[bytes]:
    """Take all that the queue has; give the bodies."""
    return [message.body for message in fetch(client, queue)]
