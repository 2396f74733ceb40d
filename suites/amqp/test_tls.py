"""AMQP over TLS: the port, its connections, and how they end."""

import json
import socket
import ssl
from dataclasses import replace
from typing import Any

import pika
import pytest

from reference_broker.wire.framing import content_frames, method_frame
from suites import verify
from suites.amqp.steps import drain, fill, reopen, take
from suites.amqp.tls import ALERT, PATIENCE, below, clients, only, outcome, rest_of, still_open
from suites.amqp.topology import own_queue
from suites.brokers.base import Broker
from suites.clients import pika as pika_client
from suites.clients.handshake import PROTOCOL_HEADER
from suites.clients.raw import RawClient
from suites.harness.evidence import Evidence
from suites.harness.fixtures import RawClients
from suites.harness.names import Names
from suites.harness.variants import BrokersWithTls

pytestmark = pytest.mark.timeout(180)

BIG = bytes(range(256)) * 12_000  # 3 MB: many frames, and many more records
HEARTBEAT = 1  # seconds
APPLICATION_DATA = b"\x17\x03\x03"  # type and version of a TLS record


@pytest.fixture
def secured(broker_with_tls: BrokersWithTls) -> Broker:
    """A broker that lets in whom it knows by password or by certificate."""
    return broker_with_tls(tls="optional")


@pytest.fixture
def tls(secured: Broker, evidence: Evidence) -> RawClients:
    """Makes raw clients of its port with TLS."""
    return clients(secured.tls.endpoint, evidence)


@pytest.fixture
def plain(secured: Broker, evidence: Evidence) -> RawClients:
    """Makes raw clients of its other port."""
    return clients(secured.endpoint, evidence)


@pytest.mark.requirement("tls/relay")
def test_relay(tls: RawClients, plain: RawClients, names: Names) -> None:
    """What is published and confirmed over TLS reaches consumers over TLS and plain TCP alike."""
    secured, bare = tls(), plain()
    queue = names()
    bare.call(1, "queue.declare", queue=queue)
    secured.call(1, "confirm.select")
    fill(secured, queue, [b"one", b"two"])
    while secured.find(1, "basic.ack")["delivery_tag"] < 2:
        continue
    for client in (bare, secured):
        tag = client.consume(1, queue)
        take(client, b"one", b"two")
        client.call(1, "basic.cancel", consumer_tag=tag)
        reopen(client)  # which gives both back


@pytest.mark.requirement("tls/versions")
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_versions(secured: Broker, version: str) -> None:
    """A client that speaks only 1.2, or only 1.3, is greeted."""
    verify.equal(outcome(secured.tls.endpoint, only(version)), "connection.start", "answer")


@pytest.mark.requirement("tls/old-version")
def test_old_version(secured: Broker) -> None:
    """A client that speaks nothing newer than TLS 1.1 is told so by an alert."""
    answer = outcome(secured.tls.endpoint, only("TLSv1_1"))
    verify.equal(answer, "alert protocol_version", "answer")


@pytest.mark.requirement("tls/big-body")
def test_big_body(tls: RawClients, names: Names) -> None:
    """A body of many frames and records arrives as it was, both ways."""
    client = tls(timeout=PATIENCE)
    queue = own_queue(client, names)
    for _ in range(3):
        client.publish(1, "", queue, BIG)
    client.consume(1, queue, no_ack=True)
    for _ in range(3):
        client.expect_content(1, "basic.deliver", BIG)


@pytest.mark.requirement("tls/records")
def test_records(tls: RawClients, names: Names) -> None:
    """Frames may be split over records in any way: here one octet each."""
    client = tls()
    queue = own_queue(client, names)
    publish = method_frame(1, "basic.publish", routing_key=queue)
    for octet in publish + content_frames(1, b"split", {}, client.frame_max):
        client.send_bytes(bytes((octet,)))
    verify.equal(drain(client, queue), [b"split"], "messages")


@pytest.mark.requirement("tls/heartbeat")
def test_heartbeat(tls: RawClients) -> None:
    """Heartbeats come over TLS, and a client that falls silent is dropped."""
    client = tls(heartbeat=HEARTBEAT)
    client.expect_heartbeat(PATIENCE)
    client.expect_heartbeat(PATIENCE)
    client.expect_socket_closed(PATIENCE)


@pytest.mark.requirement("tls/close-notify")
def test_close_notify(secured: Broker) -> None:
    """The broker ends TLS before it ends the socket, so that nothing can be cut off unnoticed."""
    with RawClient.open(secured.tls.endpoint) as client:
        link: Any = below(client)
        link.suppress_ragged_eofs = False  # which would pass off a cut for an end
        client.open_channel(1)
        client.send(1, "channel.open")
        client.expect_connection_close(504)
        verify.equal(client.link.ending, "FIN", "end of the connection")


def expect_given_back(tls: RawClients, names: Names, end: str) -> None:
    """A message that a client held comes back when it ends its side, and the socket ends."""
    queue = names()
    other = tls()
    other.call(1, "queue.declare", queue=queue, auto_delete=True)
    victim = tls()
    fill(victim, queue, [b"held"])
    victim.consume(1, queue)
    victim.expect_content(1, "basic.deliver", b"held")
    other.consume(1, queue)
    link = below(victim)
    assert isinstance(link, ssl.SSLSocket)
    if end == "close_notify":
        link.settimeout(PATIENCE)
        try:
            link.unwrap()
        except TimeoutError:
            raise still_open() from None
    else:
        socket.socket.shutdown(link, socket.SHUT_WR)
    again = other.expect_content(1, "basic.deliver", b"held", timeout=PATIENCE)
    verify.equal(again["redelivered"], True, "redelivered")
    victim.expect_socket_closed(PATIENCE)


@pytest.mark.requirement("tls/half-closed")
@pytest.mark.parametrize("end", ["close_notify", "FIN"])
def test_half_closed(tls: RawClients, names: Names, end: str) -> None:
    """A client that ends its side, of TLS or of TCP, is gone; what it held comes back."""
    expect_given_back(tls, names, end)


@pytest.mark.requirement("tls/corrupt-record")
def test_corrupt_record(tls: RawClients, plain: RawClients) -> None:
    """A record that was tampered with ends the connection by an alert, and no other."""
    witness = plain()
    link = below(tls())
    assert isinstance(link, ssl.SSLSocket)
    socket.socket.send(link, APPLICATION_DATA + (64).to_bytes(2) + bytes(64))
    link.settimeout(PATIENCE)
    answer = "no alert"
    try:
        while link.recv(65536):
            pass
    except ssl.SSLError as error:
        answer = str(error.reason)
    verify.true("ALERT_BAD_RECORD_MAC" in answer, "alert bad_record_mac", answer)
    witness.sync(1)


@pytest.mark.requirement("tls/plain-client")
def test_plain_client(secured: Broker, tls: RawClients) -> None:
    """AMQP without TLS on the port of TLS gets no AMQP back: an alert at most, and the end."""
    port = secured.tls.endpoint.port
    with socket.create_connection((secured.endpoint.host, port), PATIENCE) as link:
        link.sendall(PROTOCOL_HEADER)
        came = rest_of(link)
    verify.true(not came or came[0] == ALERT, "an alert or nothing", f"octets {came[:16]!r}")
    tls().sync(1)


@pytest.mark.requirement("tls/client-on-plain-port")
def test_tls_client_on_the_plain_port(secured: Broker, plain: RawClients) -> None:
    """TLS on the plain port gets the protocol header, as any wrong greeting does, and the end."""
    context = only("TLSv1_3")
    hello = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    with socket.create_connection((secured.endpoint.host, secured.endpoint.port)) as link:
        link.sendall(hello.read())
        verify.equal(rest_of(link), PROTOCOL_HEADER, "octets")
    plain().sync(1)


@pytest.mark.requirement("tls/silent-newcomer")
def test_silent_newcomer(secured: Broker) -> None:
    """Who connects and does not begin TLS's handshake is dropped, with nothing said."""
    endpoint = secured.tls.endpoint
    with socket.create_connection((endpoint.host, endpoint.port), PATIENCE) as link:
        verify.equal(rest_of(link), b"", "octets")


@pytest.mark.requirement("tls/untrusting-client")
def test_client_that_does_not_trust(secured: Broker) -> None:
    """A client that does not know the broker's authority ends the handshake; the broker goes on."""
    endpoint = secured.tls.endpoint
    stranger = replace(endpoint, tls=replace(endpoint.tls, cacertfile=None))  # type: ignore[type-var]
    verify.equal(outcome(stranger), "CERTIFICATE_VERIFY_FAILED", "answer")
    verify.equal(outcome(endpoint), "connection.start", "answer to another")


@pytest.mark.requirement("tls/pika")
def test_pika(secured: Broker) -> None:
    """pika, told whom to trust, publishes and gets over TLS."""
    parameters = pika_client.parameters(secured.tls.endpoint)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.confirm_delivery()
        channel.basic_publish("", queue, b"by pika")
        _, _, body = channel.basic_get(queue, auto_ack=True)
        verify.equal(body, b"by pika", "body")


@pytest.mark.requirement("tls/listed")
@pytest.mark.needs("ctl")
def test_listed(secured: Broker, tls: RawClients, plain: RawClients) -> None:
    """Operators see which connections have TLS, and of which version."""
    ports = {"tls": port_of(tls()), "plain": port_of(plain())}

    def listed() -> dict[str, tuple[bool, str]]:
        words = ("--quiet", "--formatter", "json", "list_connections")
        _code, text = secured.operate(*words, "peer_port", "ssl", "ssl_protocol")
        found = {row["peer_port"]: (row["ssl"], row["ssl_protocol"]) for row in json.loads(text)}
        return {name: found[port] for name, port in ports.items() if port in found}

    wanted = {"tls": (True, "tlsv1.3"), "plain": (False, "")}
    verify.eventually(listed, "ssl and its version", within=PATIENCE, wanted=wanted)


def port_of(client: RawClient) -> int:
    """A client's own port."""
    return client.link.port
