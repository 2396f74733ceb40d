"""Consumers that acknowledge nothing: where the memory goes, and what comes back."""

from collections.abc import Callable

import pytest

from suites import verify
from suites.bench import usage
from suites.brokers.base import Broker
from suites.brokers.local import LocalBroker
from suites.clients.process import ClientProcess
from suites.clients.raw import RawClient
from suites.harness.names import Names
from suites.resilience.bounds import LONGEST

MIB = 1 << 20
SIZE = 100_000  # octets of a body
COUNT = 400
TOTAL = SIZE * COUNT
WINDOW = 10


def ready(witness: RawClient, queue: str) -> int:
    """How many messages wait."""
    return int(witness.call(1, "queue.declare", queue=queue, passive=True)["message_count"])


def fill(witness: RawClient, queue: str) -> None:
    """Publish all messages, and see them ready."""
    witness.call(1, "queue.declare", queue=queue)
    for _ in range(COUNT):
        witness.publish(1, "", queue, b"x" * SIZE)
    verify.eventually(lambda: ready(witness, queue), "ready", within=LONGEST, wanted=COUNT)


@pytest.mark.requirement("fault/unacked-memory")
@pytest.mark.parametrize(("prefetch", "sent"), [(0, COUNT), (WINDOW, WINDOW)])
def test_nothing_is_acked(
    broker: Broker,
    witness: RawClient,
    names: Names,
    observe: Callable[[str], None],
    prefetch: int,
    sent: int,
) -> None:
    """What is sent is the prefetch window or all; it weighs on the client, and all comes back."""
    if not usage.available():
        verify.unsupported("the memory of a process can be read on Linux only")
    queue = names()
    fill(witness, queue)
    told = [f"broker {_broker_memory(broker)} when filled"]
    with ClientProcess() as client:
        client.connect(witness.endpoint, heartbeat=0)
        before = usage.resident_octets(client.pid)
        client.call("consume", queue=queue, prefetch=prefetch, quiet=True, keep=True)
        verify.eventually(
            lambda: int(client.call("delivered")), "delivered", within=LONGEST, wanted=sent
        )
        verify.equal(ready(witness, queue), COUNT - sent, "ready messages")
        grown = usage.resident_octets(client.pid) - before
        low, high = (0.9 * TOTAL, 3.0 * TOTAL) if sent == COUNT else (0.0, 0.5 * TOTAL)
        verify.between(grown / MIB, low / MIB, high / MIB, "MiB by which the client grew")
        told.append(f"{_broker_memory(broker)} when delivered")
        client.kill()
    verify.eventually(lambda: ready(witness, queue), "ready", within=LONGEST, wanted=COUNT)
    told.append(f"{_broker_memory(broker)} when the client was gone")
    message = witness.get(1, queue)
    verify.equal(message and message["redelivered"], expected=True, what="redelivered")
    observe(f"the client grew by {grown / MIB:.0f} MiB; {', '.join(told)}")


def _broker_memory(broker: Broker) -> str:
    """Its resident memory, as far as it is a process of the harness's own."""
    if not isinstance(broker, LocalBroker):
        return "unknown"
    return f"{usage.resident_octets(broker.pid) / MIB:.0f} MiB"
