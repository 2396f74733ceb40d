import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reference_broker import running
from reference_broker.server.listening import StartError
from reference_broker.session.security import common_name, distinguished_name
from suites.brokers import registry
from suites.brokers.base import BrokerError, Endpoint
from suites.brokers.certificates import Authority
from suites.brokers.tls import Tls
from suites.clients.handshake import PROTOCOL_HEADER
from suites.clients.raw import RawClient

HOST = "127.0.0.1"
SOON = 20.0  # seconds; far more than anything here takes on a busy machine


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who vouches for the broker and its clients."""
    return Authority(tmp_path, HOST)


def settings(authority: Authority, **others: Any) -> dict[str, Any]:
    """What `running` needs for a port with TLS."""
    files: dict[str, Any] = {"tls_certificate": authority.certificate, "tls_key": authority.key}
    return {"tls_port": 0, **files, "tls_ca": authority.ca, **others}


def hello(authority: Authority) -> tuple[ssl.MemoryBIO, ssl.MemoryBIO, ssl.SSLObject]:
    """A client's TLS before its handshake, and the octets that come and go."""
    came, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = Tls(authority.ca).context()
    return came, going, context.wrap_bio(came, going, server_hostname=HOST)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ((), ""),
        (((("organizationName", "O"),), (("commonName", "x"),)), "CN=x,O=O"),
        (((("commonName", "x"), ("userId", "7")),), "CN=x+UID=7"),
        (((("commonName", ' a,b+"c"\\<d>;'),),), 'CN=\\ a\\,b\\+\\"c\\"\\\\\\<d\\>\\;'),
        (((("commonName", "#1 "),),), "CN=\\#1\\ "),
        (((("commonName", "é~"),),), "CN=\\C3\\A9\\7E"),
        (((("commonName", " "),),), "CN=\\ "),
        (((("1.2.3", "x"),),), "1.2.3=x"),
    ],
)
def test_a_distinguished_name_in_one_line(
    name: tuple[tuple[tuple[str, str], ...], ...], text: str
) -> None:
    """Most specific part first, special letters escaped."""
    assert distinguished_name(name) == text


def test_a_common_name() -> None:
    """The only one, several by commas, or nothing."""
    both = ((("commonName", "a"),), (("organizationName", "o"),), (("commonName", "b"),))
    assert [common_name(name) for name in ((), both[:2], both)] == ["", "a", "a,b"]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"tls_certificate": None}, "--tls-port needs a certificate"),
        ({"tls_verify": "required", "tls_ca": None}, "--tls-verify required needs to know whose"),
        ({"tls_certificate": Path("/nowhere.pem")}, "--tls-certificate /nowhere.pem: cannot be"),
        ({"tls_ca": Path("/nowhere.pem")}, "--tls-ca /nowhere.pem: cannot be used (No such file"),
        ({"tls_key": None}, "cannot be used"),
    ],
)
def test_what_cannot_be_used_is_named(
    authority: Authority, change: dict[str, object], complaint: str
) -> None:
    """The broker does not start, and says which option is wrong."""
    with pytest.raises(StartError) as caught, running(**settings(authority, **change)):
        pytest.fail("it started")
    assert complaint in str(caught.value)


def test_a_handshake_octet_by_octet(authority: Authority) -> None:
    """TLS that comes in the smallest pieces is TLS all the same."""
    came, going, tls = hello(authority)
    with (
        running(**settings(authority)) as broker,
        socket.create_connection((HOST, broker.tls_port or 0), SOON) as link,
    ):
        step: Callable[[], object]
        for step in (tls.do_handshake, lambda: tls.write(PROTOCOL_HEADER), lambda: tls.read(7)):
            answer = octet_by_octet(step, link, came, going)
    assert isinstance(answer, bytes)
    assert answer[:3] == b"\x01\x00\x00"


def octet_by_octet(
    step: Callable[[], object], link: socket.socket, came: ssl.MemoryBIO, going: ssl.MemoryBIO
) -> object:
    """Take a step of TLS, however many octets of the peer's it waits for."""
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            for octet in going.read():
                link.sendall(bytes((octet,)))
            came.write(link.recv(1))


def test_a_stop_does_not_wait_for_handshakes(authority: Authority) -> None:
    """Clients that are in the middle of one are dropped with all others."""
    with running(**settings(authority)) as broker:
        address = (HOST, broker.tls_port or 0)
        silent = socket.create_connection(address, SOON)
        endpoint = Endpoint(*address, tls=Tls(authority.ca))
        client = RawClient.open(endpoint)
        began = time.monotonic()
    assert time.monotonic() - began < SOON / 2  # a handshake may take as long
    client.close()
    with silent:
        assert silent.recv(1) == b""


def test_a_broker_by_an_amqps_url(authority: Authority) -> None:
    """It is started, and connected to, as its URL says; who is not trusted does not answer."""
    certificate = authority.client("alice")
    with running(**settings(authority, tls_verify="required")) as broker:
        url = f"amqps://{HOST}:{broker.tls_port}/?cacertfile={authority.ca}&certfile={certificate}"
        with registry.parse(url) as known:
            assert known.endpoint.tls == Tls(authority.ca, certificate)
            assert known.identity.product == "mqproof reference broker"
            with RawClient.open(known.endpoint) as client:
                assert client.link.alive()
            stranger = replace(known.endpoint, tls=Tls())
            with pytest.raises(ssl.SSLCertVerificationError):
                RawClient(stranger)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("heartbeat=5", "the parameter 'heartbeat'; known are cacertfile, certfile, keyfile,"),
        ("verify=perhaps", "verify=perhaps; write verify_peer or verify_none"),
        ("cacertfile=/nowhere.pem", "cannot be used: [Errno 2]"),
    ],
)
def test_a_wrong_query_is_refused(query: str, complaint: str) -> None:
    """The error says which part is wrong and how it should be."""
    with pytest.raises(BrokerError) as caught:
        registry.parse(f"amqps://localhost/?{query}")
    assert complaint in str(caught.value)


def test_an_amqps_url_without_more() -> None:
    """TLS has a port of its own, and the system's authorities."""
    endpoint = registry.parse("amqps://u:p@localhost/v?verify=verify_none").endpoint
    assert endpoint == Endpoint("localhost", 5671, "u", "p", "v", Tls(verify=False))


@pytest.mark.parametrize(
    ("settings_", "complaint"),
    [("tls=on", "`tls` can only be none, optional"), ("tls-login=common_name", "without `tls`")],
)
@pytest.mark.parametrize("kind", ["reference", "rabbitmq"])
def test_wrong_settings_of_tls(kind: str, settings_: str, complaint: str) -> None:
    """The error says what there is."""
    with pytest.raises(BrokerError) as caught:
        registry.parse(f"{kind}:{settings_}")
    assert complaint in str(caught.value)
