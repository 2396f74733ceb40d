"""Time limits while the broker is down."""

import time
from typing import Any

import pytest

from suites import verify
from suites.amqp.dead_letters import deaths
from suites.amqp.expiry import expect_left, publish_confirmed
from suites.amqp.steps import drain
from suites.amqp.topology import shared_queue
from suites.brokers.base import Broker
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("restart", "durable", "publisher_confirms")

PERSISTENT = 2
LIFE = 1500  # milliseconds, enough for the broker to begin its stop
LIMITS = [({"x-message-ttl": LIFE}, {}), ({}, {"expiration": str(LIFE)})]


def stop_until(broker: Broker, moment: float) -> None:
    """Stop the broker gracefully, and start it again when the moment has passed."""
    verify.true(time.monotonic() < moment, "stop in time", "the machine is too slow")
    broker.stop()
    while (left := moment - time.monotonic()) > 0:
        time.sleep(left)  # the time that a message is to spend in a broker that is down
    broker.start()


@pytest.mark.requirement("ttl/restart-clock")
@pytest.mark.parametrize(("limit", "own"), LIMITS, ids=["queue", "message"])
def test_restart_clock(
    broker: Broker, raw: RawClients, names: Names, limit: dict[str, int], own: dict[str, Any]
) -> None:
    """A message's time goes on while the broker is down."""
    client = raw()
    client.call(1, "confirm.select")
    queue, control = shared_queue(client, names, **limit), shared_queue(client, names)
    publish_confirmed(client, control, b"control", delivery_mode=PERSISTENT)
    publish_confirmed(client, queue, b"1", delivery_mode=PERSISTENT, **own)
    stop_until(broker, time.monotonic() + LIFE / 1000)
    after = raw()
    verify.equal(drain(after, queue), [], "queue")
    verify.equal(drain(after, control), [b"control"], "queue without a limit")


@pytest.mark.requirement("dlx/durable-down")
def test_durable_down(broker: Broker, raw: RawClients, names: Names) -> None:
    """What expired while the broker was down is dead-lettered when it starts."""
    client = raw()
    client.call(1, "confirm.select")
    dead = shared_queue(client, names)
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    queue = shared_queue(client, names, **letters)
    for body in (b"1", b"2"):
        publish_confirmed(client, queue, body, delivery_mode=PERSISTENT, expiration=str(LIFE))
    stop_until(broker, time.monotonic() + LIFE / 1000)
    after = raw()
    expect_left(after, dead, 2)
    first, second = (after.get(1, dead) for _ in range(2))
    assert first is not None
    assert second is not None
    verify.equal([first.body, second.body], [b"1", b"2"], "dead letters")
    verify.equal(deaths(first)[0]["reason"], "expired", "reason")
