"""Where dead letters go: by which exchange and keys, and when they go in a circle."""

import pytest

from reference_broker.wire.tables import Typed
from suites import verify
from suites.amqp.dead_letters import (
    TTL,
    counts,
    dead_queue,
    dying_queue,
    reject,
    take_dead,
    wait_and_hold,
)
from suites.amqp.expiry import expect_left
from suites.amqp.steps import drain, fill, take
from suites.amqp.topology import bind, new_exchange, own_queue
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names


@pytest.fixture
def client(raw: RawClients) -> RawClient:
    """A client whose channel 2 is for dead letters."""
    return raw(channels=2)


def bound_dead_queue(client: RawClient, names: Names, exchange: str, key: str = "") -> str:
    """A queue for dead letters with this binding, which channel 2 consumes by its name."""
    queue = own_queue(client, names)
    bind(client, queue, exchange, key)
    client.consume(2, queue, no_ack=True, consumer_tag=queue)
    return queue


@pytest.mark.requirement("dlx/routing-key-kept")
def test_routing_key_kept(client: RawClient, names: Names) -> None:
    """Without a key of its own, a queue sends dead letters by all their keys: its own, CC, BCC."""
    exchange = new_exchange(client, names)
    queue = own_queue(client, names, **{"x-dead-letter-exchange": exchange})
    keys = (queue, "copied", "hidden", "other")
    arrived = {bound_dead_queue(client, names, exchange, key): key for key in keys}
    copies = {"CC": ["copied"], "BCC": ["hidden"]}
    client.publish(1, "", queue, b"1", headers=copies)
    reject(client, queue, b"1")
    letters = take_dead(client, b"1", b"1", b"1")
    seen = {arrived[letter["consumer_tag"]] for letter in letters}
    verify.equal(seen, {queue, "copied", "hidden"}, "keys")
    envelopes = {(letter["exchange"], letter["routing_key"]) for letter in letters}
    verify.equal(envelopes, {(exchange, queue)}, "exchange and routing key")
    verify.equal(letters[0].properties["headers"].get("CC"), ["copied"], "CC")


@pytest.mark.requirement("dlx/routing-key-set")
def test_routing_key_set(client: RawClient, names: Names) -> None:
    """A queue with x-dead-letter-routing-key sends dead letters by that key alone."""
    exchange = new_exchange(client, names)
    arguments = {"x-dead-letter-exchange": exchange, "x-dead-letter-routing-key": "set"}
    queue = own_queue(client, names, **arguments)
    other = own_queue(client, names)
    for key in (queue, "copied", "hidden"):
        bind(client, other, exchange, key)
    bound_dead_queue(client, names, exchange, "set")
    copies = {"CC": ["copied"], "BCC": ["hidden"]}
    client.publish(1, "", queue, b"1", headers=copies)
    reject(client, queue, b"1")
    [letter] = take_dead(client, b"1")
    verify.equal((letter["exchange"], letter["routing_key"]), (exchange, "set"), "envelope")
    verify.equal(letter.properties["headers"].get("CC"), None, "CC")
    verify.equal(drain(client, other), [], "by other keys")


@pytest.mark.requirement("dlx/default-exchange")
def test_default_exchange(client: RawClient, names: Names) -> None:
    """By the default exchange a dead letter goes to the queue that its key names."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    fill(client, queue, [b"1"])
    reject(client, queue, b"1")
    [letter] = take_dead(client, b"1")
    verify.equal((letter["exchange"], letter["routing_key"]), ("", dead), "envelope")


@pytest.mark.requirement("dlx/multiple-queues")
def test_multiple_queues(client: RawClient, names: Names) -> None:
    """Each queue that the dead-letter exchange routes to gets a copy."""
    exchange = new_exchange(client, names, "fanout")
    queues = {bound_dead_queue(client, names, exchange) for _ in range(3)}
    queue = own_queue(client, names, **{"x-dead-letter-exchange": exchange})
    fill(client, queue, [b"1"])
    reject(client, queue, b"1")
    letters = take_dead(client, b"1", b"1", b"1")
    verify.equal({letter["consumer_tag"] for letter in letters}, queues, "queues")


@pytest.mark.requirement("dlx/missing-exchange")
def test_missing_exchange(client: RawClient, names: Names) -> None:
    """Without the dead-letter exchange messages are dropped; once it is there, they go to it."""
    exchange = names("exchange")
    queue = own_queue(client, names, **{"x-dead-letter-exchange": exchange})
    fill(client, queue, [b"dropped"])
    reject(client, queue, b"dropped")
    verify.equal(drain(client, queue), [], "queue")
    client.call(1, "exchange.declare", exchange=exchange, type="fanout")
    bound_dead_queue(client, names, exchange)
    fill(client, queue, [b"arrives"])
    reject(client, queue, b"arrives")
    take_dead(client, b"arrives")


@pytest.mark.requirement("dlx/exchange-deleted-later")
def test_exchange_deleted_later(client: RawClient, names: Names) -> None:
    """When the dead-letter exchange is deleted, messages are dropped, and the queue goes on."""
    exchange = new_exchange(client, names, "fanout")
    dead = bound_dead_queue(client, names, exchange)
    queue = own_queue(client, names, **{"x-dead-letter-exchange": exchange})
    fill(client, queue, [b"arrives"])
    reject(client, queue, b"arrives")
    take_dead(client, b"arrives")
    client.call(1, "exchange.delete", exchange=exchange)
    fill(client, queue, [b"dropped"])
    reject(client, queue, b"dropped")
    verify.equal(drain(client, queue), [], "queue")
    fill(client, dead, [b"last"])
    take_dead(client, b"last")


@pytest.mark.requirement("dlx/self")
def test_self(client: RawClient, names: Names) -> None:
    """A message that is rejected into its own queue comes again at the end, as a new one."""
    queue = names()
    arguments = {"x-dead-letter-exchange": ""}
    client.call(1, "queue.declare", queue=queue, exclusive=True, arguments=arguments)
    fill(client, queue, [b"1", b"2"])
    tags = wait_and_hold(client, queue, b"1", b"2")
    fill(client, queue, [b"3"])
    client.send(1, "basic.reject", delivery_tag=tags[0])
    expect_left(client, queue, 2)
    client.consume(2, queue, no_ack=True)
    _, again = take(client, b"3", b"1", channel=2)
    verify.equal(again["redelivered"], False, "redelivered")
    verify.equal(counts(again), [(queue, "rejected", 1)], "x-death")


@pytest.mark.requirement("dlx/cycle-ttl")
def test_cycle_ttl(client: RawClient, names: Names) -> None:
    """A message that would go in a circle by expiry alone is dropped."""
    exchange = new_exchange(client, names, "fanout")
    queue = own_queue(client, names, **{"x-dead-letter-exchange": exchange, "x-message-ttl": 1})
    bind(client, queue, exchange)
    bound_dead_queue(client, names, exchange)
    fill(client, queue, [b"1"])
    take_dead(client, b"1")
    fill(client, queue, [b"2"])
    take_dead(client, b"2")  # were the first still going round, it would have come before
    expect_left(client, queue, 0)


@pytest.mark.requirement("dlx/cycle-reject")
def test_cycle_reject(client: RawClient, names: Names) -> None:
    """A message goes round as often as a consumer rejects it on its way."""
    queue, waiting = names(), names()
    for name, other, limit in ((queue, waiting, {}), (waiting, queue, {"x-message-ttl": 1})):
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": other, **limit}
        client.call(1, "queue.declare", queue=name, exclusive=True, arguments=arguments)
    fill(client, queue, [b"1"])
    for _ in range(5):
        reject(client, queue, b"1")
    client.consume(2, queue, no_ack=True)
    [letter] = take_dead(client, b"1")
    verify.equal(counts(letter), [(waiting, "expired", 5), (queue, "rejected", 5)], "x-death")


@pytest.mark.requirement("dlx/republished-x-death")
def test_republished_x_death(client: RawClient, names: Names) -> None:
    """An x-death that a client publishes is not believed when circles are looked for."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead, **{"x-message-ttl": TTL})
    claimed = {"queue": dead, "reason": "expired", "count": Typed("l", 1)}
    client.publish(1, "", queue, b"claims", headers={"x-death": [claimed]})
    client.publish(1, "", queue, b"control")
    take_dead(client, b"claims", b"control")
