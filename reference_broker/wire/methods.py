"""The readable codec: method payloads and basic properties, driven by the tables of `spec`.

`fast` holds hand-unrolled twins of the hottest few, proven equal to this one.
"""

from collections.abc import Callable, Mapping
from struct import Struct, error
from typing import Any, NamedTuple

from .errors import WireError
from .spec import BASIC_CLASS, METHODS, METHODS_BY_ID, PROPERTIES, MethodSpec
from .tables import (
    decode_longstr,
    decode_shortstr,
    decode_table,
    encode_longstr,
    encode_shortstr,
    encode_table,
    split_table,
)

_IDS = Struct(">HH")
_HEADER = Struct(">HHQ")  # class, weight, body size
_FLAGS = Struct(">H")
_INTEGERS = {
    "octet": Struct(">B"),
    "short": Struct(">H"),
    "long": Struct(">I"),
    "longlong": Struct(">Q"),
    "timestamp": Struct(">Q"),
}
_DECODERS: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "shortstr": decode_shortstr,
    "longstr": decode_longstr,
    "table": decode_table,
}
_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "shortstr": encode_shortstr,
    "longstr": encode_longstr,
    "table": encode_table,
}
_EMPTY: dict[str, Any] = {"shortstr": "", "longstr": b"", "table": {}, "bit": False}

Properties = dict[str, Any]


class Method(NamedTuple):
    """One decoded method. Reserved arguments are left out."""

    spec: MethodSpec
    arguments: dict[str, Any]

    @property
    def name(self) -> str:
        """For instance `queue.declare-ok`."""
        return self.spec.name


class UnknownMethodError(WireError):
    """A class or method id that the tables do not hold."""


def decode_method(payload: bytes) -> Method:
    """A method frame's payload, decoded.

    Raises:
        UnknownMethodError: the ids are of no known method.
        WireError: an argument is cut short or malformed, or octets are left over.
    """
    if len(payload) < _IDS.size:
        raise WireError("a method payload without class and method id")
    ids = _IDS.unpack_from(payload)
    spec = METHODS_BY_ID.get(ids)
    if spec is None:
        raise UnknownMethodError(f"unknown method {ids[0]}.{ids[1]}")
    return Method(spec, _decode_arguments(spec, payload))


def _decode_arguments(spec: MethodSpec, payload: bytes) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    position, bit = _IDS.size, 8
    for name, kind in spec.arguments:
        if kind == "bit":
            if bit == 8:  # noqa: PLR2004  eight bits share an octet
                octet, position = _decode("octet", payload, position)
                bit = 0
            value: Any = bool(octet >> bit & 1)
            bit += 1
        else:
            value, position = _decode(kind, payload, position)
            bit = 8
        if not name.startswith("reserved"):
            arguments[name] = value
    if position != len(payload):
        raise WireError("octets left over after the last argument")
    return arguments


def _decode(kind: str, data: bytes, position: int) -> tuple[Any, int]:
    integer = _INTEGERS.get(kind)
    if integer is None:
        return _DECODERS[kind](data, position)
    try:
        return integer.unpack_from(data, position)[0], position + integer.size
    except error as cause:
        raise WireError(f"a {kind} runs over the end") from cause


def encode_method(name: str, /, **arguments: Any) -> bytes:
    """A method frame's payload. Arguments not given are empty, zero or false.

    Raises:
        WireError: an argument that the method lacks, or a value its type cannot carry.
    """
    spec = METHODS.get(name)
    if spec is None:
        raise WireError(f"no method {name!r}")
    if not arguments and name in _BARE:
        return _BARE[name]
    parts = [_IDS.pack(*spec.ids)]
    bits, count = 0, 0
    for argument, kind in spec.arguments:
        value = arguments.pop(argument, _EMPTY.get(kind, 0))
        if kind == "bit":
            bits |= bool(value) << count
            count += 1
            continue
        if count:
            parts.append(bytes((bits,)))
            bits = count = 0
        parts.append(_encode(kind, value))
    if count:
        parts.append(bytes((bits,)))
    if arguments:
        raise WireError(f"{name} has no argument {', '.join(arguments)}")
    return b"".join(parts)


def _encode(kind: str, value: Any) -> bytes:
    integer = _INTEGERS.get(kind)
    if integer is None:
        return _ENCODERS[kind](value)
    try:
        return integer.pack(value)
    except error as cause:
        raise WireError(f"cannot encode {value!r} as {kind}") from cause


_BARE: dict[str, bytes] = {}  # each method as it is when no argument is given
_BARE.update((name, encode_method(name)) for name in METHODS)


def encode_header(body_size: int, properties: Mapping[str, Any]) -> bytes:
    """A content header's payload for class basic."""
    return _HEADER.pack(BASIC_CLASS, 0, body_size) + encode_properties(properties)


def encode_properties(properties: Mapping[str, Any]) -> bytes:
    """Property flags and the values of those given. Raises WireError for an unknown property."""
    given = dict(properties)
    flags, values = 0, []
    for index, (name, kind) in enumerate(PROPERTIES):
        if name in given:
            flags |= 1 << (15 - index)
            values.append(_encode(kind, given.pop(name)))
    if given:
        raise WireError(f"class basic has no property {', '.join(given)}")
    return _FLAGS.pack(flags) + b"".join(values)


def decode_header(payload: bytes) -> tuple[int, int, int]:
    """(class id, weight, body size) of a content header's payload. Raises WireError."""
    try:
        return _HEADER.unpack_from(payload)
    except error as cause:
        raise WireError("a content header of under 12 octets") from cause


def decode_properties(header: bytes, *, split_headers: bool = False) -> Properties:
    """The properties of a content header's payload.

    With `split_headers` the values in the headers table are left as they are on the wire, so that
    encoding the properties again keeps their types.

    Raises:
        WireError: a value is cut short or malformed, or more flags are announced.
    """
    position = _HEADER.size + _FLAGS.size
    if len(header) < position:
        raise WireError("a content header without property flags")
    (flags,) = _FLAGS.unpack_from(header, _HEADER.size)
    if flags & 1:
        raise WireError("a second word of property flags; class basic has one")
    properties: Properties = {}
    for index, (name, kind) in enumerate(PROPERTIES):
        if flags >> (15 - index) & 1:
            if kind == "shortstr":
                properties[name], position = decode_shortstr(header, position, "surrogateescape")
            elif kind == "table" and split_headers:
                properties[name], position = split_table(header, position)
            else:
                properties[name], position = _decode(kind, header, position)
    if position != len(header):
        raise WireError("octets left over after the last property")
    return properties
