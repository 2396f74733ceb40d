"""What tests of time limits share: confirmed publishing, and how much a queue still holds."""

import time
from collections.abc import Callable
from typing import Any

from suites import verify
from suites.clients.raw import RawClient

TICK = 0.01  # seconds by which a broker's clock may round a deadline


def publish_confirmed(client: RawClient, queue: str, body: bytes, **properties: Any) -> None:
    """Publish on channel 1, which confirms, and wait until the queue has the message."""
    client.publish(1, "", queue, body, **properties)
    client.find(1, "basic.ack")


def ready(client: RawClient, queue: str) -> int:
    """How many messages the queue holds ready."""
    return int(client.call(1, "queue.declare", queue=queue, passive=True)["message_count"])


def expect_left(client: RawClient, queue: str, count: int) -> None:
    """So many messages remain in the queue, now or soon."""
    verify.eventually(lambda: ready(client, queue), "messages ready", wanted=count)


def is_gone(client: RawClient, queue: str) -> bool:
    """Whether the queue does not exist, asked without using it: what is mandatory comes back."""
    client.publish(1, "", queue, b"probe", mandatory=True)
    client.send(1, "exchange.declare", exchange="amq.direct", type="direct", passive=True)
    returned = client.expect(1, "basic.return", "exchange.declare-ok").name == "basic.return"
    if returned:
        client.expect(1, "exchange.declare-ok")
    return returned


def expect_gone(client: RawClient, queue: str) -> None:
    """The queue goes away soon."""
    verify.eventually(lambda: is_gone(client, queue), "queue is gone")


def expect_takes(seconds: float, step: Callable[[], None], since: float) -> None:
    """The step ends no earlier than so many seconds after `since`, a time of time.monotonic."""
    step()
    verify.between(time.monotonic() - since, seconds - TICK, 60, "lifetime in seconds")
