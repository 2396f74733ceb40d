from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire.errors import AmqpError, HardError, SoftError, WireError
from reference_broker.wire.methods import (
    UnknownMethodError,
    decode_header,
    decode_method,
    decode_properties,
    encode_header,
    encode_method,
    encode_properties,
)
from reference_broker.wire.spec import METHODS, PROPERTIES, REPLY_CODES, MethodSpec
from suites.unit.generated import METHOD_CALLS, PROPERTY_SETS

NO_HEADER = bytes(12)
# Whole methods written by hand from the specification's tables.
LITERALS: list[tuple[str, dict[str, Any], bytes]] = [
    (
        "queue.declare",
        {"queue": "q", "durable": True, "auto_delete": True, "arguments": {"x": 1}},
        b"\x00\x32\x00\x0a\x00\x00\x01q\x0a\x00\x00\x00\x07\x01xI\x00\x00\x00\x01",
    ),
    (
        "basic.publish",
        {"exchange": "e", "routing_key": "k", "immediate": True},
        b"\x00\x3c\x00\x28\x00\x00\x01e\x01k\x02",
    ),
    (
        "basic.nack",
        {"delivery_tag": 5, "requeue": True},
        b"\x00\x3c\x00\x78" + bytes(7) + b"\x05\x02",
    ),
    (
        "connection.tune",
        {"channel_max": 2047, "frame_max": 131072, "heartbeat": 60},
        b"\x00\x0a\x00\x1e\x07\xff\x00\x02\x00\x00\x00\x3c",
    ),
    ("exchange.unbind-ok", {}, b"\x00\x28\x00\x33"),
    ("channel.open-ok", {}, b"\x00\x14\x00\x0b\x00\x00\x00\x00"),
]


def filled(spec: MethodSpec) -> bytes:
    """The method with every argument set to something that is not empty."""
    full = {"shortstr": "s", "longstr": b"l", "table": {"k": True}, "bit": True}
    given_ = {name: full.get(kind, 1) for name, kind in spec.arguments}
    return encode_method(spec.name, **given_)


@pytest.mark.parametrize(("name", "arguments", "octets"), LITERALS, ids=lambda part: str(part)[:20])
def test_methods_by_hand(name: str, arguments: dict[str, Any], octets: bytes) -> None:
    """Octets written from the specification's tables encode and decode as they should."""
    assert encode_method(name, **arguments) == octets
    method = decode_method(octets)
    assert method.name == name
    assert method.arguments.items() >= arguments.items()


@given(METHOD_CALLS, st.binary(min_size=1, max_size=4))
def test_every_method_comes_back(call: tuple[MethodSpec, dict[str, Any]], after: bytes) -> None:
    """All arguments of any method survive; octets left over after the last one are refused."""
    spec, arguments = call
    payload = encode_method(spec.name, **arguments)
    method = decode_method(payload)
    assert method.spec is spec
    assert method.arguments == arguments
    with pytest.raises(WireError, match="left over"):
        decode_method(payload + after)


@pytest.mark.parametrize("spec", METHODS.values(), ids=METHODS)
def test_truncation_at_every_octet_raises_wire_error(spec: MethodSpec) -> None:
    """No method decodes when anything of it is missing."""
    whole = filled(spec)
    assert decode_method(whole).name == spec.name
    for size in range(len(whole)):
        with pytest.raises(WireError):
            decode_method(whole[:size])


@given(st.sampled_from(sorted(METHODS)), st.binary(max_size=60))
def test_arbitrary_arguments_decode_or_raise_wire_error(name: str, octets: bytes) -> None:
    """Whatever follows the ids, decoding ends in a method or in WireError."""
    class_id, method_id = METHODS[name].ids
    ids = class_id.to_bytes(2, "big") + method_id.to_bytes(2, "big")
    with suppress(WireError):
        assert decode_method(ids + octets).name == name


@given(st.binary(max_size=30))
def test_arbitrary_octets_are_no_other_error(octets: bytes) -> None:
    """Any octets for a method and for a header end in a value or in WireError."""
    for decode in (decode_method, decode_header, decode_properties):
        with suppress(WireError):
            decode(octets)


@pytest.mark.parametrize("ids", [(0, 0), (60, 41), (61, 40), (85, 12), (65535, 65535), (40, 41)])
def test_unknown_ids_are_named(ids: tuple[int, int]) -> None:
    """Ids of no known method raise UnknownMethodError, which names them."""
    octets = ids[0].to_bytes(2, "big") + ids[1].to_bytes(2, "big")
    with pytest.raises(UnknownMethodError, match=rf"{ids[0]}\.{ids[1]}"):
        decode_method(octets + bytes(20))


def test_arguments_not_given_are_empty() -> None:
    """What is left out is encoded as empty, zero or false."""
    assert decode_method(encode_method("queue.declare")).arguments == {
        "queue": "",
        "passive": False,
        "durable": False,
        "exclusive": False,
        "auto_delete": False,
        "no_wait": False,
        "arguments": {},
    }


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("queue.declare", {"nonsense": 1}),
        ("queue.declare", {"queue": "a" * 256}),
        ("queue.declare", {"queue": 5}),
        ("queue.declare", {"arguments": 5}),
        ("queue.declare", {"arguments": {"k": object()}}),
        ("connection.tune", {"channel_max": 65536}),
        ("connection.tune", {"frame_max": -1}),
        ("basic.ack", {"delivery_tag": 2**64}),
        ("basic.ack", {"delivery_tag": "one"}),
        ("connection.secure", {"challenge": 5}),
        ("connection.greet", {}),
    ],
)
def test_what_a_method_cannot_carry_raises_wire_error(name: str, arguments: dict[str, Any]) -> None:
    """An argument that the method lacks, or a value that does not fit, is WireError."""
    with pytest.raises(WireError):
        encode_method(name, **arguments)


@given(PROPERTY_SETS, st.integers(0, 2**64 - 1))
def test_every_set_of_properties_comes_back(properties: dict[str, Any], body_size: int) -> None:
    """Header and properties, any of the 14 given or not, survive."""
    header = encode_header(body_size, properties)
    assert decode_header(header) == (60, 0, body_size)
    assert decode_properties(header) == properties


@pytest.mark.parametrize("index", range(14))
def test_property_flags_stand_in_their_order(index: int) -> None:
    """Flag bit 15 is content-type and bit 2 cluster-id; the value follows the flags."""
    name, kind = PROPERTIES[index]
    value, octets = {
        "shortstr": ("v", b"\x01v"),
        "table": ({}, bytes(4)),
        "octet": (7, b"\x07"),
        "timestamp": (7, bytes(7) + b"\x07"),
    }[kind]
    assert encode_properties({name: value}) == (1 << (15 - index)).to_bytes(2, "big") + octets


@given(PROPERTY_SETS.filter(bool))
def test_truncated_properties_raise_wire_error(properties: dict[str, Any]) -> None:
    """No set of properties decodes when anything of it is missing."""
    header = encode_header(0, properties)
    for size in range(len(header)):
        with pytest.raises(WireError):
            decode_properties(header[:size])


@given(st.integers(0, 2**16 - 1), st.binary(max_size=40))
def test_arbitrary_properties_decode_or_raise_wire_error(flags: int, octets: bytes) -> None:
    """Any flags before any octets end in properties or in WireError."""
    try:
        decoded = decode_properties(NO_HEADER + flags.to_bytes(2, "big") + octets)
    except WireError:
        return
    assert len(decoded) == (flags & ~2).bit_count()  # bit 1 means nothing


@pytest.mark.parametrize("flags", [1, 3, 0x8001])
def test_a_second_word_of_property_flags(flags: int) -> None:
    """Class basic has one word of flags: the continuation bit is WireError."""
    with pytest.raises(WireError, match="flags"):
        decode_properties(NO_HEADER + flags.to_bytes(2, "big") + b"\x01a" * 4)


@given(PROPERTY_SETS)
def test_split_headers_encode_to_the_same_octets(properties: dict[str, Any]) -> None:
    """With the headers split, encoding what was decoded changes nothing, not even their types."""
    encoded = encode_properties(properties)
    split = decode_properties(NO_HEADER + encoded, split_headers=True)
    assert encode_properties(split) == encoded
    assert split.keys() == properties.keys()


def test_octets_after_the_last_property() -> None:
    """A header longer than its properties is WireError."""
    with pytest.raises(WireError, match="left over"):
        decode_properties(encode_header(0, {"priority": 1}) + b"\x00")


def test_properties_keep_octets_that_are_no_text() -> None:
    """A property that is not UTF-8 survives decoding and encoding, as RabbitMQ lets it pass."""
    properties = b"\x80\x00\x02\xff\xfe"
    decoded = decode_properties(NO_HEADER + properties)
    assert encode_properties(decoded) == properties


def test_unknown_property_is_refused() -> None:
    """A property that class basic lacks is named."""
    with pytest.raises(WireError, match="colour"):
        encode_properties({"colour": "red"})


def test_reply_text_begins_with_the_code_in_capitals() -> None:
    """The Close method's text is the code's name, then the explanation if there is one."""
    assert SoftError(404, "no queue 'q'").reply_text == "NOT_FOUND - no queue 'q'"
    assert HardError(541, "").reply_text == "INTERNAL_ERROR"
    assert all(AmqpError(code, "").reply_text.isupper() for code in REPLY_CODES)


def test_blame_keeps_what_is_known_already() -> None:
    """The first to name the method at fault is right."""
    error = SoftError(404, "")
    error.blame((50, 10))
    error.blame((60, 40))
    assert error.method == (50, 10)
