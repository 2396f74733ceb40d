"""Dead letters: what a queue with x-dead-letter-exchange sends there, and in which order."""

import pytest

from suites import verify
from suites.amqp.dead_letters import (
    TTL,
    dead_queue,
    deaths,
    dying_queue,
    reject,
    take_dead,
)
from suites.amqp.steps import drain, fill, hold, take
from suites.amqp.topology import own_queue
from suites.brokers import definitions
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

LONG = "60000"  # milliseconds


@pytest.fixture
def client(raw: RawClients) -> RawClient:
    """A client whose channel 2 is for dead letters."""
    return raw(channels=2)


@pytest.mark.requirement("dlx/reject")
def test_reject(client: RawClient, names: Names) -> None:
    """A message that is rejected without requeue is dead-lettered."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    fill(client, queue, [b"1"])
    reject(client, queue, b"1")
    [letter] = take_dead(client, b"1")
    verify.equal(deaths(letter)[0]["reason"], "rejected", "reason")


@pytest.mark.requirement("dlx/nack")
@pytest.mark.needs("basic.nack")
@pytest.mark.parametrize("by", ["tag", "zero"])
def test_nack(client: RawClient, names: Names, by: str) -> None:
    """Messages nacked together without requeue are dead-lettered in their order."""
    bodies = [b"1", b"2", b"3", b"4"]
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    fill(client, queue, bodies)
    tags = hold(client, queue, *bodies)
    client.send(1, "basic.nack", delivery_tag=tags[-1] if by == "tag" else 0, multiple=True)
    take_dead(client, *bodies)


@pytest.mark.requirement("dlx/nack")
def test_reject_order(client: RawClient, names: Names) -> None:
    """Messages rejected one by one are dead-lettered in the order of the rejects."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    fill(client, queue, [b"1", b"2", b"3"])
    for tag in reversed(hold(client, queue, b"1", b"2", b"3")):
        client.send(1, "basic.reject", delivery_tag=tag)
    take_dead(client, b"3", b"2", b"1")


@pytest.mark.requirement("dlx/nack-priorities")
@pytest.mark.needs("basic.nack")
def test_nack_priorities(client: RawClient, names: Names) -> None:
    """Of what a consumer has of a queue with priorities the higher ones die first."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead, **{"x-max-priority": 5})
    client.consume(1, queue)
    for body, priority in ((b"1", 0), (b"2", 5), (b"3", 0), (b"4", 1)):
        client.publish(1, "", queue, body, priority=priority)
        take(client, body)
    client.send(1, "basic.nack", delivery_tag=0, multiple=True)
    take_dead(client, b"2", b"4", b"1", b"3")


@pytest.mark.requirement("dlx/nack-consumers")
@pytest.mark.needs("basic.nack")
def test_nack_consumers(client: RawClient, names: Names) -> None:
    """Of what a channel has, what was fetched dies first, then consumer by consumer, by tag."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead, **{"x-max-priority": 5})
    for body, priority in ((b"1", 0), (b"2", 5)):
        client.publish(1, "", queue, body, priority=priority)
        hold(client, queue, body)
    for tag in ("z", "a"):
        client.consume(1, queue, consumer_tag=tag)
    for body, priority in ((b"3", 0), (b"4", 0), (b"5", 5), (b"6", 1)):
        client.publish(1, "", queue, body, priority=priority)
        take(client, body)
    client.send(1, "basic.nack", delivery_tag=0, multiple=True)
    take_dead(client, b"1", b"2", b"6", b"4", b"5", b"3")


@pytest.mark.requirement("dlx/requeue-not")
def test_requeue_not(client: RawClient, names: Names) -> None:
    """A message that is rejected with requeue is in its queue again, and is no dead letter."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    fill(client, queue, [b"back", b"control"])
    back, control = hold(client, queue, b"back", b"control")
    client.send(1, "basic.reject", delivery_tag=back, requeue=True)
    client.send(1, "basic.reject", delivery_tag=control)
    take_dead(client, b"control")
    verify.equal(drain(client, queue), [b"back"], "queue")


@pytest.mark.requirement("dlx/ttl")
def test_ttl(client: RawClient, names: Names) -> None:
    """Messages that reach the queue's x-message-ttl are dead-lettered by themselves, in order."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead, **{"x-message-ttl": TTL})
    bodies = [b"%d" % number for number in range(10)]
    fill(client, queue, bodies)
    letters = take_dead(client, *bodies)
    verify.equal({deaths(letter)[0]["reason"] for letter in letters}, {"expired"}, "reasons")


@pytest.mark.requirement("dlx/message-ttl")
def test_message_ttl(client: RawClient, names: Names) -> None:
    """A message that reaches its expiration goes on without it: x-death tells what it was."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    client.publish(1, "", queue, b"1", expiration=str(TTL))
    [letter] = take_dead(client, b"1")
    verify.equal(letter.properties.get("expiration"), None, "expiration")
    seen = {name: deaths(letter)[0].get(name) for name in ("reason", "original-expiration")}
    verify.equal(seen, {"reason": "expired", "original-expiration": str(TTL)}, "x-death")


@pytest.mark.requirement("queue/delete-dead-letters")
def test_deleted_queue(client: RawClient, names: Names) -> None:
    """What is pending on a queue that is deleted goes to its dead-letter exchange."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    client.publish(1, "", queue, b"pending")
    client.call(1, "queue.delete", queue=queue)
    client.publish(1, "", dead, b"control")
    take_dead(client, b"pending", b"control")


@pytest.mark.requirement("dlx/maxlen")
@pytest.mark.parametrize("limit", [{"x-max-length": 2}, {"x-max-length-bytes": 2}], ids=str)
def test_maxlen(client: RawClient, names: Names, limit: dict[str, int]) -> None:
    """Messages that are dropped from the head of a full queue are dead-lettered in order."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead, **limit)
    fill(client, queue, [b"1", b"2", b"3", b"4"])
    letters = take_dead(client, b"1", b"2")
    verify.equal({deaths(letter)[0]["reason"] for letter in letters}, {"maxlen"}, "reasons")
    verify.equal(drain(client, queue), [b"3", b"4"], "queue")


@pytest.mark.requirement("dlx/reject-publish-dlx")
@pytest.mark.needs("publisher_confirms", "basic.nack")
def test_reject_publish_dlx(client: RawClient, names: Names) -> None:
    """With reject-publish-dlx, what a full queue refuses is nacked and dead-lettered."""
    client.call(1, "confirm.select")
    dead = dead_queue(client, names)
    limits = {"x-max-length": 1, "x-overflow": "reject-publish-dlx"}
    queue = dying_queue(client, names, dead, **limits)
    fill(client, queue, [b"1"])
    client.expect(1, "basic.ack")
    fill(client, queue, [b"2"])
    client.expect(1, "basic.nack")
    [letter] = take_dead(client, b"2")
    verify.equal(deaths(letter)[0]["reason"], "maxlen", "reason")
    verify.equal(drain(client, queue), [b"1"], "queue")


@pytest.mark.requirement("dlx/not-redelivered")
def test_not_redelivered(client: RawClient, names: Names) -> None:
    """A dead letter is a new message in its queue: not flagged as redelivered."""
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    fill(client, queue, [b"1"])
    [tag] = hold(client, queue, b"1")
    client.send(1, "basic.reject", delivery_tag=tag, requeue=True)
    again = client.call(1, "basic.get", queue=queue)
    verify.equal(again["redelivered"], True, "redelivered, the control")
    client.send(1, "basic.reject", delivery_tag=again["delivery_tag"])
    [letter] = take_dead(client, b"1")
    verify.equal(letter["redelivered"], False, "redelivered")


@pytest.mark.requirement("dlx/body-kept")
@pytest.mark.parametrize("size", [0, 1, 300_000], ids=["empty", "octet", "three-frames"])
def test_body_kept(client: RawClient, names: Names, size: int) -> None:
    """The body of a dead letter is that of the message, also over several frames."""
    body = bytes(number % 251 for number in range(size))
    dead = dead_queue(client, names)
    queue = dying_queue(client, names, dead)
    client.publish(1, "", queue, body)
    reject(client, queue, body)
    take_dead(client, body)


@pytest.mark.requirement("dlx/declare-invalid")
@pytest.mark.parametrize("value", [1, True, None, ["x"]], ids=str)
@pytest.mark.parametrize("argument", ["x-dead-letter-exchange", "x-dead-letter-routing-key"])
def test_declare_invalid(client: RawClient, names: Names, argument: str, value: object) -> None:
    """A dead-letter exchange or routing key that is no string is refused with 406."""
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "key"}
    own_queue(client, names, **arguments)
    wrong = {**arguments, argument: value}
    client.send(1, "queue.declare", queue=names(), exclusive=True, arguments=wrong)
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("dlx/key-without-exchange")
def test_key_without_exchange(client: RawClient, names: Names) -> None:
    """A dead-letter routing key without a dead-letter exchange is refused with 406."""
    arguments = {"x-dead-letter-routing-key": "key"}
    client.send(1, "queue.declare", queue=names(), exclusive=True, arguments=arguments)
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("dlx/permissions")
@pytest.mark.needs("users")
def test_permissions(raw: RawClients, names: Names) -> None:
    """A dead-letter exchange that the user may not write to is refused with 403."""
    limited = raw(user=definitions.LIMITED_USER, password=definitions.LIMITED_PASSWORD)
    own = {"x-dead-letter-exchange": names("exchange", prefix="limited-")}
    foreign = {"x-dead-letter-exchange": names("exchange")}
    queue, refused = names(prefix="limited-"), names(prefix="limited-")
    limited.call(1, "queue.declare", queue=queue, exclusive=True, arguments=own)
    limited.send(1, "queue.declare", queue=refused, exclusive=True, arguments=foreign)
    limited.expect_channel_close(1, 403, method="queue.declare")
