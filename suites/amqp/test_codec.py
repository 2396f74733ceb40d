"""Values on the wire: strings, bits, properties, and octets that are none of them."""

import pytest

from suites import verify
from suites.amqp import literal
from suites.amqp.endings import (
    ACCEPTED,
    Observe,
    expect_closed,
    expect_fatal,
    unchanged_or_fatal,
)
from suites.amqp.steps import drain, fill
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.names import Names

PASSIVE, DURABLE, EXCLUSIVE, AUTO_DELETE, NO_WAIT = 1, 2, 4, 8, 16
LONGEST = 255  # octets of a short string


def declare(
    client: RawClient, queue: str | bytes, bits: int = 0, arguments: bytes = literal.EMPTY_TABLE
) -> None:
    """Write queue.declare on channel 1, octet for octet."""
    client.send_frame(1, 1, literal.declare(queue, bits, arguments))


def publish(client: RawClient, queue: str, properties: bytes) -> None:
    """Declare the queue, and publish to it an empty body with these flags and values."""
    client.call(1, "queue.declare", queue=queue)
    client.send(1, "basic.publish", routing_key=queue)
    client.send_frame(2, 1, literal.header(0, properties))


def expect_published(client: RawClient, queue: str, properties: bytes) -> None:
    """The control of a malformed header: this well-formed one is taken."""
    publish(client, queue, properties)
    client.send(1, "basic.get", queue=queue, no_ack=True)
    client.expect_content(1, "basic.get-ok", b"")


@pytest.mark.requirement("codec/property-truncated")
def test_property_truncated(client: RawClient, names: Names) -> None:
    """A content header that ends inside a property is a connection error."""
    queue = names()
    expect_published(client, queue, b"\x80\x00\x05plain")
    publish(client, queue, b"\x80\x00\x05pl")
    client.send(1, "basic.qos")
    expect_closed(client, 1, 501, 502, 541)


@pytest.mark.requirement("codec/property-continuation")
def test_property_continuation(client: RawClient, names: Names, observe: Observe) -> None:
    """A second word of property flags is passed on, or is a connection error."""
    observe(unchanged_or_fatal(client, names(), b"\x80\x01\x00\x00\x05plain"))


@pytest.mark.requirement("codec/property-undefined-bit")
def test_property_undefined_bit(client: RawClient, names: Names, observe: Observe) -> None:
    """A property flag that stands for nothing is ignored, or is a connection error."""
    observe(unchanged_or_fatal(client, names(), b"\x80\x02\x05plain", b"\x80\x00\x05plain"))


@pytest.mark.requirement("codec/unaligned")
@pytest.mark.parametrize("offset", range(8))
def test_unaligned(client: RawClient, names: Names, offset: int) -> None:
    """An integer is read as it was sent wherever in the frame it stands."""
    queue = names.adopt("queue", names() + "_" * offset)
    limit = b"l" + (1).to_bytes(8)
    declare(client, queue, arguments=literal.section(b"\x0cx-max-length" + limit))
    client.expect(1, "queue.declare-ok")
    fill(client, queue, [b"dropped", b"kept"])
    verify.equal(drain(client, queue), [b"kept"], "queue")


@pytest.mark.requirement("codec/table-length-overrun")
def test_table_length_overrun(client: RawClient, names: Names) -> None:
    """A table that announces more octets than there are is a connection error."""
    pair = b"\x01at\x01"
    declare(client, names(), arguments=literal.section(pair))
    client.expect(1, "queue.declare-ok")
    declare(client, names(), arguments=(100).to_bytes(4) + pair)
    expect_fatal(client, 501, 502, 541, channel=1)


@pytest.mark.requirement("codec/table-unknown-type")
def test_table_unknown_type(client: RawClient, names: Names) -> None:
    """A field of a type that nobody defined is a connection error."""
    declare(client, names(), arguments=literal.section(b"\x01aZ\x01"))
    expect_fatal(client, 501, 502, 541, channel=1)


def expect_refused_key(client: RawClient, names: Names, key: bytes) -> None:
    """A table with this key is refused, after one with a lawful key was taken."""
    declare(client, names(), arguments=literal.section(b"\x05$lawft\x01"))
    client.expect(1, "queue.declare-ok")
    pair = literal.shortstr(key) + b"t\x01"
    declare(client, names(), arguments=literal.section(pair))
    expect_closed(client, 1, 502, 503)


@pytest.mark.requirement("codec/table-key-digit")
def test_table_key_digit(client: RawClient, names: Names) -> None:
    """A field name that starts with a digit is a connection error."""
    expect_refused_key(client, names, b"1st")


@pytest.mark.requirement("codec/table-key-too-long")
def test_table_key_too_long(client: RawClient, names: Names) -> None:
    """A field name of 200 octets, of which 128 are allowed, is a connection error."""
    expect_refused_key(client, names, b"k" * 200)


@pytest.mark.requirement("codec/table-duplicate-key")
def test_table_duplicate_key(client: RawClient, names: Names, observe: Observe) -> None:
    """A table that holds a key twice is taken, or is a connection error."""
    declare(client, names(), arguments=literal.section(b"\x01at\x01\x01at\x00"))
    try:
        observe(str(client.expect(1, "queue.declare-ok")))
    except verify.Mismatch as refused:
        if refused.actual not in {"connection.close 501", "connection.close 502"}:
            raise
        observe(refused.actual)


@pytest.mark.requirement("codec/array-as-argument")
def test_array_as_argument(client: RawClient, names: Names) -> None:
    """An argument may be an array."""
    array = b"A" + literal.section(b"I\x00\x00\x00\x01S\x00\x00\x00\x01x")
    arguments = literal.section(b"\x08mq-proof" + array)
    declare(client, names(), arguments=arguments)
    client.expect(1, "queue.declare-ok")


@pytest.mark.requirement("codec/shortstr-255")
def test_shortstr_255(client: RawClient, names: Names) -> None:
    """Names and routing keys may have 255 octets."""
    queue = names.adopt("queue", names().ljust(LONGEST, "q"))
    exchange = names.adopt("exchange", names("exchange").ljust(LONGEST, "e"))
    key = "k" * LONGEST
    verify.equal(client.call(1, "queue.declare", queue=queue)["queue"], queue, "queue")
    client.call(1, "exchange.declare", exchange=exchange, type="direct")
    client.call(1, "queue.bind", queue=queue, exchange=exchange, routing_key=key)
    client.publish(1, exchange, key, b"far")
    client.send(1, "basic.get", queue=queue, no_ack=True)
    message = client.expect_content(1, "basic.get-ok", b"far")
    verify.equal((message["exchange"], message["routing_key"]), (exchange, key), "where from")


@pytest.mark.requirement("codec/shortstr-nul")
def test_shortstr_nul(client: RawClient, names: Names) -> None:
    """A short string that holds a zero octet is a connection error."""
    queue = names()
    names.adopt("queue", queue + "\0nul")
    declare(client, queue.encode() + b"\x00nul")
    expect_closed(client, 1, 502)


@pytest.mark.requirement("codec/invalid-utf8-name")
def test_invalid_utf8_name(client: RawClient, names: Names, observe: Observe) -> None:
    """A name that is not UTF-8 is a connection error, or is taken as the octets it is."""
    declare(client, names().encode() + b"\xff\xfe", EXCLUSIVE)
    observe(accepted_name_or_fatal(client))


def accepted_name_or_fatal(client: RawClient) -> str:
    """`accepted` for a declare-ok, else the connection's end."""
    try:
        return expect_fatal(client, 501, 502, channel=1)
    except verify.Mismatch as other:
        if other.actual != "queue.declare-ok":
            raise
        return ACCEPTED


@pytest.mark.requirement("codec/unicode-names")
def test_unicode_names(client: RawClient, names: Names) -> None:
    """Names and routing keys in any script come back as they were."""
    queue = names.adopt("queue", names() + "-очередь-队列")
    exchange = names.adopt("exchange", names("exchange") + "-échange-🐇")
    key = "ключ.キー"
    verify.equal(client.call(1, "queue.declare", queue=queue)["queue"], queue, "queue")
    client.call(1, "exchange.declare", exchange=exchange, type="direct")
    client.call(1, "queue.bind", queue=queue, exchange=exchange, routing_key=key)
    client.publish(1, exchange, key, b"abc")
    client.send(1, "basic.get", queue=queue, no_ack=True)
    message = client.expect_content(1, "basic.get-ok", b"abc")
    verify.equal((message["exchange"], message["routing_key"]), (exchange, key), "where from")


@pytest.mark.requirement("codec/bit-packing")
@pytest.mark.parametrize(
    ("bits", "code"),
    [(0, 200), (DURABLE, 406), (EXCLUSIVE, 405), (AUTO_DELETE, 406)],
    ids=["none", "durable", "exclusive", "auto-delete"],
)
def test_bit_packing(
    raw: RawClients, client: RawClient, names: Names, bits: int, code: int
) -> None:
    """Each bit of a method has its place, from the low end: another client sees what was meant."""
    queue, other = names(), raw()
    declare(client, queue, bits)
    client.expect(1, "queue.declare-ok")
    other.send(1, "queue.declare", queue=queue)
    if code == 200:
        other.expect(1, "queue.declare-ok")
    else:
        other.expect_channel_close(1, code)


@pytest.mark.requirement("codec/bit-packing")
def test_bit_packing_of_replies(client: RawClient, names: Names) -> None:
    """The first bit asks about a queue and makes none; the fifth wants no reply."""
    queue = names()
    declare(client, queue, NO_WAIT)
    client.expect_nothing(1)
    declare(client, queue, PASSIVE)
    client.expect(1, "queue.declare-ok")
    declare(client, names(), PASSIVE)
    client.expect_channel_close(1, 404)


@pytest.mark.requirement("codec/bits-high-set")
def test_bits_high_set(client: RawClient, names: Names) -> None:
    """Bits of the octet that stand for nothing are ignored."""
    queue = names()
    declare(client, queue, 0b1110_0000)
    client.expect(1, "queue.declare-ok")
    client.call(1, "queue.declare", queue=queue)
