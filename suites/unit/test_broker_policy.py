from collections.abc import Callable
from typing import Any

import pytest

from reference_broker.broker.access import TopicPermission, User
from reference_broker.broker.broker import Broker
from reference_broker.broker.passwords import hash_password
from reference_broker.broker.policy import Policies, Policy, PolicyError, check_policy, merged
from reference_broker.broker.queue import Outcome, Queue
from reference_broker.broker.vhost import VHost
from reference_broker.wire.errors import SoftError
from suites.unit.doubles import FakeClock, body_of, message

Declare = Callable[..., Queue]


@pytest.fixture
def broker() -> Broker:
    """A broker with the vhost `/`."""
    broker = Broker(FakeClock())
    broker.add_guest()
    return broker


@pytest.fixture
def vhost(broker: Broker) -> VHost:
    """The vhost `/`."""
    return broker.vhosts["/"]


@pytest.fixture
def declare(vhost: VHost) -> Declare:
    """Declares a queue `q` with these arguments, underscores for hyphens, or another by name."""

    def declared(name: str = "q", **arguments: Any) -> Queue:
        return vhost.declare_queue(
            name,
            durable=True,
            auto_delete=False,
            owner=None,
            arguments={key.replace("_", "-"): value for key, value in arguments.items()},
        )

    return declared


def policy(definition: dict[str, Any], name: str = "p", **options: Any) -> Policy:
    """A policy for everything unless told otherwise."""
    return Policy(name, options.pop("pattern", ""), definition, **options)


def bodies(queue: Queue) -> list[bytes]:
    """What is ready, in order."""
    return [body_of(message) for message in queue._ready]  # noqa: SLF001  without taking it


def fill(queue: Queue, count: int = 5) -> None:
    """Put messages 0, 1, … into the queue."""
    for number in range(count):
        queue.put(message(b"%d" % number))


def test_the_highest_priority_counts() -> None:
    """Of those whose pattern and kind match; of equals the last by name."""
    policies = Policies()
    for made in (
        policy({"max-length": 1}, "a", priority=1),
        policy({"max-length": 2}, "b", priority=2, pattern="^only"),
        policy({"max-length": 3}, "c", priority=9, apply_to="exchanges"),
        policy({"max-length": 4}, "d", priority=1, apply_to="queues"),
    ):
        policies.ordinary[made.name] = made
    assert policies.effective("queues", "q") == {"max-length": 4}
    assert policies.effective("queues", "only-q") == {"max-length": 2}
    assert policies.effective("exchanges", "q") == {"max-length": 3}
    assert Policies().effective("queues", "q") == {}


def test_an_operator_policy_adds_and_lowers() -> None:
    """Its numbers are added, and count where they are lower."""
    own = {"max-length": 5, "expires": 7, "overflow": "reject-publish"}
    both = merged(own, {"max-length": 3, "expires": 9, "message-ttl": 1})
    assert both == {**own, "max-length": 3, "message-ttl": 1}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"definition": {}}, "no policy provided"),
        ({"definition": {"foo": 1}}, '[{<<"foo">>,1}] are not recognised policy settings'),
        ({"definition": {"max-length": -1}}, "-1 is not a valid maximum length"),
        ({"definition": {"max-length": True}}, "true is not a valid maximum length"),
        ({"definition": {"message-ttl": 1.5}}, "1.5 is not a valid message TTL"),
        ({"definition": {"expires": 0}}, "0 is not a valid queue expiry"),
        ({"definition": {"overflow": "x"}}, '<<"x">> is not a valid overflow value'),
        ({"pattern": "("}, "pattern should be regular expression but is invalid"),
        ({"apply_to": "all-of-it"}, "apply-to 'all-of-it' unrecognised"),
    ],
)
def test_wrong_policies_are_refused(wrong: dict[str, Any], told: str) -> None:
    """In RabbitMQ's words."""
    fields = {"name": "p", "pattern": "", "definition": {"max-length": 1}, **wrong}
    with pytest.raises(PolicyError) as caught:
        check_policy(Policy(**fields))
    assert told in str(caught.value)


def test_an_operator_policy_holds_limits_alone() -> None:
    """What is no limit is refused."""
    check_policy(policy({"max-length": 1}), operator=True)
    with pytest.raises(PolicyError, match="not recognised"):
        check_policy(policy({"overflow": "reject-publish"}), operator=True)


@pytest.mark.parametrize(("argument", "most"), [(None, 3), (2, 2), (4, 3)])
def test_the_lower_number_counts(
    broker: Broker, vhost: VHost, declare: Declare, argument: int | None, most: int
) -> None:
    """Of a policy and an argument, whichever came first."""
    queue = declare(**({} if argument is None else {"x_max_length": argument}))
    broker.set_policy(vhost, policy({"max-length": 3}))
    fill(queue)
    assert len(queue) == most


def test_the_argument_counts_before_the_policy(
    broker: Broker, vhost: VHost, declare: Declare
) -> None:
    """Where it is no number."""
    broker.set_policy(vhost, policy({"max-length": 1, "overflow": "reject-publish"}))
    drops, refuses = declare("drops", x_overflow="drop-head"), declare("refuses")
    fill(drops)
    fill(refuses)
    assert (bodies(drops), bodies(refuses)) == ([b"4"], [b"0"])


def test_a_policy_takes_hold_of_what_is_there(
    broker: Broker, vhost: VHost, declare: Declare
) -> None:
    """A queue that is too long is trimmed, into its dead letters; without the policy it grows."""
    queue, dead = declare(), declare("dead")
    fill(queue)
    definition = {
        "max-length-bytes": 2,
        "dead-letter-exchange": "",
        "dead-letter-routing-key": "dead",
    }
    broker.set_policy(vhost, policy(definition, pattern="^q$"))
    assert (bodies(queue), bodies(dead)) == ([b"3", b"4"], [b"0", b"1", b"2"])
    assert broker.clear_policy(vhost, "p")
    assert not broker.clear_policy(vhost, "p")
    fill(queue)
    assert len(queue) == 7


def test_a_time_to_live_is_given_to_what_comes(
    broker: Broker, vhost: VHost, declare: Declare
) -> None:
    """What waits keeps the one that it has, when the policy comes and when it goes."""
    clock = broker.clock
    assert isinstance(clock, FakeClock)
    queue, other = declare(), declare("other")
    queue.put(message(b"old"))
    broker.set_policy(vhost, policy({"message-ttl": 100}))
    other.put(message(b"new"))
    broker.clear_policy(vhost, "p")
    clock.advance(0.2)
    assert (bodies(queue), bodies(other)) == ([b"old"], [])


def test_a_lease_begins_with_its_policy(broker: Broker, vhost: VHost, declare: Declare) -> None:
    """And ends with it."""
    clock = broker.clock
    assert isinstance(clock, FakeClock)
    declare()
    clock.advance(10)
    broker.set_policy(vhost, policy({"expires": 1000}))
    clock.advance(0.9)
    assert "q" in vhost.queues
    broker.clear_policy(vhost, "p")
    clock.advance(10)
    assert "q" in vhost.queues
    broker.set_policy(vhost, policy({"expires": 1000}))
    clock.advance(1.1)
    assert "q" not in vhost.queues


def test_alternate_exchanges(broker: Broker, vhost: VHost) -> None:
    """Of an exchange that has an argument the argument counts."""
    own = {"alternate-exchange": "amq.topic"}
    flags = {"durable": False, "auto_delete": False, "internal": False}
    plain = vhost.declare_exchange("plain", "direct", arguments={}, **flags)
    named = vhost.declare_exchange("named", "direct", arguments=own, **flags)
    before = vhost.version
    broker.set_policy(vhost, policy({"alternate-exchange": "amq.fanout"}))
    later = vhost.declare_exchange("later", "direct", arguments={}, **flags)
    assert (plain.alternate, named.alternate) == ("amq.fanout", "amq.topic")
    assert later.alternate == "amq.fanout"
    assert vhost.version > before
    broker.clear_policy(vhost, "p")
    assert plain.alternate is None


def test_a_quorum_queue_takes_a_delivery_limit(
    broker: Broker, vhost: VHost, declare: Declare
) -> None:
    """A classic one does not."""
    broker.set_policy(vhost, policy({"delivery-limit": 1}))
    left = []
    for queue in (declare("c"), declare("q", x_queue_type="quorum")):
        assert queue.put(message(b"x")) is not Outcome.REJECTED
        for _ in range(2):
            taken = queue.take()
            assert taken is not None
            queue.requeue([taken[:2]])
        left.append(len(queue))
    assert left == [1, 0]


def test_one_queue_too_many(vhost: VHost, declare: Declare) -> None:
    """The limit of a vhost counts new queues, and a negative one nothing."""
    vhost.limits["max-queues"] = 1
    declare()
    declare()
    with pytest.raises(SoftError, match=r"queue limit in vhost '/' \(1\) is reached") as caught:
        declare("other")
    assert caught.value.code == 406
    vhost.limits["max-queues"] = -1
    declare("other")


@pytest.mark.parametrize(
    ("what", "exchange", "key", "passes"),
    [
        ("write", "t", "u-/-news", True),
        ("write", "t", "other", False),
        ("read", "t", "in.any", True),
        ("read", "t", "out", False),
        ("write", "another", "other", True),
    ],
)
def test_topic_permissions(what: str, exchange: str, key: str, passes: bool) -> None:
    """They hold for one exchange, with the names of user and vhost filled in."""
    user = User("u", hash_password("p"))
    user.topics["/", "t"] = TopicPermission("^{username}-{vhost}-", "^in")
    if passes:
        user.check_topic("/", what, exchange, key)
        return
    with pytest.raises(SoftError) as caught:
        user.check_topic("/", what, exchange, key)
    told = f"access to topic '{key}' in exchange 't' in vhost '/' refused for user 'u'"
    assert (caught.value.code, caught.value.text) == (403, told)
