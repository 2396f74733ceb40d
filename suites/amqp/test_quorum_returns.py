"""Quorum queues count how often a message comes back, and can bury what comes back too often."""

import pytest

from suites import verify
from suites.amqp.dead_letters import counts, dead_queue, take_dead
from suites.amqp.quorum import (
    COUNT,
    expect_ready,
    get,
    put,
    quorum_queue,
    refuse,
    require_quorum,
    returns,
)
from suites.amqp.steps import drain, reopen, take
from suites.amqp.topology import leave
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

pytestmark = pytest.mark.needs("publisher_confirms")


@pytest.fixture(autouse=True)
def _knows_quorum(raw: RawClients) -> None:
    require_quorum(raw)


def burying(dead: str, limit: int | None = None) -> dict[str, object]:
    """Arguments of a queue whose dead letters go to the queue `dead`."""
    limits = {} if limit is None else {"x-delivery-limit": limit}
    return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead, **limits}


@pytest.mark.requirement("fault/delivery-count")
@pytest.mark.parametrize("limit", [None, 10])
def test_delivery_count(client: RawClient, names: Names, limit: int | None) -> None:
    """The header x-delivery-count says how often a message has come back, beginning with 0."""
    arguments = {} if limit is None else {"x-delivery-limit": limit}
    queue = quorum_queue(client, names, **arguments)
    put(client, queue, b"m", headers={"mine": 1})
    for back in range(4):
        message = get(client, queue, b"m")
        told = (message.properties["headers"], message["redelivered"])
        verify.equal(told, ({"mine": 1, COUNT: back}, back > 0), "headers, redelivered")
        refuse(client, message)


@pytest.mark.requirement("fault/delivery-count")
def test_delivery_count_to_consumer(raw: RawClients, names: Names) -> None:
    """A consumer is told the count as well, also of what another channel has left behind."""
    client = raw(channels=2)
    queue = quorum_queue(client, names)
    client.consume(2, queue)
    put(client, queue, b"m")
    first = client.expect_content(2, "basic.deliver", b"m")
    verify.equal((returns(first), first["redelivered"]), (0, False), "count, redelivered")
    refuse(client, first)
    second = client.expect_content(2, "basic.deliver", b"m")
    verify.equal((returns(second), second["redelivered"]), (1, True), "count, redelivered")
    client.call(2, "channel.close", reply_code=200)
    third = get(client, queue, b"m")
    verify.equal((returns(third), third["redelivered"]), (2, True), "count, redelivered")


@pytest.mark.requirement("quorum/delivery-count-forged")
def test_delivery_count_forged(client: RawClient, names: Names) -> None:
    """A count that a publisher has written is not believed."""
    queue = quorum_queue(client, names, **{"x-delivery-limit": 3})
    put(client, queue, b"m", headers={COUNT: 77})
    message = get(client, queue, b"m")
    verify.equal(returns(message), 0, COUNT)
    refuse(client, message)
    verify.equal(returns(get(client, queue, b"m")), 1, COUNT)


@pytest.mark.requirement("quorum/requeue-to-end")
def test_requeue_to_end(client: RawClient, names: Names) -> None:
    """What is refused goes to the end of the line, in a queue without a delivery limit."""
    queue = quorum_queue(client, names)
    put(client, queue, b"1", b"2", b"3")
    refuse(client, get(client, queue, b"1"))
    expect_ready(client, queue, 3)
    put(client, queue, b"4")
    verify.equal(drain(client, queue), [b"2", b"3", b"1", b"4"], "queue")


@pytest.mark.requirement("quorum/requeue-to-front")
def test_requeue_to_front(client: RawClient, names: Names) -> None:
    """With a delivery limit it stands before all that was never out, in order of its return."""
    queue = quorum_queue(client, names, **{"x-delivery-limit": 10})
    put(client, queue, b"1", b"2", b"3", b"4")
    first, second = get(client, queue, b"1"), get(client, queue, b"2")
    for ready, message in enumerate((second, first), start=3):
        refuse(client, message)
        expect_ready(client, queue, ready)
    verify.equal(drain(client, queue), [b"2", b"1", b"3", b"4"], "queue")


@pytest.mark.requirement("quorum/left-to-front")
@pytest.mark.parametrize("limit", [None, 10])
def test_left_to_front(raw: RawClients, names: Names, limit: int | None) -> None:
    """What a channel leaves behind stands before all that was never out."""
    client = raw(channels=2)
    arguments = {} if limit is None else {"x-delivery-limit": limit}
    queue = quorum_queue(client, names, **arguments)
    put(client, queue, b"1", b"2", b"3")
    get(client, queue, b"1", channel=2)
    get(client, queue, b"2", channel=2)
    reopen(client, 2)
    expect_ready(client, queue, 3)
    verify.equal(drain(client, queue), [b"1", b"2", b"3"], "queue")


@pytest.mark.requirement("quorum/delivery-limit")
@pytest.mark.parametrize("limit", [0, 2])
def test_delivery_limit(raw: RawClients, names: Names, limit: int) -> None:
    """What comes back more often than the limit allows is dead-lettered, and says why."""
    client = raw(channels=2)
    dead = dead_queue(client, names)
    queue = quorum_queue(client, names, **burying(dead, limit))
    put(client, queue, b"m")
    for back in range(limit + 1):
        message = get(client, queue, b"m")
        verify.equal(returns(message), back, COUNT)
        refuse(client, message)
    [letter] = take_dead(client, b"m")
    verify.equal(counts(letter), [(queue, "delivery_limit", 1)], "deaths")
    verify.equal(COUNT in letter.properties["headers"], False, COUNT)
    verify.equal(drain(client, queue), [], "queue")


@pytest.mark.requirement("quorum/delivery-limit-dropped")
def test_delivery_limit_dropped(client: RawClient, names: Names) -> None:
    """Without a dead-letter exchange such a message is gone."""
    queue = quorum_queue(client, names, **{"x-delivery-limit": 1})
    put(client, queue, b"bad", b"good")
    refuse(client, get(client, queue, b"bad"))
    refuse(client, get(client, queue, b"bad"))
    get(client, queue, b"good")
    verify.equal(drain(client, queue), [], "queue")


@pytest.mark.requirement("fault/poison-message")
@pytest.mark.parametrize("limit", [2])
def test_poison_message(raw: RawClients, names: Names, limit: int) -> None:
    """A message on which every consumer dies is redelivered, and buried beyond the limit."""
    client = raw(channels=2)
    dead = dead_queue(client, names)
    queue = quorum_queue(client, names, **burying(dead, limit))
    put(client, queue, b"poison")
    for back in range(limit + 1):
        victim = raw()
        victim.consume(1, queue)
        message = victim.expect_content(1, "basic.deliver", b"poison")
        verify.equal((returns(message), message["redelivered"]), (back, back > 0), "count, flag")
        victim.link.reset()
    [letter] = take_dead(client, b"poison")
    verify.equal(counts(letter), [(queue, "delivery_limit", 1)], "deaths")


@pytest.mark.requirement("fault/poison-message")
def test_poison_message_unlimited(raw: RawClients, names: Names) -> None:
    """Without a limit it is redelivered to one consumer after the other, and never lost."""
    client = raw()
    queue = quorum_queue(client, names)
    put(client, queue, b"poison")
    for back in range(5):
        victim = raw()
        victim.consume(1, queue)
        message = victim.expect_content(1, "basic.deliver", b"poison")
        verify.equal((returns(message), message["redelivered"]), (back, back > 0), "count, flag")
        leave(victim)
    verify.equal(returns(get(client, queue, b"poison")), 5, COUNT)


@pytest.mark.requirement("quorum/rejected")
def test_rejected(raw: RawClients, names: Names) -> None:
    """What is rejected for good is dead-lettered as from any queue, whatever its count."""
    client = raw(channels=2)
    dead = dead_queue(client, names)
    queue = quorum_queue(client, names, **burying(dead))
    put(client, queue, b"m", delivery_mode=1)
    refuse(client, get(client, queue, b"m"))
    refuse(client, get(client, queue, b"m"), requeue=False)
    [letter] = take_dead(client, b"m")
    verify.equal(counts(letter), [(queue, "rejected", 1)], "deaths")
    verify.equal(letter.properties["delivery_mode"], 1, "delivery-mode")
    verify.equal(COUNT in letter.properties["headers"], False, f"{COUNT} among the headers")


@pytest.mark.requirement("quorum/ttl")
@pytest.mark.parametrize("whose", ["queue", "message"])
def test_ttl(raw: RawClients, names: Names, whose: str) -> None:
    """A message expires in a quorum queue, also when it came back."""
    client = raw(channels=2)
    dead = dead_queue(client, names)
    limit = {"x-message-ttl": 300} if whose == "queue" else {}
    queue = quorum_queue(client, names, **burying(dead), **limit)
    put(client, queue, b"m", **({} if limit else {"expiration": "300"}))
    refuse(client, get(client, queue, b"m"))
    [letter] = take_dead(client, b"m")
    verify.equal(counts(letter), [(queue, "expired", 1)], "deaths")


@pytest.mark.requirement("quorum/fifo")
def test_fifo(raw: RawClients, names: Names) -> None:
    """A quorum queue keeps order, and gives each message once."""
    client = raw(channels=2)
    queue = quorum_queue(client, names)
    for number in range(200):
        client.publish(1, "", queue, b"%d" % number, delivery_mode=1 + number % 2)
    client.consume(2, queue, no_ack=True)
    take(client, *(b"%d" % number for number in range(200)), channel=2)
    client.expect_nothing(2)
    verify.equal(drain(client, queue), [], "queue")
