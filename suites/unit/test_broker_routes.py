from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.broker.exchange import Exchange
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from suites.unit.doubles import FakeClock

NODES = st.integers(0, 4)
EDGES = st.lists(st.tuples(NODES, NODES), max_size=12)
LEAVES = st.lists(st.tuples(NODES, st.integers(0, 3)), max_size=6)


@pytest.fixture
def vhost() -> VHost:
    """An empty virtual host."""
    return VHost("/", FakeClock())


def exchange(vhost: VHost, name: str, kind: str = "fanout", **arguments: Any) -> Exchange:
    """An exchange of that name."""
    return vhost.declare_exchange(
        name, kind, durable=False, auto_delete=False, internal=False, arguments=arguments
    )


def queue(vhost: VHost, name: str) -> Queue:
    """A queue of that name."""
    return vhost.declare_queue(name, durable=False, auto_delete=False, owner=None, arguments={})


def reached(
    vhost: VHost, start: Exchange, *keys: str, headers: dict[str, Any] | None = None
) -> set[str]:
    """The names of the queues that a message reaches, each once."""
    queues, _stable = vhost.route(start, keys or ("k",), headers or {})
    names = [found.name for found in queues]
    assert len(names) == len(set(names))
    return set(names)


@given(EDGES, LEAVES, NODES)
def test_any_net_of_exchanges_reaches_what_is_reachable(
    edges: list[tuple[int, int]], leaves: list[tuple[int, int]], start: int
) -> None:
    """Cycles and all, a message reaches each queue that a path leads to, once."""
    vhost = VHost("/", FakeClock())
    exchanges = [exchange(vhost, f"e{number}") for number in range(5)]
    queues = [queue(vhost, f"q{number}") for number in range(4)]
    for source, target in edges:
        vhost.bind(exchanges[source], exchanges[target], "", {})
    for source, leaf in leaves:
        vhost.bind(exchanges[source], queues[leaf], "", {})
    visited = {start}
    while new := {t for s, t in edges if s in visited} - visited:
        visited |= new
    expected = {f"q{leaf}" for source, leaf in leaves if source in visited}
    assert reached(vhost, exchanges[start]) == expected


def test_the_default_exchange_leads_to_the_queue_of_that_name(vhost: VHost) -> None:
    """Every queue is bound to it by its name."""
    queue(vhost, "one")
    queue(vhost, "two")
    default = vhost.exchange("")
    assert reached(vhost, default, "one") == {"one"}
    assert reached(vhost, default, "three") == set()
    assert reached(vhost, default, "one", "two", "three", "one") == {"one", "two"}


def test_two_ways_to_a_queue_are_one_delivery(vhost: VHost) -> None:
    """Overlapping bindings and several keys still give each queue one copy."""
    topic = exchange(vhost, "t", "topic")
    end = queue(vhost, "q")
    for pattern in ("#", "a.*", "*.b", "a.b"):
        vhost.bind(topic, end, pattern, {})
    assert reached(vhost, topic, "a.b", "a.c", "a.b") == {"q"}


def test_each_exchange_on_the_way_uses_the_message_s_own_key(vhost: VHost) -> None:
    """From exchange to exchange the routing key stays what it was."""
    topic, direct = exchange(vhost, "t", "topic"), exchange(vhost, "d", "direct")
    vhost.bind(topic, direct, "a.#", {})
    vhost.bind(direct, queue(vhost, "q"), "a.b", {})
    assert reached(vhost, topic, "a.b") == {"q"}
    assert reached(vhost, topic, "a.c") == set()


def test_the_alternate_gets_what_matches_nothing(vhost: VHost) -> None:
    """An alternate exchange takes exactly what its exchange cannot route, by any chain."""
    last = exchange(vhost, "last")
    exchange(vhost, "second", "direct", **{"alternate-exchange": "last"})
    first = exchange(vhost, "first", "direct", **{"alternate-exchange": "second"})
    vhost.bind(first, queue(vhost, "routed"), "known", {})
    vhost.bind(last, queue(vhost, "rest"), "", {})
    assert reached(vhost, first, "known") == {"routed"}
    assert reached(vhost, first, "unknown") == {"rest"}
    vhost.bind(vhost.exchange("second"), queue(vhost, "between"), "unknown", {})
    assert reached(vhost, first, "unknown") == {"between"}


def test_alternates_in_a_circle_or_missing_lead_nowhere(vhost: VHost) -> None:
    """Two exchanges that are each other's alternate end, as does one that does not exist."""
    one = exchange(vhost, "one", "direct", **{"alternate-exchange": "two"})
    exchange(vhost, "two", "direct", **{"alternate-exchange": "one"})
    assert reached(vhost, one) == set()
    lost = exchange(vhost, "lost", "direct", **{"alternate-exchange": "nowhere"})
    assert reached(vhost, lost) == set()


def test_a_binding_to_an_exchange_counts_as_routed(vhost: VHost) -> None:
    """The alternate is for what matches no binding, wherever that binding ends."""
    dead_end = exchange(vhost, "dead end")
    start = exchange(vhost, "start", **{"alternate-exchange": "spare"})
    vhost.bind(exchange(vhost, "spare"), queue(vhost, "q"), "", {})
    vhost.bind(start, dead_end, "", {})
    assert reached(vhost, start) == set()


def test_a_route_is_stable_unless_headers_decide(vhost: VHost) -> None:
    """Where any exchange on the way looks at headers, the key alone does not give the route."""
    direct, headers = exchange(vhost, "d", "direct"), exchange(vhost, "h", "headers")
    vhost.bind(direct, headers, "to headers", {})
    vhost.bind(headers, queue(vhost, "q"), "", {"a": 1})
    assert vhost.route(direct, ("elsewhere",), {}) == ([], True)
    assert vhost.route(direct, ("to headers",), {}) == ([], False)
    assert vhost.route(direct, ("to headers",), {"a": 1}) == ([vhost.queues["q"]], False)
