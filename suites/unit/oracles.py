"""Two independent codecs, pamqp and pika's own, brought to one shape so as to compare with ours."""

import calendar
import datetime as dt
import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import pamqp.commands
import pika.spec
from pamqp import header as pamqp_header

from reference_broker.wire.spec import PROPERTIES, MethodSpec
from reference_broker.wire.tables import ByteArray, Timestamp


class Oracle(NamedTuple):
    """A codec: ids -> its class of the method, and how that class reads and writes a payload."""

    methods: dict[int, Any]
    new: Callable[[Any], Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[Any, bytes], Any]
    attributes: Callable[[Any], list[str]]
    octets: type  # what it takes as a byte array


def _unmarshalled(method: Any, payload: bytes) -> Any:
    method.unmarshal(payload)
    return method


def _new_of_pamqp(kind: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # basic.recover-async is a relic
        return kind()


def _parameters(kind: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(kind).parameters)


def _new_of_pika(kind: Any) -> Any:
    required = [p.name for p in _parameters(kind).values() if p.default is inspect.Parameter.empty]
    return kind(**dict.fromkeys(required, ""))


PAMQP = Oracle(
    pamqp.commands.INDEX_MAPPING,
    new=_new_of_pamqp,
    encode=lambda method: bytes(method.marshal()),
    decode=_unmarshalled,
    attributes=lambda kind: list(kind.__slots__),
    octets=bytearray,
)
PIKA = Oracle(
    pika.spec.methods,
    new=_new_of_pika,
    encode=lambda method: b"".join(method.encode()),
    decode=lambda method, payload: method.decode(payload),
    attributes=lambda kind: list(_parameters(kind)),
    octets=bytes,
)


def class_of(oracle: Oracle, spec: MethodSpec) -> Any:
    """The oracle's class of a method; None when it does not know it."""
    return oracle.methods.get(spec.ids[0] << 16 | spec.ids[1])


def encode(oracle: Oracle, spec: MethodSpec, arguments: dict[str, Any]) -> bytes:
    """The payload without its ids as the oracle writes it, reserved arguments left alone."""
    method = oracle.new(class_of(oracle, spec))
    for (name, _kind), attribute in zip(spec.arguments, _attributes(oracle, spec), strict=True):
        if name in arguments:
            setattr(method, attribute, theirs(arguments[name], oracle))
    return oracle.encode(method)


def decode(oracle: Oracle, spec: MethodSpec, payload: bytes) -> dict[str, Any]:
    """The arguments but the reserved ones as the oracle reads them, brought to our shape."""
    method = oracle.decode(oracle.new(class_of(oracle, spec)), payload)
    return {
        name: canonical(getattr(method, attribute))
        for (name, _kind), attribute in zip(spec.arguments, _attributes(oracle, spec), strict=True)
        if not name.startswith("reserved")
    }


def _attributes(oracle: Oracle, spec: MethodSpec) -> list[str]:
    return oracle.attributes(class_of(oracle, spec))


def pamqp_header_of(body_size: int, properties: dict[str, Any]) -> bytes:
    """A content header as pamqp writes it."""
    names = pamqp.commands.Basic.Properties.__slots__
    held = pamqp.commands.Basic.Properties()
    for (name, _kind), attribute in zip(PROPERTIES, names, strict=True):
        if name in properties:
            value = properties[name]
            setattr(
                held, attribute, _moment(value) if name == "timestamp" else theirs(value, PAMQP)
            )
    return bytes(pamqp_header.ContentHeader(0, body_size, held).marshal())


def pamqp_properties_of(header: bytes) -> dict[str, Any]:
    """The properties that pamqp finds in a content header, brought to our shape."""
    read = pamqp_header.ContentHeader()
    read.unmarshal(header)
    found = {
        name: canonical(getattr(read.properties, attribute))
        for (name, _kind), attribute in zip(
            PROPERTIES, pamqp.commands.Basic.Properties.__slots__, strict=True
        )
    }
    return {name: value for name, value in found.items() if value is not None and value != ""}


def pika_properties(properties: dict[str, Any]) -> bytes:
    """Flags and values as pika writes them."""
    given = {name: theirs(value, PIKA) for name, value in properties.items()}
    return b"".join(pika.spec.BasicProperties(**given).encode())


def pika_properties_of(encoded: bytes) -> dict[str, Any]:
    """The properties that pika finds, brought to our shape."""
    read = pika.spec.BasicProperties().decode(encoded)
    found = {name: canonical(getattr(read, name)) for name, _kind in PROPERTIES}
    return {name: value for name, value in found.items() if value is not None}


def theirs(value: Any, oracle: Oracle) -> Any:
    """One of our values as the oracle has it."""
    if isinstance(value, Timestamp):
        return _moment(value)
    if isinstance(value, ByteArray):
        return oracle.octets(value)
    if isinstance(value, bytes):
        return value.decode()  # a long string
    if isinstance(value, dict):
        return {key: theirs(held, oracle) for key, held in value.items()}
    return [theirs(held, oracle) for held in value] if isinstance(value, list) else value


def canonical(value: Any) -> Any:
    """A value of anybody's in one shape: octets as bytes, moments as seconds."""
    if isinstance(value, dt.datetime):
        return calendar.timegm(value.utctimetuple())
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, dict):
        return {key: canonical(held) for key, held in value.items()}
    return [canonical(held) for held in value] if isinstance(value, list) else value


def _moment(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, tz=dt.UTC)
