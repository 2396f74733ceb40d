"""Field tables: every type of value goes through a broker unchanged."""

from collections.abc import Callable
from struct import pack

import pytest

from suites import verify
from suites.amqp.endings import Observe, unchanged_or_fatal
from suites.amqp.literal import header, section, shortstr
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.harness.names import Names

HEADERS = b"\x20\x00"  # property flags: headers and nothing else
TIMESTAMP = b"\x00\x40"  # property flags: timestamp and nothing else
HUNDRED_KB = 100_000
DEEP = 300

# Written out, so that a broker and a client that share a misreading do not agree here.
VALUES = {
    "boolean": b"t\x01",
    "int8": b"b\xfe",
    "uint8": b"B\xfe",
    "int16": b"s\xff\x01",
    "uint16": b"u\xff\x01",
    "int32": b"I\xff\xff\xff\x01",
    "uint32": b"i\xff\xff\xff\x01",
    "int64": b"l\xff\xff\xff\xff\xff\xff\xff\x01",
    "float": b"f\x3f\x80\x00\x00",
    "double": b"d\x3f\xf0\x00\x00\x00\x00\x00\x00",
    "decimal": b"D\x02\x00\x00\x01\x3a",
    "string": b"S\x00\x00\x00\x03abc",
    "array": b"A\x00\x00\x00\x04t\x00t\x01",
    "timestamp": b"T\x00\x00\x00\x00\x65\x53\xf1\x00",
    "table": b"F\x00\x00\x00\x04\x01xt\x01",
    "void": b"V",
    "octets": b"x\x00\x00\x00\x02\x00\xff",
}


def pair(key: str, value: bytes) -> bytes:
    """One field of a table."""
    return shortstr(key) + value


def nested(letter: bytes, depth: int) -> bytes:
    """A table or array in another, so often, with one boolean inside."""
    value = b"t\x01"
    for _ in range(depth):
        value = letter + section(pair("n", value) if letter == b"F" else value)
    return value


RoundTrip = Callable[[bytes], Delivery]


@pytest.fixture
def round_trip(client: RawClient, names: Names) -> RoundTrip:
    """Publishes with these flags and values, and gives the message as it came back."""

    def through(properties: bytes) -> Delivery:
        queue = names()
        client.call(1, "queue.declare", queue=queue)
        client.send(1, "basic.publish", routing_key=queue)
        client.send_frame(2, 1, header(0, properties))
        client.send(1, "basic.get", queue=queue, no_ack=True)
        return client.expect_content(1, "basic.get-ok", b"")

    return through


def expect_unchanged(round_trip: RoundTrip, value: bytes) -> None:
    """A headers table with this value comes back octet for octet."""
    properties = HEADERS + section(pair("value", value))
    returned = round_trip(properties).header[12:]
    if returned != properties:
        raise verify.Mismatch(f"properties {properties[:40]!r}", f"properties {returned[:40]!r}")


@pytest.mark.requirement("codec/table-all-types")
@pytest.mark.parametrize("kind", VALUES)
def test_table_all_types(round_trip: RoundTrip, kind: str) -> None:
    """A value of each type comes back with that type and value."""
    expect_unchanged(round_trip, VALUES[kind])


@pytest.mark.requirement("codec/table-nested")
@pytest.mark.parametrize("letter", [b"F", b"A"], ids=["tables", "arrays"])
def test_table_nested(round_trip: RoundTrip, letter: bytes) -> None:
    """Tables in tables and arrays in arrays come back as they were."""
    expect_unchanged(round_trip, nested(letter, 5))


@pytest.mark.requirement("codec/table-empty")
@pytest.mark.parametrize("letter", [b"F", b"A"], ids=["table", "array"])
def test_table_empty(round_trip: RoundTrip, letter: bytes) -> None:
    """An empty table and an empty array come back empty."""
    expect_unchanged(round_trip, letter + bytes(4))


@pytest.mark.requirement("codec/table-large")
def test_table_large(round_trip: RoundTrip) -> None:
    """A headers table of 100 kB comes back whole."""
    expect_unchanged(round_trip, b"S" + section(b"x" * HUNDRED_KB))


@pytest.mark.requirement("codec/table-deep-nesting")
def test_table_deep_nesting(client: RawClient, names: Names, observe: Observe) -> None:
    """Tables nested hundreds deep come back as they were, or are a connection error."""
    properties = HEADERS + section(pair("value", nested(b"F", DEEP)))
    observe(unchanged_or_fatal(client, names(), properties))


@pytest.mark.requirement("codec/timestamp-extremes")
@pytest.mark.parametrize("seconds", [0, 2**31, 2**63], ids=["0", "2^31", "2^63"])
def test_timestamp_extremes(round_trip: RoundTrip, seconds: int) -> None:
    """The timestamps 0, 2^31 and 2^63 come back as they were."""
    properties = TIMESTAMP + seconds.to_bytes(8)
    verify.equal(round_trip(properties).header[12:], properties, "properties")


@pytest.mark.requirement("codec/decimal-scale")
def test_decimal_scale(round_trip: RoundTrip) -> None:
    """A decimal of scale 255 comes back as it was."""
    expect_unchanged(round_trip, b"D\xff\x00\x00\x00\x07")


@pytest.mark.requirement("codec/long-int-range")
@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1], ids=["lowest", "highest"])
def test_long_int_range(round_trip: RoundTrip, number: int) -> None:
    """The extremes of 64 signed bits come back as they were."""
    expect_unchanged(round_trip, b"l" + number.to_bytes(8, signed=True))


@pytest.mark.requirement("codec/float-special")
@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
def test_float_special(client: RawClient, names: Names, observe: Observe, number: str) -> None:
    """A number that is none, or infinite, comes back as it was, or is a connection error."""
    properties = HEADERS + section(pair("value", b"d" + pack(">d", float(number))))
    observe(unchanged_or_fatal(client, names(), properties))


@pytest.mark.requirement("codec/s-is-int16")
def test_s_is_int16(client: RawClient, names: Names) -> None:
    """A field of type `s` is a 16-bit integer: as such it matches a 32-bit one of its value."""
    queue, exchange = names(), names("exchange")
    client.call(1, "queue.declare", queue=queue)
    client.call(1, "exchange.declare", exchange=exchange, type="headers")
    client.call(1, "queue.bind", queue=queue, exchange=exchange, arguments={"value": 258})
    client.send(1, "basic.publish", exchange=exchange)
    properties = HEADERS + section(pair("value", b"s\x01\x02"))
    client.send_frame(2, 1, header(0, properties))
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", b"")


@pytest.mark.requirement("codec/binary-x")
def test_binary_x(round_trip: RoundTrip) -> None:
    """A byte array with every octet there is comes back as it was."""
    expect_unchanged(round_trip, b"x" + section(bytes(range(256))))
