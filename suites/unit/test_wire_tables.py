import struct
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_broker.wire.errors import WireError
from reference_broker.wire.tables import (
    MAX_DEPTH,
    ByteArray,
    Raw,
    Timestamp,
    Typed,
    decode_longstr,
    decode_shortstr,
    decode_table,
    decode_value,
    encode_longstr,
    encode_shortstr,
    encode_table,
    encode_value,
    split_table,
    type_name,
)
from suites.unit.generated import SHORT_STRINGS, TABLES, TYPED_SCALARS, tables

# Each type letter as its octets, written by hand from RabbitMQ's errata, and what it means.
LITERALS: list[tuple[bytes, Any]] = [
    (b"t\x01", True),
    (b"t\x00", False),
    (b"t\x07", True),
    (b"b\xff", -1),
    (b"B\xff", 255),
    (b"s\xff\xfe", -2),
    (b"u\xff\xfe", 65534),
    (b"I\xff\xff\xff\xfd", -3),
    (b"i\xff\xff\xff\xfd", 4294967293),
    (b"l\xff\xff\xff\xff\xff\xff\xff\xfc", -4),
    (b"L\xff\xff\xff\xff\xff\xff\xff\xfc", -4),
    (b"f\x3f\xc0\x00\x00", 1.5),
    (b"d\xbf\xf8\x00\x00\x00\x00\x00\x00", -1.5),
    (b"D\x02\x00\x00\x04\xd2", Decimal("12.34")),
    (b"D\x00\xff\xff\xff\xff", Decimal(4294967295)),
    (b"S\x00\x00\x00\x03h\xc3\xa9", "h\xe9"),
    (b"S\x00\x00\x00\x01\xff", b"\xff"),
    (b"A\x00\x00\x00\x03t\x01V", [True, None]),
    (b"T\x00\x00\x00\x00\x65\x00\x00\x00", Timestamp(0x65000000)),
    (b"F\x00\x00\x00\x03\x01kV", {"k": None}),
    (b"V", None),
    (b"x\x00\x00\x00\x02\x00\xff", ByteArray(b"\x00\xff")),
]
# What a plain Python value is encoded as, which is what RabbitMQ's own clients would send.
CHOSEN_LETTERS: list[tuple[Any, str]] = [
    (True, "t"),
    (2**31 - 1, "I"),
    (-(2**31), "I"),
    (2**31, "l"),
    (-(2**63), "l"),
    (2**63 - 1, "l"),
    (1.5, "d"),
    (Decimal("1.5"), "D"),
    ("text", "S"),
    (b"octets", "S"),
    (ByteArray(b"octets"), "x"),
    (Timestamp(1), "T"),
    (None, "V"),
    ([], "A"),
    ({}, "F"),
]
UNENCODABLE: list[Any] = [
    2**63,
    -(2**63) - 1,
    1j,
    (1, 2),
    Decimal(-1),
    Decimal("NaN"),
    Decimal("Infinity"),
    Decimal("1E-256"),
    Decimal("1E-3000000"),
    Decimal(2**32),
    Timestamp(-1),
    Timestamp(2**64),
    Typed("b", 128),
    Typed("B", -1),
    Typed("u", "text"),
    Typed("f", 1e300),
    Typed("S", 5),
    Typed("F", 5),
    Typed("D", 1.5),
    Typed("?", 5),
    "\ud800",
    {5: 1},
    {"k" * 256: 1},
    [1j],
]


def one(value: bytes) -> bytes:
    """A table that holds the encoded value under the key `k`."""
    return struct.pack(">I", len(value) + 2) + b"\x01k" + value


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal and of the same types, all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def untyped(value: Any) -> Any:
    """The value without the letters that it was to be encoded as."""
    if isinstance(value, Typed):
        return value.value
    if isinstance(value, dict):
        return {key: untyped(held) for key, held in value.items()}
    return [untyped(held) for held in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("octets", "value"), LITERALS, ids=lambda part: repr(part)[:24])
def test_each_type_decodes_as_rabbitmq_has_it(octets: bytes, value: Any) -> None:
    """The octets of every field type mean what RabbitMQ's errata say."""
    decoded, end = decode_table(one(octets), 0)
    assert same(decoded, {"k": value})
    assert end == len(one(octets))


@pytest.mark.parametrize(("value", "letter"), CHOSEN_LETTERS, ids=lambda part: repr(part)[:24])
def test_plain_values_choose_their_letter(value: Any, letter: str) -> None:
    """A plain Python value is encoded under the letter that RabbitMQ itself would use."""
    assert encode_value(value)[:1] == letter.encode()


@given(tables(TYPED_SCALARS).filter(bool), st.binary(max_size=5), st.binary(max_size=5))
def test_tables_of_every_type_come_back(table: dict[str, Any], before: bytes, after: bytes) -> None:
    """Encoding and decoding gives the same values, wherever the table stands."""
    encoded = encode_table(table)
    decoded, end = decode_table(before + encoded + after, len(before))
    assert same(decoded, untyped(table))
    assert end == len(before) + len(encoded)


@given(TABLES)
def test_plain_tables_encode_as_they_decode(table: dict[str, Any]) -> None:
    """What was decoded from plain values encodes to the very same octets again."""
    encoded = encode_table(table)
    assert encode_table(decode_table(encoded, 0)[0]) == encoded


@given(tables(TYPED_SCALARS))
def test_a_split_table_keeps_every_type(table: dict[str, Any]) -> None:
    """Split, a table's values are their octets, which decode to them and encode as they came."""
    encoded = encode_table(table)
    split, end = split_table(b"before" + encoded + b"after", len(b"before"))
    assert end == len(b"before") + len(encoded)
    assert encode_table(split) == encoded
    decoded = {key: decode_value(raw) for key, raw in split.items()}
    assert same(decoded, decode_table(encoded, 0)[0])


def test_a_table_that_is_cut_short_cannot_be_split() -> None:
    """What does not decode does not split either."""
    for octets in (one(b"I\x00"), one(b"?"), one(b"V")[:-1], b"\x00\x00\x00\x03\x01kt\x01"):
        with pytest.raises(WireError):
            split_table(octets, 0)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "bool"),
        (1, "signedint"),
        (Timestamp(1), "timestamp"),
        ("", "longstr"),
        (b"\xff", "longstr"),
        (ByteArray(b""), "binary"),
        (1.0, "double"),
        (Decimal(1), "decimal"),
        ([], "array"),
        ({}, "table"),
        (None, "void"),
        (object(), "unknown"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_types_have_rabbitmq_s_names(value: Any, name: str) -> None:
    """Error texts name a type as RabbitMQ does."""
    assert type_name(value) == name


@given(st.binary(max_size=60))
def test_arbitrary_octets_decode_or_raise_wire_error(data: bytes) -> None:
    """Whatever comes, decoding ends in a table within the data or in WireError."""
    for octets in (data, struct.pack(">I", len(data)) + data):
        try:
            _table, end = decode_table(octets, 0)
        except WireError:
            continue
        assert 4 <= end <= len(octets)


@given(tables(TYPED_SCALARS).filter(bool), st.data())
def test_one_wrong_octet_never_escapes_as_anything_else(
    table: dict[str, Any], data: st.DataObject
) -> None:
    """A good table with one octet changed decodes or raises WireError."""
    octets = bytearray(encode_table(table))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    with suppress(WireError):
        decode_table(bytes(octets), 0)


@pytest.mark.parametrize("octets", [literal for literal, _value in LITERALS], ids=repr)
def test_truncation_at_every_octet_raises_wire_error(octets: bytes) -> None:
    """Cut anywhere, with its length as announced or as cut, no table decodes to anything else."""
    whole = one(octets)
    for size in range(len(whole)):
        with pytest.raises(WireError):
            decode_table(whole[:size], 0)
    for size in range(1, len(whole) - 4):
        with pytest.raises(WireError):
            decode_table(struct.pack(">I", size) + whole[4 : 4 + size], 0)


@pytest.mark.parametrize(
    "octets", [b"F\x00\x00\x00\x02\x01kV", b"A\x00\x00\x00\x01I\x00\x00\x00\x01"]
)
def test_a_value_that_runs_over_its_section_is_refused(octets: bytes) -> None:
    """A nested section that ends in the midst of a value is malformed."""
    with pytest.raises(WireError, match="last value runs over its end"):
        decode_table(one(octets), 0)


def test_unknown_letters_are_named() -> None:
    """A field type that nobody knows raises WireError and is named in it."""
    for letter in set(range(256)) - set(b"tbBsuIilLfdDSATFVx"):
        with pytest.raises(WireError, match="unknown field type") as caught:
            decode_table(one(bytes((letter,)) + bytes(16)), 0)
        assert repr(chr(letter)) in str(caught.value)


@pytest.mark.parametrize("letter", ["F", "A"])
def test_nesting_is_bounded(letter: str) -> None:
    """Tables and arrays are decoded to MAX_DEPTH; what is deeper stays as it is, however deep."""
    key = b"\x01k" if letter == "F" else b""

    def nested(depth: int) -> bytes:
        value = b"V"
        for _ in range(depth):
            inner = key + value
            value = letter.encode() + struct.pack(">I", len(inner)) + inner
        return one(value)

    def innermost(value: Any) -> Any:
        while isinstance(value, dict | list):
            value = value["k"] if isinstance(value, dict) else value[0]
        return value

    for depth in (MAX_DEPTH, MAX_DEPTH + 1, 5000):
        octets = nested(depth)
        table, end = decode_table(octets, 0)
        inside = innermost(table)
        assert (end, encode_table(table)) == (len(octets), octets)
        assert inside is None if depth == MAX_DEPTH else isinstance(inside, Raw)
    with pytest.raises(WireError):
        decode_table(nested(5000)[:-1], 0)


def test_the_last_of_equal_keys_wins() -> None:
    """A key that comes twice keeps its last value, as a dict has it."""
    assert decode_table(b"\x00\x00\x00\x06\x01kV\x01kV", 0)[0] == {"k": None}
    assert decode_table(b"\x00\x00\x00\x08\x01kt\x00\x01kt\x01"[:12], 0)[0] == {"k": True}


@pytest.mark.parametrize("value", UNENCODABLE, ids=lambda value: repr(value)[:30])
def test_what_no_letter_can_carry_raises_wire_error(value: Any) -> None:
    """A value that does not fit is refused by WireError when encoded, alone and in a table."""
    with pytest.raises(WireError):
        encode_value(value)
    with pytest.raises(WireError):
        encode_table({"k": value})


@given(SHORT_STRINGS)
def test_short_strings_come_back(text: str) -> None:
    """A short string is its length octet and UTF-8."""
    encoded = encode_shortstr(text)
    assert encoded == bytes((len(text.encode()),)) + text.encode()
    assert decode_shortstr(encoded + b"after", 0) == (text, len(encoded))


@given(st.binary(max_size=255))
def test_short_strings_keep_octets_that_are_no_text(raw: bytes) -> None:
    """With surrogateescape any octets survive; strictly, those that are not UTF-8 are refused."""
    encoded = bytes((len(raw),)) + raw
    text, _end = decode_shortstr(encoded, 0, "surrogateescape")
    assert encode_shortstr(text) == encoded
    try:
        raw.decode()
    except UnicodeDecodeError:
        with pytest.raises(WireError):
            decode_shortstr(encoded, 0)
    else:
        assert decode_shortstr(encoded, 0)[0] == text


@pytest.mark.parametrize("octets", [b"", b"\x01", b"\x03ab", b"\xff" + b"a" * 254])
def test_short_strings_that_run_over_the_end(octets: bytes) -> None:
    """A short string longer than the data is WireError."""
    with pytest.raises(WireError):
        decode_shortstr(octets, 0)


@pytest.mark.parametrize("text", ["a" * 256, "\xe9" * 128, b"a" * 256])
def test_short_strings_hold_255_octets(text: str | bytes) -> None:
    """255 octets fit, counted as UTF-8; one more is WireError."""
    assert len(encode_shortstr(text[:127])) in {128, 255}
    with pytest.raises(WireError, match="255 fit"):
        encode_shortstr(text)


@given(st.binary(max_size=80))
def test_long_strings_come_back(raw: bytes) -> None:
    """A long string is its four-octet length and any octets; cut, it is WireError."""
    encoded = encode_longstr(raw)
    assert decode_longstr(encoded + b"after", 0) == (raw, len(encoded))
    with pytest.raises(WireError):
        decode_longstr(encoded[:-1], 0)
