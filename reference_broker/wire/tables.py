"""Field tables and arrays, with every value type that RabbitMQ speaks.

RabbitMQ and Qpid depart from the printed grammar of 0-9-1: `s` is a 16-bit integer, `l` and `L`
64-bit signed ones (RabbitMQ's AMQP 0-9-1 errata, 3). A decoded value is the plain Python value that
fits; `Typed` forces another type letter when encoding.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from struct import Struct, error
from typing import Any, NamedTuple

from .errors import WireError

MAX_DEPTH = 128  # deeper than any application nests; what is below is kept as it is, undecoded


class Timestamp(int):
    """Seconds since the epoch, unsigned 64 bits on the wire (`T`)."""


class ByteArray(bytes):
    """An opaque byte array (`x`)."""


class Raw(bytes):
    """A value with its type letter as it stands on the wire, to be passed on untouched."""


class Typed(NamedTuple):
    """A value with the type letter it is to be encoded as."""

    letter: str
    value: Any


FieldValue = Any  # bool, int, float, Decimal, str, bytes, Timestamp, ByteArray, None, list, dict
Table = dict[str, FieldValue]

_FIXED: dict[int, Struct] = {
    ord(letter): Struct(">" + code)
    for letter, code in {
        "b": "b", "B": "B", "s": "h", "u": "H", "I": "i", "i": "I", "l": "q", "L": "q",
        "f": "f", "d": "d",
    }.items()
}  # fmt: skip
_LONG = Struct(">I")
_LONGLONG = Struct(">Q")
_DECIMAL = Struct(">BI")
_INT32 = range(-(2**31), 2**31)
_INT64 = range(-(2**63), 2**63)


def decode_table(data: bytes, position: int, depth: int = 0) -> tuple[Table, int]:
    """The table at `position`, and where it ends. Raises WireError."""
    end = _section(data, position)
    position += 4
    table: Table = {}
    while position < end:
        key, position = decode_shortstr(data, position, "surrogateescape")
        table[key], position = _value(data, position, depth)
    if position != end:
        raise WireError("a table's last value runs over its end")
    return table, end


def split_table(data: bytes, position: int) -> tuple[dict[str, Raw], int]:
    """Like `decode_table`, the values left as they are on the wire."""
    end = _section(data, position)
    position += 4
    table: dict[str, Raw] = {}
    while position < end:
        key, start = decode_shortstr(data, position, "surrogateescape")
        _decoded, position = _value(data, start, 0)
        table[key] = Raw(data[start:position])
    if position != end:
        raise WireError("a table's last value runs over its end")
    return table, end


def decode_value(raw: bytes) -> FieldValue:
    """The value of a type letter and what follows it. Raises WireError."""
    return _value(raw, 0, 0)[0]


def type_name(value: FieldValue) -> str:
    """What RabbitMQ calls the type of a decoded value."""
    return next((name for kind, name in _TYPE_NAMES if isinstance(value, kind)), "unknown")


_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (Timestamp, "timestamp"),
    (int, "signedint"),
    (ByteArray, "binary"),
    (str, "longstr"),
    (bytes, "longstr"),
    (float, "double"),
    (Decimal, "decimal"),
    (list, "array"),
    (dict, "table"),
    (type(None), "void"),
)


def decode_shortstr(data: bytes, position: int, errors: str = "strict") -> tuple[str, int]:
    """The short string at `position`, and where it ends.

    `errors` says what becomes of octets that are not UTF-8: RabbitMQ refuses them in the arguments
    of a method and takes them as they are in properties and table keys ("surrogateescape").
    Raises WireError.
    """
    try:
        start = position + 1
        end = start + data[position]
        if end > len(data):
            raise WireError("a short string runs over the end")
        return str(data[start:end], "utf-8", errors), end
    except (IndexError, UnicodeDecodeError) as cause:
        raise WireError(f"not a short string: {cause}") from cause


def decode_longstr(data: bytes, position: int) -> tuple[bytes, int]:
    """The long string at `position`, and where it ends. Raises WireError."""
    end = _section(data, position)
    return data[position + 4 : end], end


def _section(data: bytes, position: int) -> int:
    """Where the length-prefixed section at `position` ends."""
    try:
        (size,) = _LONG.unpack_from(data, position)
    except error as cause:
        raise WireError("a length runs over the end") from cause
    end: int = position + 4 + size
    if end > len(data):
        raise WireError(f"{size} octets announced, {len(data) - position - 4} there")
    return end


def _value(data: bytes, position: int, depth: int) -> tuple[FieldValue, int]:
    try:
        letter = data[position]
        fixed = _FIXED.get(letter)
        if fixed is not None:
            return fixed.unpack_from(data, position + 1)[0], position + 1 + fixed.size
        if depth >= MAX_DEPTH and letter in _NESTING:
            end = _section(data, position + 1)
            return Raw(data[position:end]), end
        return _DECODERS[letter](data, position + 1, depth + 1)
    except IndexError as cause:
        raise WireError("a value runs over the end") from cause
    except error as cause:
        raise WireError(f"a value runs over the end: {cause}") from cause
    except KeyError as cause:
        raise WireError(f"unknown field type {chr(cause.args[0])!r}") from cause


def _text(data: bytes, position: int, _depth: int) -> tuple[str | bytes, int]:
    raw, end = decode_longstr(data, position)
    try:
        return str(raw, "utf-8"), end
    except UnicodeDecodeError:
        return raw, end  # long strings are opaque octets in RabbitMQ; most are text


def _array(data: bytes, position: int, depth: int) -> tuple[list[FieldValue], int]:
    end = _section(data, position)
    position += 4
    array: list[FieldValue] = []
    while position < end:
        item, position = _value(data, position, depth)
        array.append(item)
    if position != end:
        raise WireError("an array's last value runs over its end")
    return array, end


def _boolean(data: bytes, position: int, _depth: int) -> tuple[bool, int]:
    return data[position] != 0, position + 1


def _decimal(data: bytes, position: int, _depth: int) -> tuple[Decimal, int]:
    scale, digits = _unpack(_DECIMAL, data, position)
    return Decimal(digits).scaleb(-scale), position + _DECIMAL.size


def _timestamp(data: bytes, position: int, _depth: int) -> tuple[Timestamp, int]:
    (seconds,) = _unpack(_LONGLONG, data, position)
    return Timestamp(seconds), position + _LONGLONG.size


def _byte_array(data: bytes, position: int, _depth: int) -> tuple[ByteArray, int]:
    raw, end = decode_longstr(data, position)
    return ByteArray(raw), end


def _void(_data: bytes, position: int, _depth: int) -> tuple[None, int]:
    return None, position


def _unpack(layout: Struct, data: bytes, position: int) -> tuple[Any, ...]:
    try:
        return layout.unpack_from(data, position)
    except error as cause:
        raise WireError(f"a value runs over the end: {cause}") from cause


_DECODERS: dict[int, Callable[[bytes, int, int], tuple[FieldValue, int]]] = {
    ord("t"): _boolean,
    ord("D"): _decimal,
    ord("S"): _text,
    ord("A"): _array,
    ord("T"): _timestamp,
    ord("F"): decode_table,
    ord("V"): _void,
    ord("x"): _byte_array,
}


_NESTING = frozenset(b"AF")


def encode_table(table: Mapping[str, FieldValue]) -> bytes:
    """The table with its length before it. Raises WireError for what no type letter can carry."""
    if not isinstance(table, Mapping):
        raise WireError(f"not a table: {table!r}")
    body = b"".join(encode_shortstr(key) + encode_value(value) for key, value in table.items())
    return _LONG.pack(len(body)) + body


def encode_shortstr(text: str | bytes) -> bytes:
    """The text as UTF-8 with its length octet. Raises WireError above 255 octets."""
    raw = _octets(text)
    if len(raw) > 255:  # noqa: PLR2004  the length is one octet
        raise WireError(f"a short string of {len(raw)} octets; 255 fit")
    return bytes((len(raw),)) + raw


def encode_longstr(text: str | bytes) -> bytes:
    """The text as UTF-8 with its four-octet length."""
    raw = _octets(text)
    return _LONG.pack(len(raw)) + raw


def _octets(text: str | bytes) -> bytes:
    try:
        if isinstance(text, str):
            return text.encode("utf-8", "surrogateescape")
        return bytes(memoryview(text))
    except (TypeError, UnicodeError) as cause:
        raise WireError(f"not text: {text!r}") from cause


def encode_value(value: FieldValue) -> bytes:
    """Type letter and value; plain Python values get the letter that RabbitMQ itself would use."""
    if isinstance(value, Raw):
        return value
    letter, value = value if isinstance(value, Typed) else (_letter(value), value)
    head = letter.encode()
    fixed = _FIXED.get(head[0])
    try:
        if fixed is not None:
            return head + fixed.pack(value)
        return head + _ENCODERS[letter](value)
    except (error, LookupError, TypeError, AttributeError, ArithmeticError) as cause:
        raise WireError(f"cannot encode {value!r} as {letter!r}") from cause


def _letter(value: FieldValue) -> str:
    if isinstance(value, int) and not isinstance(value, bool | Timestamp):
        if value not in _INT64:
            raise WireError(f"{value} does not fit 64 bits")
        return "I" if value in _INT32 else "l"
    for kind, letter in _LETTERS:
        if isinstance(value, kind):
            return letter
    raise WireError(f"no field type for {type(value).__name__}")


_LETTERS: tuple[tuple[type, str], ...] = (
    (bool, "t"),
    (str, "S"),
    (ByteArray, "x"),
    (bytes, "S"),
    (Timestamp, "T"),
    (float, "d"),
    (Decimal, "D"),
    (type(None), "V"),
    (list, "A"),
    (dict, "F"),
)


def _encode_array(items: list[FieldValue]) -> bytes:
    return encode_longstr(b"".join(map(encode_value, items)))


def _encode_decimal(value: Decimal) -> bytes:
    sign, digits, exponent = value.as_tuple()
    if sign or not isinstance(exponent, int):
        raise WireError(f"a decimal is an unsigned number, not {value}")
    scale = max(0, -exponent)
    return _DECIMAL.pack(scale, int(value.scaleb(scale)) if digits else 0)


_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "t": lambda value: b"\x01" if value else b"\x00",
    "D": _encode_decimal,
    "S": encode_longstr,
    "A": _encode_array,
    "T": _LONGLONG.pack,
    "F": encode_table,
    "V": lambda _value: b"",
    "x": encode_longstr,
}
