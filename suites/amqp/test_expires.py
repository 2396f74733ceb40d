"""x-expires: a queue that nobody uses for so long is deleted.

A queue is used by its consumers, by basic.get and by queue.declare; publishing to it is no use.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from suites import verify
from suites.amqp.expiry import expect_gone, expect_left, expect_takes, is_gone
from suites.amqp.steps import drain, fill
from suites.amqp.topology import expect_no_queue, own_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

LEASE = 100  # milliseconds
LONGER = 500  # so long that a busy machine's pause between two uses does not reach it


def lent_queue(client: RawClient, names: Names, lease: int = LEASE) -> str:
    """An exclusive queue with this lease."""
    return own_queue(client, names, **{"x-expires": lease})


@pytest.mark.requirement("expires/unused")
def test_unused(client: RawClient, names: Names) -> None:
    """A queue without any use is gone after its x-expires, and not before."""
    declared = time.monotonic()
    queue = lent_queue(client, names)
    expect_takes(LEASE / 1000, lambda: expect_gone(client, queue), declared)
    expect_no_queue(client, queue)


@pytest.mark.requirement("expires/consumer-holds")
def test_consumer_holds(raw: RawClients, names: Names) -> None:
    """A queue stays while it has a consumer; its time begins anew when the consumer leaves."""
    client = raw(channels=2)
    queue = lent_queue(client, names)
    tag = client.consume(2, queue, no_ack=True)
    expect_gone(client, lent_queue(client, names, 2 * LEASE))
    verify.equal(is_gone(client, queue), False, "queue is gone")
    left = time.monotonic()
    client.call(2, "basic.cancel", consumer_tag=tag)
    expect_takes(LEASE / 1000, lambda: expect_gone(client, queue), left)


def expect_kept_by(client: RawClient, names: Names, use: Callable[[str], object]) -> None:
    """A queue that is used now and then outlives its lease, and goes when that ends."""
    queue, twin = lent_queue(client, names, LONGER), lent_queue(client, names, LONGER)
    client.publish(1, "", queue, b"mark")
    expect_left(client, queue, 1)

    def twin_is_gone() -> bool:
        use(queue)
        return is_gone(client, twin)

    verify.eventually(twin_is_gone, "unused queue is gone")
    verify.equal(is_gone(client, queue), False, "used queue is gone")
    expect_gone(client, queue)


@pytest.mark.requirement("expires/get-extends")
def test_get_extends(client: RawClient, names: Names) -> None:
    """basic.get counts as use, also when the queue is empty."""
    expect_kept_by(client, names, lambda queue: client.get(1, queue))


@pytest.mark.requirement("expires/declare-extends")
@pytest.mark.parametrize("passive", [False, True], ids=["active", "passive"])
def test_declare_extends(client: RawClient, names: Names, *, passive: bool) -> None:
    """Declaring the queue again counts as use, passively as well."""
    lent: dict[str, Any] = {"exclusive": True, "arguments": {"x-expires": LONGER}}

    def use(queue: str) -> None:
        declared = client.call(1, "queue.declare", queue=queue, passive=passive, **lent)
        kept = declared["message_count"] > 0  # else this declare has made another queue
        verify.true(kept, "the queue with its message", "an empty queue")

    expect_kept_by(client, names, use)


@pytest.mark.requirement("expires/others-unaffected")
def test_others_unaffected(client: RawClient, names: Names) -> None:
    """A queue without x-expires stays when another one goes, and keeps its messages."""
    other = own_queue(client, names)
    fill(client, other, [b"kept"])
    expect_gone(client, lent_queue(client, names))
    verify.equal(drain(client, other), [b"kept"], "other queue")


@pytest.mark.requirement("expires/zero")
def test_zero(client: RawClient, names: Names) -> None:
    """An x-expires of 0 is refused with 406, and one of 1 is not."""
    lent_queue(client, names, 1)
    client.send(1, "queue.declare", queue=names(), arguments={"x-expires": 0})
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("expires/drops-messages")
def test_drops_messages(client: RawClient, names: Names) -> None:
    """The messages of a queue that expires are dropped, and not dead-lettered."""
    dead = own_queue(client, names)
    dying = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    queue = own_queue(client, names, **{"x-expires": LEASE}, **dying)
    fill(client, queue, [b"1"])
    expect_gone(client, queue)
    fill(client, dead, [b"control"])
    verify.equal(drain(client, dead), [b"control"], "dead letters")


@pytest.mark.requirement("expires/frees-exclusive")
def test_frees_exclusive(client: RawClient, raw: RawClients, names: Names) -> None:
    """An exclusive queue that expired is gone for its owner too, and its name is free."""
    queue = lent_queue(client, names)
    expect_gone(client, queue)
    raw().call(1, "queue.declare", queue=queue, exclusive=True)
    client.send(1, "queue.declare", queue=queue, passive=True)
    client.expect_channel_close(1, 405, method="queue.declare")
