"""The protocol header: the first eight octets that a client writes, and what answers them."""

from collections.abc import Callable

import pytest

from reference_broker.wire.framing import method_frame
from suites import verify
from suites.brokers.base import Endpoint
from suites.clients.handshake import start_ok
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients

HEADER = b"AMQP\x00\x00\x09\x01"
APART = 0.05  # seconds between octets, so that a broker reads each alone
GIVES_UP = 30.0  # no broker should wait longer for a header; RabbitMQ waits 10 s


def expect_refusal(client: RawClient) -> None:
    """The broker names the version that it speaks, and ends the connection."""
    client.expect_octets(HEADER, "protocol header 0 0 9 1")
    client.expect_socket_closed()


@pytest.mark.requirement("header/valid-gives-start")
def test_valid_gives_start(raw: RawClients) -> None:
    """The header of 0-9-1 is answered by connection.start of version 0-9 on channel 0."""
    client = raw.connect()
    client.send_bytes(HEADER)
    started = client.expect(0, "connection.start")
    verify.equal((started["version_major"], started["version_minor"]), (0, 9), "version")


@pytest.mark.requirement("header/bad-protocol-name")
def test_bad_protocol_name(raw: RawClients) -> None:
    """Eight octets that are not AMQP are answered by the broker's own header, then the end."""
    client = raw.connect()
    client.send_bytes(b"GET / HT")
    expect_refusal(client)


@pytest.mark.requirement("header/higher-version")
def test_higher_version(raw: RawClients) -> None:
    """A header that asks for version 2-0 is answered by the broker's own, then the end."""
    client = raw.connect()
    client.send_bytes(b"AMQP\x00\x02\x00\x00")
    expect_refusal(client)


@pytest.mark.requirement("header/unknown-revision")
def test_unknown_revision(raw: RawClients) -> None:
    """A header that asks for 0-9-2 is answered by the broker's own, then the end."""
    client = raw.connect()
    client.send_bytes(b"AMQP\x00\x00\x09\x02")
    expect_refusal(client)


@pytest.mark.requirement("header/amqp-1-0-header")
def test_amqp_1_0_header(raw: RawClients) -> None:
    """A header of AMQP 1.0 is answered by the broker's own, then the end."""
    client = raw.connect()
    client.send_bytes(b"AMQP\x00\x01\x00\x00")
    expect_refusal(client)


@pytest.mark.requirement("header/legacy-0-9-header")
def test_legacy_0_9_header(raw: RawClients, observe: Callable[[str], None]) -> None:
    """A header of AMQP 0-9 is answered by connection.start, or by the broker's own header."""
    client = raw.connect()
    client.send_bytes(b"AMQP\x01\x01\x00\x09")
    observe(start_or_refusal(client))


@pytest.mark.requirement("header/legacy-0-8-header")
def test_legacy_0_8_header(raw: RawClients, observe: Callable[[str], None]) -> None:
    """A header of AMQP 0-8 is answered by connection.start, or by the broker's own header."""
    client = raw.connect()
    client.send_bytes(b"AMQP\x01\x01\x08\x00")
    observe(start_or_refusal(client))


def start_or_refusal(client: RawClient) -> str:
    """Which of the two answers that the specification allows was given."""
    try:
        started = client.expect(0, "connection.start")
    except verify.Mismatch as other:
        verify.equal(other.actual, "protocol header 0 0 9 1", "the answer that is no start")
        client.expect_socket_closed()
        return "refused with the header 0 0 9 1"
    return f"connection.start of {started['version_major']}-{started['version_minor']}"


@pytest.mark.requirement("header/no-header-timeout")
def test_no_header_timeout(raw: RawClients) -> None:
    """A client that connects and says nothing is dropped."""
    raw.connect().expect_socket_closed(GIVES_UP)


@pytest.mark.requirement("header/partial-header-timeout")
def test_partial_header_timeout(raw: RawClients) -> None:
    """A client that stops in the middle of its header is dropped."""
    client = raw.connect()
    client.send_bytes(HEADER[:4])
    client.expect_socket_closed(GIVES_UP)


@pytest.mark.requirement("header/byte-at-a-time")
def test_byte_at_a_time(raw: RawClients) -> None:
    """A header that comes one octet a segment is as good as any, and awaited whole."""
    client = raw.connect()
    for position in range(len(HEADER) - 1):
        client.send_bytes(HEADER[position : position + 1])
        verify.equal(client.link.read_octets(1, APART), b"", "answer to a part of the header")
    client.send_bytes(HEADER[-1:])
    client.expect(0, "connection.start")


@pytest.mark.requirement("header/pipelined-start-ok")
def test_pipelined_start_ok(raw: RawClients, endpoint: Endpoint) -> None:
    """A client may write connection.start-ok with its header, before it has read the start."""
    client = raw.connect()
    client.send_bytes(HEADER + method_frame(0, "connection.start-ok", **start_ok(endpoint)))
    client.expect(0, "connection.start")
    client.expect(0, "connection.tune")


@pytest.mark.requirement("header/second-header-mid-connection")
def test_second_header(client: RawClient, raw: RawClients) -> None:
    """A second protocol header on an open connection ends that one, and no other."""
    other = raw()
    client.send_bytes(HEADER)
    client.expect_connection_close(501)
    other.sync(1)
