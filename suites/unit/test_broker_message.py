from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given

from reference_broker.broker.message import Traits, read_traits
from reference_broker.wire.errors import SoftError, WireError
from reference_broker.wire.methods import encode_properties
from reference_broker.wire.tables import Table
from suites.unit.doubles import message
from suites.unit.generated import PROPERTY_SETS


def traits(**properties: Any) -> Traits:
    """What these properties ask of the broker."""
    return read_traits(encode_properties(properties))


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({}, Traits()),
        ({"delivery_mode": 1}, Traits()),
        ({"delivery_mode": 2}, Traits(persistent=True)),
        ({"delivery_mode": 2, "message_id": "m"}, Traits(persistent=True)),
        ({"priority": 7}, Traits(priority=7)),
        ({"expiration": "0"}, Traits(ttl=0)),
        ({"expiration": "1500"}, Traits(ttl=1500)),
        ({"user_id": "guest", "reply_to": "q"}, Traits(user_id="guest")),
        ({"reply_to": "amq.rabbitmq.reply-to"}, Traits(special=True)),
        ({"headers": {"other": 1}}, Traits()),
        ({"headers": {"CC": ["a", "b"]}}, Traits(cc=("a", "b"), special=True)),
        ({"headers": {"BCC": ["c"], "CC": ["a"]}}, Traits(cc=("a",), bcc=("c",), special=True)),
        ({"expiration": "+5"}, Traits(ttl=5)),
    ],
    ids=repr,
)
def test_traits(properties: dict[str, Any], expected: Traits) -> None:
    """Each property on which the broker acts is found."""
    assert traits(**properties) == expected


@pytest.mark.parametrize(
    "properties",
    [
        {"delivery_mode": 0},
        {"delivery_mode": 3},
        {"delivery_mode": 3, "headers": {}},
        {"expiration": ""},
        {"expiration": "-1"},
        {"expiration": "1.5"},
        {"expiration": "1 "},
        {"expiration": "9" * 20},
        {"expiration": "one"},
        {"expiration": "\u0661"},  # a digit, but no ASCII one
        {"headers": {"CC": "a"}},
        {"headers": {"CC": [1]}},
        {"headers": {"BCC": {}}},
    ],
    ids=repr,
)
def test_refused_values(properties: dict[str, Any]) -> None:
    """A value that RabbitMQ refuses is 406."""
    with pytest.raises(SoftError) as caught:
        traits(**properties)
    assert caught.value.code == 406


def test_further_keys_are_those_of_both_headers() -> None:
    """CC first, then BCC."""
    assert traits(headers={"BCC": ["c"], "CC": ["a", "b"]}).further_keys == ("a", "b", "c")


@pytest.mark.parametrize("octets", [b"", b"\x10", b"\x10\x00", b"\x00\x00\x00", b"\x00\x01"])
def test_undecodable_properties(octets: bytes) -> None:
    """Properties that are cut short or malformed are WireError."""
    with pytest.raises(WireError):
        read_traits(octets)


@pytest.mark.parametrize("number", [nan, inf, -inf])
@pytest.mark.parametrize("headers", [lambda n: {"k": n}, lambda n: {"k": [{"k": [1.0, n]}]}])
def test_numbers_that_erlang_lacks(headers: Callable[[float], Table], number: float) -> None:
    """What is infinite or no number is refused, however deep, beside its finite control."""
    assert traits(headers=headers(1e300)) == Traits()
    with pytest.raises(WireError, match="a number in the headers"):
        traits(headers=headers(number))


@given(PROPERTY_SETS)
def test_headers_are_those_of_the_properties(properties: dict[str, Any]) -> None:
    """The headers of a message are its headers property, or empty."""
    try:
        held = message(**properties).headers
    except SoftError:
        return
    assert held == properties.get("headers", {})


@pytest.mark.parametrize("headers", [{}, {"a": {"b": [1, None]}}])
def test_headers_of_a_message(headers: Table) -> None:
    """Headers come decoded; where the header's payload is malformed there are none."""
    assert message(b"body", headers=headers).headers == headers
    broken = message(b"body", headers={"k": True})
    broken.frames = broken.frames.replace(b"\x01kt", b"\x01k?")
    assert broken.headers == {}
