"""Clients with certificates: whom the broker lets through TLS, and who they are in AMQP."""

import json
from pathlib import Path

import pytest
from cryptography import x509

from suites import verify
from suites.amqp.tls import PATIENCE, clients, outcome, shown
from suites.brokers.base import Broker
from suites.brokers.certificates import Authority
from suites.clients.handshake import start_ok
from suites.clients.raw import RawClient
from suites.harness.evidence import Evidence
from suites.harness.fixtures import RawClients
from suites.harness.variants import BrokersWithTls

pytestmark = [pytest.mark.timeout(180), pytest.mark.needs("admin")]

PLAIN_NAME, HARD_NAME = "mqproof", 'Smith, "Sons" + <Söhne>; \\ #1'


@pytest.fixture
def secured(broker_with_tls: BrokersWithTls) -> Broker:
    """A broker that asks for certificates and lets in who has none."""
    return broker_with_tls(tls="optional")


def subject(certificate: Path) -> x509.Name:
    """Whose certificate it is, read by another library than any broker's."""
    return x509.load_pem_x509_certificates(certificate.read_bytes())[0].subject


def distinguished_name(certificate: Path) -> str:
    """The subject as RFC 4514 writes it, with all that is not ASCII as hexadecimal."""
    text = subject(certificate).rfc4514_string()
    return "".join(c if c.isascii() else "".join(f"\\{o:02X}" for o in c.encode()) for c in text)


def let_in(broker: Broker, user: str) -> None:
    """Make a user of this name, whose password nobody needs."""
    operator = broker.administration()
    operator.add_user(user, "never used")
    operator.permit(user, "/", ".*", ".*", ".*")


def holders(broker: Broker, certificate: Path, evidence: Evidence) -> RawClients:
    """Makes raw clients that show this certificate."""
    return clients(shown(broker.tls.endpoint, certificate), evidence)


def mechanisms(client: RawClient) -> list[str]:
    """What connection.start offers."""
    return bytes(client.start()["mechanisms"]).decode().split(" ")


def refusal(client: RawClient) -> str:
    """The words with which EXTERNAL is refused."""
    client.start()
    client.send(0, "connection.start-ok", **start_ok(client.endpoint, mechanism="EXTERNAL"))
    return client.expect_connection_close(403).detail


@pytest.mark.requirement("tls/external-offered")
def test_external_offered(secured: Broker, evidence: Evidence) -> None:
    """EXTERNAL is offered over TLS, and not on the plain port of the same broker."""
    over_tls = mechanisms(clients(secured.tls.endpoint, evidence).connect())
    verify.true("EXTERNAL" in over_tls, "mechanisms with EXTERNAL", f"mechanisms {over_tls}")
    bare = mechanisms(clients(secured.endpoint, evidence).connect())
    verify.true("EXTERNAL" not in bare, "mechanisms without EXTERNAL", f"mechanisms {bare}")


@pytest.mark.requirement("tls/external")
@pytest.mark.parametrize("organization", [PLAIN_NAME, HARD_NAME], ids=["plain", "escaped"])
def test_external(secured: Broker, evidence: Evidence, organization: str) -> None:
    """EXTERNAL lets in the user whose name is the certificate's distinguished name."""
    certificate = secured.tls.authority.client("alice", organization)
    let_in(secured, distinguished_name(certificate))
    client = holders(secured, certificate, evidence)(mechanism="EXTERNAL")
    client.sync(1)
    verify.equal(seen(secured, client), (distinguished_name(certificate), "EXTERNAL"), "user")


def seen(broker: Broker, client: RawClient) -> tuple[str, str]:
    """As whom and by what the operator sees this client logged in; Mismatch if never."""
    words = ("--quiet", "--formatter", "json", "list_connections")

    def listed() -> tuple[str, str] | None:
        _code, text = broker.operate(*words, "peer_port", "peer_cert_subject", "auth_mechanism")
        for row in json.loads(text):
            if row["peer_port"] == client.link.port:
                return row["peer_cert_subject"], row["auth_mechanism"]
        return None

    found = verify.eventually(listed, "the connection in the list", within=PATIENCE)
    assert found is not None
    return found


@pytest.mark.requirement("tls/external-common-name")
def test_external_common_name(broker_with_tls: BrokersWithTls, evidence: Evidence) -> None:
    """Told to take the common name, EXTERNAL lets in the user of that name, and no other."""
    broker = broker_with_tls(tls="optional", tls_login="common_name")
    certificate = broker.tls.authority.client("bob")
    let_in(broker, "bob")
    let_in(broker, distinguished_name(broker.tls.authority.client("carol")))
    holders(broker, certificate, evidence)(mechanism="EXTERNAL").sync(1)
    carol = broker.tls.authority.client("carol")
    refusal(holders(broker, carol, evidence).connect())


@pytest.mark.requirement("tls/external-unknown")
def test_external_unknown(secured: Broker, evidence: Evidence) -> None:
    """A good certificate of nobody's is refused with 403."""
    certificate = secured.tls.authority.client("nobody")
    refusal(holders(secured, certificate, evidence).connect())


@pytest.mark.requirement("tls/external-without-certificate")
def test_external_without_certificate(secured: Broker, evidence: Evidence) -> None:
    """EXTERNAL from a client that showed no certificate is refused with 403."""
    refusal(clients(secured.tls.endpoint, evidence).connect())


@pytest.mark.requirement("tls/certificate-and-password")
def test_certificate_and_password(secured: Broker, evidence: Evidence) -> None:
    """Who shows a certificate may log in by PLAIN all the same, as somebody else."""
    certificate = secured.tls.authority.client("dora")
    holders(secured, certificate, evidence)().sync(1)


@pytest.mark.requirement("tls/foreign-certificate")
@pytest.mark.parametrize("verify_mode", ["optional", "required"])
def test_foreign_certificate(
    broker_with_tls: BrokersWithTls, tmp_path: Path, verify_mode: str
) -> None:
    """A certificate of an authority that the broker does not trust ends the handshake."""
    broker = broker_with_tls(tls=verify_mode)
    foreign = Authority(tmp_path, "127.0.0.1").client("alice")
    answer = outcome(shown(broker.tls.endpoint, foreign))
    verify.equal(answer, "alert unknown_ca", "answer")


@pytest.mark.requirement("tls/certificate-required")
def test_certificate_required(broker_with_tls: BrokersWithTls) -> None:
    """Where a certificate is required, none ends the handshake, and a good one does not."""
    port = broker_with_tls(tls="required").tls
    good = outcome(shown(port.endpoint, port.authority.client("alice")))
    verify.equal(good, "connection.start", "answer")
    verify.equal(outcome(port.endpoint), "alert certificate_required", "answer")


@pytest.mark.requirement("tls/certificate-unasked")
def test_certificate_unasked(broker_with_tls: BrokersWithTls) -> None:
    """Where none is asked for, a client gets through without."""
    verify.equal(outcome(broker_with_tls(tls="none").tls.endpoint), "connection.start", "answer")
