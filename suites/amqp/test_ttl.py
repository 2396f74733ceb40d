"""x-message-ttl and the property `expiration`: how long a message may wait in a queue."""

import time
from typing import Any

import pytest

from suites import verify
from suites.amqp.dead_letters import dying_queue
from suites.amqp.expiry import expect_left, expect_takes, publish_confirmed
from suites.amqp.steps import drain, fill, hold, take
from suites.amqp.topology import own_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("publisher_confirms")

SHORT = 100  # milliseconds
LONG = 60_000
HELD = 1000  # long enough to get a message before it expires
COMMITTED = 600  # long enough for a round trip on a busy machine
TEN_YEARS = 315_360_000_000
AT_ONCE = [({"x-message-ttl": 0}, {}), ({}, {"expiration": "0"})]


@pytest.fixture
def publisher(raw: RawClients) -> RawClient:
    """A client whose channel 1 confirms; channel 2 is plain."""
    client = raw(channels=2)
    client.call(1, "confirm.select")
    return client


@pytest.mark.requirement("ttl/queue")
def test_queue(publisher: RawClient, names: Names) -> None:
    """A message is gone when it has waited for the queue's x-message-ttl, and not before."""
    control = own_queue(publisher, names)
    publish_confirmed(publisher, control, b"control")
    queue = own_queue(publisher, names, **{"x-message-ttl": SHORT})
    published = time.monotonic()
    publish_confirmed(publisher, queue, b"1")
    expect_takes(SHORT / 1000, lambda: expect_left(publisher, queue, 0), published)
    verify.equal(drain(publisher, control), [b"control"], "queue without a limit")


@pytest.mark.requirement("ttl/message")
def test_message(publisher: RawClient, names: Names) -> None:
    """A message is gone when it has waited for its own expiration, and not before."""
    queue = own_queue(publisher, names)
    published = time.monotonic()
    publish_confirmed(publisher, queue, b"1", expiration=str(SHORT))
    publish_confirmed(publisher, queue, b"control")
    expect_takes(SHORT / 1000, lambda: expect_left(publisher, queue, 1), published)
    verify.equal(drain(publisher, queue), [b"control"], "queue")


@pytest.mark.requirement("ttl/lower-wins")
@pytest.mark.parametrize(("queue_ttl", "expiration"), [(SHORT, LONG), (LONG, SHORT)])
def test_lower_wins(publisher: RawClient, names: Names, queue_ttl: int, expiration: int) -> None:
    """Of the queue's limit and the message's own the lower one counts."""
    queue = own_queue(publisher, names, **{"x-message-ttl": queue_ttl})
    publish_confirmed(publisher, queue, b"1", expiration=str(expiration))
    expect_left(publisher, queue, 0)


@pytest.mark.requirement("ttl/zero-no-consumer")
@pytest.mark.parametrize(("limit", "own"), AT_ONCE, ids=["queue", "message"])
def test_zero_no_consumer(
    publisher: RawClient, names: Names, limit: dict[str, int], own: dict[str, Any]
) -> None:
    """With a limit of 0 and no consumer, a message is gone at once."""
    queue = own_queue(publisher, names, **limit)
    publish_confirmed(publisher, queue, b"1", **own)
    verify.equal(drain(publisher, queue), [], "queue")


@pytest.mark.requirement("ttl/zero-with-consumer")
@pytest.mark.parametrize(("limit", "own"), AT_ONCE, ids=["queue", "message"])
def test_zero_with_consumer(
    publisher: RawClient, names: Names, limit: dict[str, int], own: dict[str, Any]
) -> None:
    """With a limit of 0, a message still reaches a consumer that is ready for it."""
    queue = own_queue(publisher, names, **limit)
    publisher.consume(2, queue, no_ack=True)
    publisher.publish(1, "", queue, b"1", **own)
    take(publisher, b"1", channel=2)


@pytest.mark.requirement("ttl/head-only")
def test_head_only(publisher: RawClient, names: Names) -> None:
    """A message that expired behind one with more time is not delivered late."""
    queue, twin = own_queue(publisher, names), own_queue(publisher, names)
    publish_confirmed(publisher, queue, b"long", expiration=str(LONG))
    publish_confirmed(publisher, queue, b"short", expiration=str(SHORT))
    publish_confirmed(publisher, twin, b"short", expiration=str(SHORT))
    expect_left(publisher, twin, 0)
    verify.equal(drain(publisher, queue), [b"long"], "queue")


@pytest.mark.requirement("ttl/not-for-unacked")
def test_not_for_unacked(publisher: RawClient, names: Names) -> None:
    """A message that was delivered in time does not expire, and can be acknowledged."""
    letters = own_queue(publisher, names)
    queue = dying_queue(publisher, names, letters)
    publish_confirmed(publisher, queue, b"held", expiration=str(HELD))
    [tag] = hold(publisher, queue, b"held")
    publish_confirmed(publisher, queue, b"behind", expiration=str(HELD))
    expect_left(publisher, queue, 0)
    expect_left(publisher, letters, 1)
    publisher.send(1, "basic.ack", delivery_tag=tag)
    publisher.expect_nothing(1)
    verify.equal(drain(publisher, letters), [b"behind"], "expired messages")


@pytest.mark.requirement("ttl/requeue-keeps-clock")
def test_requeue_keeps_clock(publisher: RawClient, names: Names) -> None:
    """A message that comes back into the queue after its time is gone."""
    queue = own_queue(publisher, names, **{"x-message-ttl": HELD})
    publish_confirmed(publisher, queue, b"held")
    [tag] = hold(publisher, queue, b"held")
    publish_confirmed(publisher, queue, b"behind")
    expect_left(publisher, queue, 0)
    publisher.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    verify.equal(drain(publisher, queue), [], "queue")


@pytest.mark.requirement("ttl/get-after-expiry")
def test_get_after_expiry(publisher: RawClient, names: Names) -> None:
    """basic.get of a queue whose only message has expired is answered by get-empty."""
    queue = own_queue(publisher, names, **{"x-message-ttl": SHORT})
    publish_confirmed(publisher, queue, b"1")
    expect_left(publisher, queue, 0)
    publisher.send(1, "basic.get", queue=queue)
    publisher.expect(1, "basic.get-empty")


@pytest.mark.requirement("ttl/tx")
def test_tx(publisher: RawClient, names: Names) -> None:
    """In a transaction a message's time begins with the commit."""
    queue, twin = own_queue(publisher, names), own_queue(publisher, names)
    publisher.call(2, "tx.select")
    publisher.publish(2, "", queue, b"1", expiration=str(COMMITTED))
    publisher.sync(2)
    publish_confirmed(publisher, twin, b"clock", expiration=str(COMMITTED))
    expect_left(publisher, twin, 0)
    publisher.call(2, "tx.commit")
    verify.equal(drain(publisher, queue), [b"1"], "queue after the commit")


@pytest.mark.requirement("ttl/redeclare")
@pytest.mark.parametrize("other", [{"x-message-ttl": LONG + 1}, {}], ids=["other", "none"])
def test_redeclare(client: RawClient, names: Names, other: dict[str, int]) -> None:
    """A queue that is declared again with another limit closes the channel with 406."""
    arguments = {"x-message-ttl": LONG}
    queue = own_queue(client, names, **arguments)
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments=arguments)
    client.send(1, "queue.declare", queue=queue, exclusive=True, arguments=other)
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("ttl/invalid")
@pytest.mark.parametrize("value", [-1, 1.5, "10", TEN_YEARS + 1])
def test_invalid_argument(client: RawClient, names: Names, value: object) -> None:
    """An x-message-ttl that is no whole number, negative or too large is refused with 406."""
    own_queue(client, names, **{"x-message-ttl": 10})
    arguments = {"x-message-ttl": value}
    client.send(1, "queue.declare", queue=names(), exclusive=True, arguments=arguments)
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("ttl/invalid")
@pytest.mark.parametrize("value", ["", "-1", "1.5", "ten", " 10", "10 ", str(TEN_YEARS + 1)])
def test_invalid_expiration(client: RawClient, names: Names, value: str) -> None:
    """An expiration that is no whole number, negative or too large is refused with 406."""
    queue = own_queue(client, names)
    client.publish(1, "", queue, b"control", expiration=str(LONG))
    client.publish(1, "", queue, b"wrong", expiration=value)
    client.expect_channel_close(1, 406, method="basic.publish")
    client.open_channel(1)
    verify.equal(drain(client, queue), [b"control"], "queue")


@pytest.mark.requirement("ttl/large")
@pytest.mark.parametrize("ttl", [2**32 - 1, 2**32, TEN_YEARS])
def test_large(client: RawClient, names: Names, ttl: int) -> None:
    """A limit of up to ten years is accepted, as the queue's and as the message's."""
    queue = own_queue(client, names, **{"x-message-ttl": ttl})
    client.publish(1, "", queue, b"1", expiration=str(ttl))
    verify.equal(drain(client, queue), [b"1"], "queue")


@pytest.mark.requirement("ttl/expiration-kept")
def test_expiration_kept(client: RawClient, names: Names) -> None:
    """The consumer sees the expiration as the publisher set it."""
    queue = own_queue(client, names)
    client.publish(1, "", queue, b"1", expiration=str(LONG))
    client.consume(1, queue, no_ack=True)
    [delivery] = take(client, b"1")
    verify.equal(delivery.properties, {"expiration": str(LONG)}, "properties")


@pytest.mark.requirement("ttl/consumer-late")
def test_consumer_late(publisher: RawClient, names: Names) -> None:
    """A consumer that comes after some have expired gets those that have not."""
    queue = own_queue(publisher, names)
    publish_confirmed(publisher, queue, b"expires", expiration=str(SHORT))
    publish_confirmed(publisher, queue, b"expires too", expiration=str(SHORT))
    publish_confirmed(publisher, queue, b"stays")
    expect_left(publisher, queue, 1)
    publisher.consume(2, queue, no_ack=True)
    fill(publisher, queue, [b"last"])
    take(publisher, b"stays", b"last", channel=2)
