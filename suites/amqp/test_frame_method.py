"""Method frames that are cut short, that nobody defined, or that are not the client's to send."""

import pytest

from reference_broker.wire.framing import method_frame
from suites import verify
from suites.amqp import literal
from suites.amqp.endings import Observe, accepted_or_fatal, expect_fatal
from suites.clients.raw import RawClient
from suites.harness.names import Names

# Class, method, no consumer tag, delivery tag 1, not redelivered, the default exchange.
DELIVER = bytes.fromhex("003c 003c 00 0000000000000001 00 00")


@pytest.mark.requirement("frame/method-truncated")
def test_method_truncated(client: RawClient, names: Names) -> None:
    """A method that ends inside an argument is a connection error."""
    payload = literal.declare(names())
    client.send_frame(1, 1, payload)
    client.expect(1, "queue.declare-ok")
    client.send_frame(1, 1, payload[:12])
    client.expect_connection_close(501, 502)


@pytest.mark.requirement("frame/method-short-ids")
def test_method_short_ids(client: RawClient) -> None:
    """A method frame of two octets, which name half a method, is a 501."""
    client.send_frame(1, 1, b"\x00\x32")
    client.expect_connection_close(501)


@pytest.mark.requirement("frame/method-empty")
def test_method_empty(client: RawClient) -> None:
    """A method frame without payload is a 501."""
    client.send_frame(1, 1, b"")
    client.expect_connection_close(501)


@pytest.mark.requirement("frame/method-trailing-octets")
def test_method_trailing_octets(client: RawClient, names: Names, observe: Observe) -> None:
    """Octets after a method's last argument are a connection error, or ignored."""
    client.send_frame(1, 1, literal.declare(names()) + b"more")
    try:
        observe(str(client.expect(1, "queue.declare-ok")))
    except verify.Mismatch as refused:
        if refused.actual not in {"connection.close 501", "connection.close 502"}:
            raise
        observe(refused.actual)


@pytest.mark.requirement("frame/unknown-class")
def test_unknown_class(client: RawClient) -> None:
    """A method of a class that does not exist ends the connection."""
    client.send_frame(1, 1, bytes.fromhex("0063 000a"))
    expect_fatal(client, 503, 540, channel=1)


@pytest.mark.requirement("frame/unknown-method")
def test_unknown_method(client: RawClient) -> None:
    """A method that its class does not have ends the connection."""
    client.send_frame(1, 1, bytes.fromhex("0032 0063 0000"))
    expect_fatal(client, 503, 540, channel=1)


@pytest.mark.requirement("frame/server-method-from-client")
def test_server_method_from_client(client: RawClient, names: Names) -> None:
    """A basic.deliver from a client is an error or ignored, and never routed."""
    queue = names()
    client.call(1, "queue.declare", queue=queue)
    client.send_frame(1, 1, DELIVER + literal.shortstr(queue))
    client.send_frame(2, 1, literal.header(3))
    client.send_frame(3, 1, b"abc")
    if accepted_or_fatal(client, 1, 503) == "accepted":
        verify.equal(client.get(1, queue), None, "message")


@pytest.mark.requirement("frame/reply-from-client")
def test_reply_from_client(client: RawClient, names: Names) -> None:
    """A queue.declare-ok from a client is a 503."""
    client.send(1, "queue.declare-ok", queue=names(), message_count=0, consumer_count=0)
    client.expect_connection_close(503)


@pytest.mark.requirement("frame/start-from-client")
def test_start_from_client(client: RawClient) -> None:
    """A connection.start from a client is a connection error."""
    client.send_bytes(method_frame(0, "connection.start", version_minor=9, locales=b"en_US"))
    client.expect_connection_close(503, 504)
