"""Policies: https://www.rabbitmq.com/docs/parameters#policies.

Each test works in a vhost of its own, so that a policy for everything concerns nothing else.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from suites import verify
from suites.amqp.expiry import ready
from suites.amqp.steps import drain, fill
from suites.clients.raw import RawClient
from suites.harness.operating import Operator, Realm

pytestmark = pytest.mark.needs("admin")

BODIES = [b"%d" % number for number in range(5)]
TTL = 100  # milliseconds


class Policies:
    """Sets policies in a vhost, and waits until they are in force."""

    def __init__(self, operator: Operator, realm: Realm) -> None:
        self._do = operator.do
        self._vhost = realm.vhost

    def set(self, definition: Mapping[str, Any], name: str = "p", **options: Any) -> None:
        """For everything in the vhost, unless told otherwise."""
        self._do.set_policy(self._vhost, name, definition, **options)

    def clear(self, name: str = "p", **options: Any) -> None:
        """Remove it."""
        self._do.clear_policy(self._vhost, name, **options)


@pytest.fixture
def policies(operator: Operator, realm: Realm) -> Policies:
    """The policies of the test's vhost."""
    return Policies(operator, realm)


@pytest.fixture
def inside(realm: Realm) -> RawClient:
    """A client in the test's vhost."""
    return realm.clients()


def declare(client: RawClient, queue: str, **arguments: Any) -> str:
    """A queue with these arguments, hyphens written as underscores."""
    named = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    client.call(1, "queue.declare", queue=queue, arguments=named)
    return queue


def kept(client: RawClient, queue: str) -> list[bytes]:
    """What the queue keeps of five messages."""
    fill(client, queue, BODIES)
    return drain(client, queue)


def eventually_kept(client: RawClient, queue: str, count: int) -> None:
    """The queue comes to keep the last so many of five messages: a policy is in force soon."""
    verify.eventually(lambda: kept(client, queue), "messages kept", wanted=BODIES[-count:])


@pytest.mark.requirement("policy/new-queue")
def test_new_queue(policies: Policies, inside: RawClient) -> None:
    """A policy holds for a queue that is declared after it, as its argument would."""
    policies.set({"max-length": 2}, pattern="^short")
    verify.equal(kept(inside, declare(inside, "short-q")), BODIES[-2:], "queue")
    verify.equal(kept(inside, declare(inside, "a-short-q")), BODIES, "queue of another name")
    declare(inside, "short-q")  # it is no argument: nothing is inequivalent


@pytest.mark.requirement("policy/existing-queue")
def test_existing_queue(policies: Policies, inside: RawClient) -> None:
    """A policy takes hold of a queue with its messages, and lets go when it is removed."""
    queue = declare(inside, "q")
    fill(inside, queue, BODIES)
    inside.sync(1)
    policies.set({"max-length": 2})
    verify.eventually(lambda: ready(inside, queue), "messages", wanted=2)
    verify.equal(drain(inside, queue), BODIES[-2:], "queue")
    policies.clear()
    eventually_kept(inside, queue, 5)


@pytest.mark.requirement("policy/lower-number")
@pytest.mark.parametrize(("argument", "count"), [(1, 1), (3, 2)])
def test_lower_number(policies: Policies, inside: RawClient, argument: int, count: int) -> None:
    """Of a limit in a policy and in an argument the lower counts."""
    policies.set({"max-length": 2})
    queue = declare(inside, "q", max_length=argument)
    verify.equal(kept(inside, queue), BODIES[-count:], "queue")


@pytest.mark.requirement("policy/argument-first")
def test_argument_first(policies: Policies, inside: RawClient) -> None:
    """Where both say something else than a limit, the argument counts."""
    policies.set({"max-length": 2, "overflow": "reject-publish"})
    verify.equal(kept(inside, declare(inside, "policy")), BODIES[:2], "queue by policy")
    queue = declare(inside, "argument", overflow="drop-head")
    verify.equal(kept(inside, queue), BODIES[-2:], "queue with the argument")


@pytest.mark.requirement("policy/highest-priority")
def test_highest_priority(policies: Policies, inside: RawClient) -> None:
    """Of several policies that match only the one of the highest priority counts."""
    queue = declare(inside, "q")
    policies.set({"max-length": 1}, "low", priority=1)
    policies.set({"max-length": 3}, "high", priority=2)
    eventually_kept(inside, queue, 3)
    policies.clear("high")
    eventually_kept(inside, queue, 1)


@pytest.mark.requirement("policy/apply-to")
def test_apply_to(policies: Policies, inside: RawClient) -> None:
    """A policy for exchanges does not concern queues of matching names."""
    policies.set({"max-length": 1}, "exchanges", apply_to="exchanges", priority=9)
    policies.set({"max-length": 3}, "queues", apply_to="queues")
    verify.equal(kept(inside, declare(inside, "q")), BODIES[-3:], "queue")


@pytest.mark.requirement("policy/operator")
def test_operator(policies: Policies, inside: RawClient) -> None:
    """An operator policy adds its limits to the policy's, and lowers them."""
    queue, other = declare(inside, "q"), declare(inside, "other")
    policies.set({"max-length": 3, "overflow": "drop-head"}, pattern="^q$")
    policies.set({"max-length": 1}, "o", operator=True, apply_to="queues")
    eventually_kept(inside, queue, 1)
    eventually_kept(inside, other, 1)
    policies.clear("o", operator=True)
    eventually_kept(inside, queue, 3)


@pytest.mark.requirement("policy/message-ttl")
def test_message_ttl(policies: Policies, inside: RawClient) -> None:
    """A time to live by policy is given to what comes after it, and stays when the policy goes."""
    queue = declare(inside, "q")
    fill(inside, queue, [b"old"])
    inside.sync(1)
    policies.set({"message-ttl": TTL})
    later = declare(inside, "later")
    fill(inside, later, [b"new"])
    inside.sync(1)
    policies.clear()
    verify.eventually(lambda: ready(inside, later) == 0, "the new message expires", within=10)
    verify.equal(drain(inside, queue), [b"old"], "queue")


@pytest.mark.requirement("policy/expires")
def test_expires(policies: Policies, inside: RawClient) -> None:
    """A lease by policy takes hold of a queue that is there and unused."""
    queue = declare(inside, "q")
    policies.set({"expires": TTL})

    def missing() -> bool:
        inside.send(1, "queue.bind", queue=queue, exchange="amq.fanout")
        reply = inside.find(1, "queue.bind-ok", "channel.close")
        if reply.name == "queue.bind-ok":
            return False
        inside.send(1, "channel.close-ok")
        inside.open_channel(1)
        return bool(reply["reply_code"] == 404)

    verify.eventually(missing, "the queue is gone", within=10, wanted=True)


@pytest.mark.requirement("policy/alternate-exchange")
def test_alternate_exchange(policies: Policies, inside: RawClient) -> None:
    """An alternate exchange by policy gets the unroutable, unless an argument names another."""
    queue = declare(inside, "q")
    inside.call(1, "queue.bind", queue=queue, exchange="amq.fanout")
    inside.call(1, "exchange.declare", exchange="plain", type="direct")
    other = {"alternate-exchange": "amq.topic"}
    inside.call(1, "exchange.declare", exchange="named", type="direct", arguments=other)
    policies.set({"alternate-exchange": "amq.fanout"}, pattern="^(plain|named)$")

    def arrived() -> list[bytes]:
        for exchange in ("named", "plain"):
            inside.publish(1, exchange, "nowhere", exchange.encode())
        return drain(inside, queue)

    verify.eventually(arrived, "unroutable messages", wanted=[b"plain"])
    policies.clear()

    def lost() -> bool:
        return arrived() == []

    verify.eventually(lost, "nothing is caught any more", wanted=True)


@pytest.mark.requirement("dlx/policy")
def test_dead_letters(policies: Policies, inside: RawClient) -> None:
    """Dead-lettering by policy is as that by argument, which counts before it."""
    dead, other = declare(inside, "dead"), declare(inside, "other-dead")
    definition = {"dead-letter-exchange": "", "dead-letter-routing-key": dead}
    policies.set(definition, pattern="^dying")
    queue = declare(inside, "dying")
    named = declare(inside, "dying-named", dead_letter_exchange="", dead_letter_routing_key=other)
    for name in (queue, named):
        fill(inside, name, [name.encode()])
        message = inside.get(1, name, no_ack=False)
        assert message is not None, f"{name} is empty"
        inside.send(1, "basic.reject", delivery_tag=message["delivery_tag"])
    verify.eventually(lambda: drain(inside, dead), "dead letters", wanted=[b"dying"])
    verify.eventually(lambda: drain(inside, other), "dead letters", wanted=[b"dying-named"])
