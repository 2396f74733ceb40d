from typing import Any

import pytest
from hypothesis import given

from reference_broker.broker.deadletter import buried, in_circle
from reference_broker.broker.message import Message
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.wire.content import body_of, header_of
from reference_broker.wire.methods import decode_properties
from reference_broker.wire.tables import Timestamp
from suites.unit.doubles import FakeClock, FakeConsumer, message
from suites.unit.generated import TABLES

NOW = 1_700_000_000


def bury(dead: Message, queue: str = "q", reason: str = "rejected", key: str = "k") -> Message:
    """The message as it leaves for the exchange dlx."""
    return buried(dead, "dlx", (key,), queue, reason, NOW)


def deaths(dead: Message) -> list[dict[str, Any]]:
    """The x-death header, shortened to what the tests compare."""
    return [
        {name: death[name] for name in ("queue", "reason", "count")}
        for death in dead.headers["x-death"]
    ]


def test_a_first_death() -> None:
    """The headers say where, why, when and how often; body and other properties stay."""
    dead = bury(message(b"body", "k", "e", message_id="m", headers={"own": 1}))
    assert dead.headers == {
        "own": 1,
        "x-death": [
            {
                "count": 1,
                "reason": "rejected",
                "queue": "q",
                "time": Timestamp(NOW),
                "exchange": "e",
                "routing-keys": ["k"],
            }
        ],
        "x-first-death-exchange": "e",
        "x-first-death-queue": "q",
        "x-first-death-reason": "rejected",
    }
    assert (dead.exchange, dead.routing_key, body_of(dead.frames)) == ("dlx", "k", b"body")
    assert decode_properties(header_of(dead.frames))["message_id"] == "m"


def test_later_deaths() -> None:
    """The latest stands first; the same queue and reason again is a count more, in front."""
    dead = bury(bury(bury(message()), queue="r"), queue="q")
    assert deaths(dead) == [
        {"queue": "q", "reason": "rejected", "count": 2},
        {"queue": "r", "reason": "rejected", "count": 1},
    ]
    again = bury(dead, queue="q", reason="expired")
    assert deaths(again)[0] == {"queue": "q", "reason": "expired", "count": 1}
    assert again.headers["x-first-death-reason"] == "rejected"


def test_an_expiration_dies_with_the_message() -> None:
    """What expired does not expire again where it goes; what it was is kept."""
    dead = bury(message(expiration="50"), reason="expired")
    assert dead.traits.ttl is None
    assert "expiration" not in decode_properties(header_of(dead.frames))
    assert dead.headers["x-death"][0]["original-expiration"] == "50"


def test_further_keys_go_where_the_key_is_replaced() -> None:
    """With a dead-letter key of the queue's own, CC goes; else it stays."""
    original = message(headers={"CC": ["l"]})
    kept = buried(original, "dlx", ("k", "l"), "q", "rejected", NOW)
    assert (kept.headers["CC"], kept.traits.cc) == (["l"], ("l",))
    replaced = bury(original, key="other")
    assert ("CC" in replaced.headers, replaced.traits.cc) == (False, ())
    assert (replaced.routing_key, replaced.headers["x-death"][0]["routing-keys"]) == (
        "other",
        ["k", "l"],
    )


@given(TABLES)
def test_other_headers_are_passed_on(headers: dict[str, Any]) -> None:
    """Whatever a message carries, its own headers come through."""
    own = {name: value for name, value in headers.items() if not name.startswith("x-")}
    held = bury(message(headers=own, expiration="1")).headers
    assert {name: value for name, value in held.items() if not name.startswith("x-")} == own


@pytest.mark.parametrize(
    "forged",
    [
        None,
        "text",
        [],
        ["text", 1, None],
        [{}],
        [{"queue": "q", "reason": "rejected"}],
        [{"queue": "q", "reason": "rejected", "count": "many"}],
        [{"queue": "q", "reason": "rejected", "count": 2**63 - 1}],
        [{"queue": 1, "reason": [], "count": {}}],
    ],
    ids=repr,
)
def test_forged_deaths_do_no_harm(forged: Any) -> None:
    """A publisher may write anything into x-death."""
    dead = bury(message(headers={"x-death": forged}))
    assert dead.headers["x-death"][0]["queue"] == "q"
    assert in_circle(dead, "expired", "q") in {True, False}


def test_circles() -> None:
    """Dying in a queue again is a circle, unless somebody rejected the message on the way."""
    expired = bury(message(), reason="expired")
    assert in_circle(expired, "expired", "q")
    assert not in_circle(expired, "expired", "r")
    assert not in_circle(expired, "rejected", "q")
    assert not in_circle(bury(expired, queue="r"), "expired", "q")
    assert not in_circle(message(), "expired", "q")


@pytest.fixture
def clock() -> FakeClock:
    """Time that stands still."""
    return FakeClock()


@pytest.fixture
def vhost(clock: FakeClock) -> VHost:
    """An empty virtual host."""
    return VHost("/", clock)


def declare(vhost: VHost, name: str, **arguments: Any) -> Queue:
    """A queue with these x-arguments."""
    named = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
    return vhost.declare_queue(name, durable=False, auto_delete=False, owner=None, arguments=named)


def test_each_way_to_die(vhost: VHost, clock: FakeClock) -> None:
    """Rejected, expired, too much: all go to the dead-letter exchange under the queue's key."""
    grave = declare(vhost, "grave")
    queue = declare(
        vhost,
        "q",
        dead_letter_exchange="",
        dead_letter_routing_key="grave",
        message_ttl=1000,
        max_length=2,
    )
    for body in (b"too much", b"rejected", b"expired"):
        queue.put(message(body, "q"))
    taken = queue.take()
    assert taken
    queue.reject(*taken[:2])
    clock.advance(1.1)
    consumer = FakeConsumer(grave, room=9).start()
    reasons = [held.headers["x-first-death-reason"] for _at, held, _again in consumer.got]
    assert list(zip(consumer.bodies, reasons, strict=True)) == [
        (b"too much", "maxlen"),
        (b"rejected", "rejected"),
        (b"expired", "expired"),
    ]


def test_a_circle_of_expiries_ends(vhost: VHost, clock: FakeClock) -> None:
    """Two queues that are each other's grave drop a message that comes round."""
    one = declare(
        vhost, "one", dead_letter_exchange="", dead_letter_routing_key="two", message_ttl=100
    )
    two = declare(
        vhost, "two", dead_letter_exchange="", dead_letter_routing_key="one", message_ttl=100
    )
    one.put(message(b"body", "one"))
    clock.advance(0.15)
    assert (len(one), len(two)) == (0, 1)
    clock.advance(10)
    assert (len(one), len(two)) == (0, 0)
    assert clock.waiting == 0


def test_no_exchange_no_letter(vhost: VHost) -> None:
    """Where the dead-letter exchange is missing, the dead are gone."""
    queue = declare(vhost, "q", dead_letter_exchange="missing", max_length=0)
    queue.put(message())
    assert len(queue) == 0


@pytest.mark.parametrize("first", ["dying", "other"])
def test_what_dies_at_once_is_buried_when_all_have_the_message(vhost: VHost, first: str) -> None:
    """The copy in the other queue stands before the dead letter, whichever queue comes first."""
    grave = {"dead_letter_exchange": "", "dead_letter_routing_key": "other"}
    queues = {
        "dying": declare(vhost, "dying", **grave, message_ttl=0),
        "other": declare(vhost, "other"),
    }
    copy = message(b"1")
    assert vhost.spread(sorted(queues.values(), key=lambda queue: queue.name != first), copy)
    taken = [queues["other"].take() for _ in range(2)]
    assert [found[1] is copy for found in taken if found is not None] == [True, False]
    assert len(queues["dying"]) == 0


def test_what_dies_while_burials_are_held_is_buried_at_the_end(vhost: VHost) -> None:
    """What is published at once stands before the dead letters of it: a transaction's commit."""
    grave = {"dead_letter_exchange": "", "dead_letter_routing_key": "other"}
    dying = declare(vhost, "dying", **grave, message_ttl=0)
    other = declare(vhost, "other")
    later = message(b"later")
    with vhost.burials_held(), vhost.burials_held():
        dying.put(message(b"dies"))
        other.put(later)
    taken = [other.take() for _ in range(2)]
    assert [found[1] is later for found in taken if found is not None] == [True, False]
    dying.put(message(b"dies at once"))
    assert len(other) == 1
