from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.broker.exchange import (
    TYPES,
    Binding,
    Exchange,
    HeadersExchange,
    binding_key,
    make_exchange,
)
from reference_broker.broker.queue import Queue
from reference_broker.wire.errors import HardError, SoftError
from reference_broker.wire.tables import ByteArray, Table, Timestamp
from suites.unit.doubles import FakeClock

VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(("", "a", 1.0, [1], {}))
NAMES = st.sampled_from(("a", "b", "x-c", "d"))
MATCHES = st.sampled_from((None, "all", "any", "all-with-x", "any-with-x"))


def queue(name: str = "q") -> Queue:
    """A queue to bind."""
    return Queue(name, FakeClock())


def bound(exchange: Exchange, key: str = "k", arguments: Table | None = None) -> Binding:
    """A binding from the exchange to a queue of its own."""
    binding = Binding(exchange, queue(), key, arguments or {})
    assert exchange.bind(binding)
    return binding


def headers_match(pattern: Table, headers: Table) -> bool:
    """Whether a binding with these arguments takes a message with these headers."""
    exchange = HeadersExchange("h")
    exchange.check_binding(pattern)
    binding = bound(exchange, arguments=pattern)
    return list(exchange.matching("any key", headers)) == [binding]


def expected_match(pattern: dict[str, Any], headers: dict[str, Any], match: str | None) -> bool:
    """The same, straight from RabbitMQ's documentation of header exchanges."""
    match = match or "all"
    names = [name for name in pattern if match.endswith("-with-x") or not name.startswith("x-")]
    hits = [
        name in headers
        and (
            pattern[name] is None
            or (
                isinstance(headers[name], type(pattern[name]))
                and isinstance(pattern[name], type(headers[name]))
                and headers[name] == pattern[name]
            )
        )
        for name in names
    ]
    return (True in hits) if match.startswith("any") else (False not in hits)


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES), MATCHES)
def test_headers_match_as_documented(
    pattern: dict[str, Any], headers: dict[str, Any], match: str | None
) -> None:
    """All or any of the pattern's headers are there and equal; void asks for presence alone."""
    arguments = {**pattern, "x-match": match} if match else pattern
    assert headers_match(arguments, headers) == expected_match(pattern, headers, match)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (1, True),
        (0, False),
        (1, 1.0),
        (1, "1"),
        (1, Timestamp(1)),
        (1, Decimal(1)),
        (1.0, Decimal(1)),
        ("a", ByteArray(b"a")),
        ("a", b"\xff"),
        ("", None),
        ([1], [2]),
        ({"a": 1}, {"a": 2}),
    ],
    ids=repr,
)
def test_values_of_different_kinds_are_different(wanted: Any, found: Any) -> None:
    """A number is no boolean, text or moment, and a whole number no fraction, either way."""
    assert not headers_match({"k": wanted}, {"k": found})
    if found is not None:
        assert not headers_match({"k": found}, {"k": wanted})


@pytest.mark.parametrize("match", ["", "ALL", "some", 1, None, True, []])
def test_unknown_x_match_is_refused(match: Any) -> None:
    """An x-match that means nothing is 406 when binding."""
    with pytest.raises(SoftError, match="x-match") as caught:
        HeadersExchange("h").check_binding({"x-match": match})
    assert caught.value.code == 406


@pytest.mark.parametrize("kind", ["direct", "fanout", "topic"])
def test_other_types_take_any_arguments(kind: str) -> None:
    """Only a headers exchange looks at the arguments of a binding."""
    make_exchange(kind, "e").check_binding({"x-match": "nonsense"})


def test_direct_takes_the_very_key() -> None:
    """A direct exchange compares keys as they are, wildcards, case and all."""
    exchange = make_exchange("direct", "e")
    bindings = {key: bound(exchange, key) for key in ("", "a", "A", "*", "#", "a.b")}
    for key, binding in bindings.items():
        assert list(exchange.matching(key, {})) == [binding]
    assert list(exchange.matching("c", {})) == []


def test_fanout_takes_every_key() -> None:
    """A fanout exchange looks at nothing, and keeps the order in which bindings were made."""
    exchange = make_exchange("fanout", "e")
    bindings = [bound(exchange, key) for key in ("", "a", "b")]
    assert list(exchange.matching("whatever", {"a": 1})) == bindings


@pytest.mark.parametrize("kind", TYPES)
def test_a_binding_is_one_by_its_identity(kind: str) -> None:
    """Same destination, key and arguments: one binding, gone with one unbind."""
    exchange = make_exchange(kind, "e")
    first, second = queue(), make_exchange("fanout", "q")
    for destination in (first, second):
        for key in ("k", "l"):
            for arguments in ({}, {"a": 1, "b": 2}, {"a": True}):
                assert exchange.bind(Binding(exchange, destination, key, arguments))
    assert len(exchange.bindings) == 12
    assert not exchange.bind(Binding(exchange, first, "k", {"b": 2, "a": 1}))
    identity = binding_key(first, "k", {"b": 2, "a": 1})
    removed = exchange.unbind(identity)
    assert removed is not None
    assert removed.arguments == {"a": 1, "b": 2}
    assert exchange.unbind(identity) is None
    assert len(exchange.bindings) == 11


@pytest.mark.parametrize("kind", TYPES)
def test_an_unbound_binding_matches_no_more(kind: str) -> None:
    """After all is unbound nothing matches, and binding again works."""
    exchange = make_exchange(kind, "e")
    for _ in range(2):
        bindings = [bound(exchange, key) for key in ("k", "l")]
        assert bindings[0] in exchange.matching("k", {})
        for binding in bindings:
            assert exchange.unbind(binding.key) is binding
        assert list(exchange.matching("k", {})) == []


@pytest.mark.parametrize("kind", ["", "Direct", "x-unknown", "topic "])
def test_unknown_types_are_503(kind: str) -> None:
    """A type that does not exist closes the connection."""
    with pytest.raises(HardError) as caught:
        make_exchange(kind, "e")
    assert caught.value.code == 503


def test_the_base_class_matches_nothing_by_itself() -> None:
    """How to match is up to each type."""
    with pytest.raises(NotImplementedError):
        Exchange("e").matching("k", {})


def test_durable_bindings_have_durable_ends() -> None:
    """A binding survives a restart when both its ends do."""
    for source in (True, False):
        for destination in (True, False):
            exchange = make_exchange("direct", "e", durable=source)
            end = Queue("q", FakeClock(), durable=destination)
            assert Binding(exchange, end, "k", {}).durable == (source and destination)
