"""What quorum queues keep over a restart: all messages, and how often they came back."""

import time

import pytest

from suites import verify
from suites.amqp.quorum import QUORUM, expect_ready, get, refuse, returns
from suites.clients.raw import RawClient
from suites.durability.endurance import After, Before, Stage
from suites.durability.steps import TRANSIENT, bodies, durable_queue, keep

pytestmark = pytest.mark.needs("restart", "durable")

before = Before()

ENTERED = 1.0  # seconds: RabbitMQ writes a new quorum queue's name to disk after up to half of it


@before
def transient(stage: Stage) -> str:
    """A quorum queue with messages that are not persistent, one of them out."""
    client = stage.client()
    queue = durable_queue(stage, client, **QUORUM)
    keep(client, queue, b"out", b"waiting", delivery_mode=TRANSIENT)
    get(client, queue, b"out")
    return queue


@pytest.mark.requirement("quorum/transient-kept")
def test_transient_kept(after: After, client: RawClient) -> None:
    """A message in a quorum queue is kept although it is not persistent, out or not."""
    queue = after(transient)
    expect_ready(client, queue, 2)  # what was out comes back once its reader is known to be gone
    out = get(client, queue, b"out")
    told = (returns(out), out["redelivered"], out.properties["delivery_mode"])
    verify.equal(told, (1, True, TRANSIENT), "count, redelivered, delivery-mode")
    verify.equal(bodies(client, queue), [b"waiting"], "bodies")


@before
def returned(stage: Stage) -> str:
    """A quorum queue with a message that came back twice, behind one that was never out."""
    client = stage.client()
    queue = durable_queue(stage, client, **QUORUM)
    keep(client, queue, b"back")
    for _ in range(2):
        refuse(client, get(client, queue, b"back"))
    expect_ready(client, queue, 1)
    keep(client, queue, b"never out")
    time.sleep(ENTERED)  # not on the wire; what comes of no time at all is asked by `young`
    return queue


@pytest.mark.requirement("quorum/count-kept")
def test_count_kept(after: After, client: RawClient) -> None:
    """How often a message came back, and where it stands, is known after a restart."""
    queue = after(returned)
    back = get(client, queue, b"back")
    verify.equal((returns(back), back["redelivered"]), (2, True), "count, redelivered")
    new = get(client, queue, b"never out")
    verify.equal((returns(new), new["redelivered"]), (0, False), "count, redelivered")


@before
def young(stage: Stage) -> str:
    """A quorum queue that was declared only just before the broker ends, with a message."""
    client = stage.client()
    queue = durable_queue(stage, client, **QUORUM)
    keep(client, queue, b"confirmed")
    return queue


@pytest.mark.requirement("quorum/confirmed-kept")
def test_confirmed_kept(after: After, client: RawClient) -> None:
    """A confirmed message is kept, however young its quorum queue is."""
    get(client, after(young), b"confirmed")
