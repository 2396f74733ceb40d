"""Routing by headers exchanges: which headers a binding's arguments match."""

from typing import Any

import pytest

from reference_broker.wire.tables import Timestamp, Typed
from suites import verify
from suites.amqp.steps import drain
from suites.amqp.topology import bind, bound_queue, new_exchange, own_queue
from suites.clients.raw import RawClient
from suites.harness.names import Names

ALL = {"x-match": "all"}
ANY = {"x-match": "any"}

Headers = dict[str, Any]


def expect_matches(
    client: RawClient,
    names: Names,
    arguments: Headers,
    *,
    matching: list[Headers | None],
    others: list[Headers | None],
) -> None:
    """A binding with these arguments gets the matching messages and not the others.

    None is a message without a headers property.
    """
    exchange = new_exchange(client, names, "headers")
    queue = bound_queue(client, names, exchange, **arguments)
    for headers in (*others, *matching):
        properties: dict[str, Any] = {} if headers is None else {"headers": headers}
        client.publish(1, exchange, "", repr(headers).encode(), **properties)
    verify.equal(drain(client, queue), [repr(headers).encode() for headers in matching], "arrived")


@pytest.mark.requirement("route/headers-all")
def test_all(client: RawClient, names: Names) -> None:
    """With x-match all, every pair must be among the headers; more headers do no harm."""
    expect_matches(
        client,
        names,
        {**ALL, "a": 1, "b": "x"},
        matching=[{"a": 1, "b": "x"}, {"b": "x", "c": 3, "a": 1}],
        others=[{"a": 1}, {"b": "x"}, {"a": 1, "b": "y"}, {"A": 1, "b": "x"}, {}],
    )


@pytest.mark.requirement("route/headers-any")
def test_any(client: RawClient, names: Names) -> None:
    """With x-match any, one pair among the headers is enough."""
    expect_matches(
        client,
        names,
        {**ANY, "a": 1, "b": "x"},
        matching=[{"a": 1}, {"b": "x"}, {"a": 2, "b": "x"}, {"a": 1, "b": "x", "c": 3}],
        others=[{"a": 2}, {"a": 2, "b": "y"}, {"c": 1}, {}],
    )


@pytest.mark.requirement("route/headers-void-value")
@pytest.mark.parametrize("mode", [ALL, ANY], ids=["all", "any"])
def test_void_value(client: RawClient, names: Names, mode: Headers) -> None:
    """A pair without a value matches a header of that name, whatever its value."""
    expect_matches(
        client,
        names,
        {**mode, "a": None},
        matching=[{"a": 1}, {"a": "x"}, {"a": None}, {"a": {"b": 1}}],
        others=[{"b": 1}, {"A": 1}, {}],
    )


@pytest.mark.requirement("route/headers-no-x-match")
def test_no_x_match(client: RawClient, names: Names) -> None:
    """Without x-match all pairs must be there."""
    expect_matches(
        client,
        names,
        {"a": 1, "b": 2},
        matching=[{"a": 1, "b": 2}],
        others=[{"a": 1}, {"b": 2}, {}],
    )


@pytest.mark.requirement("route/headers-empty-args")
@pytest.mark.parametrize("arguments", [{}, ALL], ids=["none", "all"])
def test_empty_args_all(client: RawClient, names: Names, arguments: Headers) -> None:
    """A binding that names no header needs none: it matches everything."""
    expect_matches(client, names, arguments, matching=[None, {}, {"a": 1}], others=[])


@pytest.mark.requirement("route/headers-empty-args")
def test_empty_args_any(client: RawClient, names: Names) -> None:
    """A binding that needs one header of none that it names matches nothing."""
    expect_matches(client, names, ANY, matching=[], others=[None, {}, {"a": 1}])


@pytest.mark.requirement("route/headers-no-headers")
def test_no_headers(client: RawClient, names: Names) -> None:
    """A message without headers matches a binding that needs none, and no other."""
    exchange = new_exchange(client, names, "headers")
    needs_none = bound_queue(client, names, exchange, **ALL)
    needy = own_queue(client, names)
    for arguments in ({**ALL, "a": 1}, {**ANY, "a": 1}, {**ALL, "a": None}, ANY):
        bind(client, needy, exchange, **arguments)
    client.publish(1, exchange, "", b"no headers")
    verify.equal(drain(client, needs_none), [b"no headers"], "arrived where none is needed")
    verify.equal(drain(client, needy), [], "arrived where one is needed")


@pytest.mark.requirement("route/headers-type-strict")
def test_type_strict(client: RawClient, names: Names) -> None:
    """A number is no string; the width of an integer does not matter."""
    expect_matches(
        client,
        names,
        {**ALL, "a": 1},
        matching=[{"a": 1}, {"a": Typed("l", 1)}, {"a": Typed("s", 1)}, {"a": Typed("b", 1)}],
        others=[{"a": "1"}, {"a": True}, {"a": None}, {"a": [1]}, {"a": 2}],
    )


@pytest.mark.requirement("route/headers-x-ignored")
@pytest.mark.parametrize("mode", ["all", "any"])
def test_x_ignored(client: RawClient, names: Names, mode: str) -> None:
    """Pairs of a binding whose names begin with x- take no part."""
    expect_matches(
        client,
        names,
        {"x-match": mode, "x-kind": "k", "a": 1},
        matching=[{"a": 1}, {"a": 1, "x-kind": "other"}],
        others=[{"x-kind": "k"}, {"x-kind": "k", "a": 2}, {}],
    )


@pytest.mark.requirement("route/headers-with-x")
def test_all_with_x(client: RawClient, names: Names) -> None:
    """With all-with-x the pairs whose names begin with x- must be there too."""
    expect_matches(
        client,
        names,
        {"x-match": "all-with-x", "x-kind": "k", "a": 1},
        matching=[{"a": 1, "x-kind": "k"}],
        others=[{"a": 1}, {"x-kind": "k"}, {"a": 1, "x-kind": "other"}, {}],
    )


@pytest.mark.requirement("route/headers-with-x")
def test_any_with_x(client: RawClient, names: Names) -> None:
    """With any-with-x a pair whose name begins with x- is enough."""
    expect_matches(
        client,
        names,
        {"x-match": "any-with-x", "x-kind": "k", "a": 1},
        matching=[{"a": 1}, {"x-kind": "k"}, {"a": 2, "x-kind": "k"}],
        others=[{"x-kind": "other"}, {"a": 2}, {}],
    )


@pytest.mark.requirement("route/headers-bad-x-match")
@pytest.mark.parametrize("value", ["mqproof", "", "ALL", 1, None, True], ids=repr)
def test_bad_x_match(client: RawClient, names: Names, value: object) -> None:
    """An x-match that is no known word closes the channel with 406."""
    exchange, queue = new_exchange(client, names, "headers"), own_queue(client, names)
    arguments = {"x-match": value, "a": 1}
    client.send(1, "queue.bind", queue=queue, exchange=exchange, arguments=arguments)
    client.expect_channel_close(1, 406, method="queue.bind")
    client.open_channel(1)
    client.publish(1, exchange, "", b"unbound", mandatory=True, headers={"a": 1})
    client.expect_content(1, "basic.return", b"unbound")


@pytest.mark.requirement("route/headers-complex-values")
@pytest.mark.parametrize(
    ("value", "other"),
    [
        ({"k": 1, "t": {"u": "v"}}, {"k": 1, "t": {"u": "w"}}),
        ([1, "two", [3]], [1, "two", [4]]),
        (Timestamp(1_700_000_000), Timestamp(1_700_000_001)),
        (1.5, 2.5),
        (True, False),
        ("", "x"),
    ],
    ids=["table", "array", "timestamp", "double", "boolean", "empty"],
)
def test_complex_values(client: RawClient, names: Names, value: object, other: object) -> None:
    """Values of every type are compared whole."""
    expect_matches(
        client, names, {**ALL, "a": value}, matching=[{"a": value}], others=[{"a": other}, {}]
    )


@pytest.mark.requirement("route/headers-key-ignored")
def test_key_ignored(client: RawClient, names: Names) -> None:
    """A headers exchange looks neither at the routing key nor at the binding key."""
    exchange = new_exchange(client, names, "headers")
    queue = bound_queue(client, names, exchange, "bound.key", **ALL, a=1)
    client.publish(1, exchange, "bound.key", b"by key alone", headers={"a": 2})
    client.publish(1, exchange, "other.key", b"by headers", headers={"a": 1})
    verify.equal(drain(client, queue), [b"by headers"], "arrived")
