"""The header of a dead letter: what is added to it, and that all else is as it was published."""

import time
from typing import Any

import pytest

from reference_broker.wire.tables import ByteArray, Timestamp, Typed, encode_shortstr, encode_value
from suites import verify
from suites.amqp.dead_letters import (
    counts,
    dead_queue,
    deaths,
    dying_queue,
    reject,
    take_dead,
)
from suites.amqp.steps import fill
from suites.amqp.topology import bind, new_exchange
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

PROPERTIES: dict[str, Any] = {
    "content_type": "text/plain",
    "content_encoding": "identity",
    "delivery_mode": 2,
    "priority": 3,
    "correlation_id": "correlation",
    "reply_to": "nobody",
    "message_id": "message",
    "timestamp": 1_000_000_000,
    "type": "kind",
    "app_id": "mqproof",
}
HEADERS: dict[str, Any] = {
    "bool": True,
    "byte": Typed("b", -1),
    "short": Typed("s", -2),
    "long": Typed("I", 3),
    "longlong": Typed("l", 4),
    "float": Typed("f", 1.5),
    "double": 2.5,
    "text": "é",
    "octets": b"\xff\x00",
    "binary": ByteArray(b"\xfe"),
    "time": Timestamp(1),
    "void": None,
    "array": [1, Typed("l", 2), {"short": Typed("s", 3)}],
    "table": {"byte": Typed("b", 1)},
}


@pytest.fixture
def client(raw: RawClients) -> RawClient:
    """A client whose channel 2 is for dead letters."""
    return raw(channels=2)


@pytest.mark.requirement("dlx/headers-kept")
def test_properties_kept(client: RawClient, names: Names) -> None:
    """A dead letter has all properties that its message was published with."""
    queue = dying_queue(client, names, dead_queue(client, names))
    published = {**PROPERTIES, "user_id": client.endpoint.user}
    client.publish(1, "", queue, b"1", **published)
    reject(client, queue, b"1")
    [letter] = take_dead(client, b"1")
    kept = {name: value for name, value in letter.properties.items() if name != "headers"}
    verify.equal(kept, published, "properties")


@pytest.mark.requirement("dlx/headers-kept")
@pytest.mark.parametrize("name", HEADERS)
def test_headers_kept(client: RawClient, names: Names, name: str) -> None:
    """A dead letter has the headers of its message, each with its type, octet by octet."""
    queue = dying_queue(client, names, dead_queue(client, names))
    client.publish(1, "", queue, b"1", headers={name: HEADERS[name]})
    reject(client, queue, b"1")
    [letter] = take_dead(client, b"1")
    octets = encode_shortstr(name) + encode_value(HEADERS[name])
    verify.true(
        octets in letter.header,
        f"header {name} as published",
        f"header {name} {letter.properties.get('headers', {}).get(name, 'missing')!r}",
    )


@pytest.mark.requirement("dlx/type-l-kept")
@pytest.mark.parametrize("letter", ["l", "L"])
def test_type_l_kept(client: RawClient, names: Names, letter: str) -> None:
    """A 64-bit number in the headers keeps its type, whichever of its two letters it came with."""
    queue = dying_queue(client, names, dead_queue(client, names))
    client.publish(1, "", queue, b"1", headers={"n": Typed(letter, 7)})
    reject(client, queue, b"1")
    [received] = take_dead(client, b"1")
    at = received.header.index(encode_shortstr("n")) + 2
    verify.equal(received.header[at : at + 1].decode(), letter, "type of the header")


@pytest.mark.requirement("dlx/x-death")
def test_x_death(client: RawClient, names: Names) -> None:
    """x-death is an array; its entry says why, where, by which route and when, and counts."""
    dead = dead_queue(client, names)
    exchange, queue = new_exchange(client, names), dying_queue(client, names, dead)
    bind(client, queue, exchange, "key")
    before = int(time.time())
    client.publish(1, exchange, "key", b"1", headers={"CC": ["copied"], "BCC": ["hidden"]})
    reject(client, queue, b"1")
    [letter] = take_dead(client, b"1")
    [death] = deaths(letter)
    when = death.pop("time", None)
    expected = {
        "count": 1,
        "reason": "rejected",
        "queue": queue,
        "exchange": exchange,
        "routing-keys": ["key", "copied"],
    }
    verify.equal(death, expected, "x-death entry")
    verify.true(isinstance(when, Timestamp), "time is a timestamp", f"time {when!r}")
    verify.between(when or 0, before - 1, time.time() + 1, "time of death in seconds")
    octets = encode_shortstr("count") + encode_value(Typed("l", 1))
    verify.true(octets in letter.header, "count of type l", "count of another type")


@pytest.mark.requirement("dlx/x-death-count")
def test_x_death_count(client: RawClient, names: Names) -> None:
    """Dying again in one queue for one reason counts in that entry, and moves it to the front."""
    waiting, queue = names(), names()
    for name, other, limit in (
        (waiting, queue, {"x-message-ttl": 1}),
        (queue, waiting, {}),
    ):
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": other, **limit}
        client.call(1, "queue.declare", queue=name, exclusive=True, arguments=arguments)
    fill(client, queue, [b"1"])
    reject(client, queue, b"1")
    reject(client, queue, b"1")
    client.consume(2, queue, no_ack=True)
    [letter] = take_dead(client, b"1")
    verify.equal(counts(letter), [(waiting, "expired", 2), (queue, "rejected", 2)], "x-death")


@pytest.mark.requirement("dlx/x-first-death")
def test_x_first_death(client: RawClient, names: Names) -> None:
    """The x-first-death headers tell of the first death, also after a second one."""
    dead = dead_queue(client, names)
    second = dying_queue(client, names, dead, **{"x-message-ttl": 1})
    first = dying_queue(client, names, second)
    exchange = new_exchange(client, names)
    bind(client, first, exchange, "key")
    client.publish(1, exchange, "key", b"1")
    reject(client, first, b"1")
    [letter] = take_dead(client, b"1")
    seen = {
        name.removeprefix("x-first-death-"): value
        for name, value in letter.properties["headers"].items()
        if name.startswith("x-first-death-")
    }
    expected = {"exchange": exchange, "queue": first, "reason": "rejected"}
    verify.equal(seen, expected, "x-first-death headers")


@pytest.mark.requirement("dlx/chain")
def test_chain(client: RawClient, names: Names) -> None:
    """A dead letter that dies again travels on, and x-death tells of both, the latest first."""
    dead = dead_queue(client, names)
    second = dying_queue(client, names, dead, **{"x-message-ttl": 1})
    first = dying_queue(client, names, second)
    fill(client, first, [b"1"])
    reject(client, first, b"1")
    [letter] = take_dead(client, b"1")
    told = [(first, "rejected", 1)]
    verify.equal(counts(letter), [(second, "expired", 1), *told], "x-death")
    routes = [(death["exchange"], death["routing-keys"]) for death in deaths(letter)]
    verify.equal(routes, [("", [second]), ("", [first])], "routes in x-death")


@pytest.mark.requirement("dlx/x-death-order")
def test_x_death_order(client: RawClient, names: Names) -> None:
    """x-death tells of any number of deaths, the latest first."""
    dead = dead_queue(client, names)
    path: list[str] = []
    for _ in range(4):
        path.append(dying_queue(client, names, path[-1] if path else dead))
    fill(client, path[-1], [b"1"])
    for queue in reversed(path):
        reject(client, queue, b"1")
    [letter] = take_dead(client, b"1")
    places = [path.index(death["queue"]) for death in deaths(letter)]
    verify.equal(places, [0, 1, 2, 3], "deaths, counted from the last,")
