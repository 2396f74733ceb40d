"""connection.start and start-ok: what the broker offers, and whom it lets in."""

import pytest

from reference_broker.wire.framing import method_frame
from suites import verify
from suites.amqp.endings import BARE, Observe
from suites.brokers import definitions
from suites.brokers.base import Endpoint
from suites.clients.handshake import CAPABILITIES, client_properties, start_ok
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients

MANDATORY_SIZE = 4096  # octets of a frame that a broker must take before tuning
STALL_ENDS = 30.0  # no broker should wait longer for credentials; RabbitMQ waits 10 s


def mechanisms_of(client: RawClient) -> list[str]:
    """What connection.start offers."""
    return bytes(client.start()["mechanisms"]).decode().split(" ")


def expect_refused(raw: RawClients, **overrides: object) -> None:
    """A start-ok so changed, from a client without capabilities, gets a bare end of the socket."""
    client = raw.connect()
    client.start()
    arguments = start_ok(client.endpoint, capabilities={})
    client.send(0, "connection.start-ok", **{**arguments, **overrides})
    client.expect_socket_closed()


def expect_out_of_order(raw: RawClients, method: bytes) -> None:
    """This method in place of start-ok gets a bare end of the socket."""
    client = raw.connect()
    client.start()
    client.send_bytes(method)
    client.expect_socket_closed()


def amqplain(**fields: str) -> bytes:
    """A response of AMQPLAIN: the pairs of a field table, without the table's length."""
    return b"".join(
        bytes((len(key),)) + key.encode() + b"S" + len(text).to_bytes(4) + text.encode()
        for key, text in fields.items()
    )


@pytest.mark.requirement("sasl/start-mechanisms")
def test_start_mechanisms(raw: RawClients) -> None:
    """Start offers its mechanisms separated by spaces, and PLAIN is one of them."""
    offered = mechanisms_of(raw.connect())
    verify.true("PLAIN" in offered, "mechanisms with PLAIN", f"mechanisms {offered}")


@pytest.mark.requirement("sasl/start-locales")
def test_start_locales(raw: RawClients) -> None:
    """Start offers the locale en_US."""
    offered = bytes(raw.connect().start()["locales"]).split(b" ")
    verify.true(b"en_US" in offered, "locales with en_US", f"locales {offered}")


@pytest.mark.requirement("sasl/server-properties")
def test_server_properties(raw: RawClients) -> None:
    """Start says which product of which version on which platform answers, and whose it is."""
    client = raw.connect()
    client.start()
    wanted = {"product", "version", "platform", "copyright", "information"}
    missing = sorted(wanted - client.server_properties.keys())
    verify.equal(missing, [], "server properties that are missing")


@pytest.mark.requirement("sasl/server-capabilities")
def test_server_capabilities(raw: RawClients) -> None:
    """Start's capabilities say true for each extension that RabbitMQ's clients look for."""
    client = raw.connect()
    client.start()
    offered = client.server_properties.get("capabilities", {})
    missing = sorted(name for name in CAPABILITIES if offered.get(name) is not True)
    verify.equal(missing, [], "capabilities that are missing")


@pytest.mark.requirement("sasl/plain-ok")
def test_plain_ok(raw: RawClients) -> None:
    """PLAIN with the right user and password is answered by connection.tune."""
    client = raw.connect()
    client.start()
    client.start_ok(mechanism="PLAIN")


@pytest.mark.requirement("sasl/plain-ok")
@pytest.mark.needs("users")
def test_plain_of_another(raw: RawClients) -> None:
    """A user whose password is not its name, as guest's is, is let in as well."""
    client = raw.connect()
    client.start()
    user, password = definitions.LIMITED_USER, definitions.LIMITED_PASSWORD
    client.start_ok(mechanism="PLAIN", user=user, password=password)


@pytest.mark.requirement("sasl/plain-with-authzid")
def test_plain_with_authzid(raw: RawClients, endpoint: Endpoint, observe: Observe) -> None:
    """PLAIN with an authorisation id before the user is accepted, or refused by a bare close."""
    client = raw.connect()
    client.start()
    response = f"{endpoint.user}\0{endpoint.user}\0{endpoint.password}".encode()
    arguments = start_ok(endpoint, response=response, capabilities={})
    client.send(0, "connection.start-ok", **arguments)
    observe(tune_or_bare(client))


@pytest.mark.requirement("sasl/plain-malformed")
def test_plain_malformed(raw: RawClients, endpoint: Endpoint) -> None:
    """A PLAIN response without its separators ends the socket."""
    expect_refused(raw, response=f"{endpoint.user}{endpoint.password}".encode())


@pytest.mark.requirement("sasl/plain-bad-password")
def test_plain_bad_password(raw: RawClients, endpoint: Endpoint) -> None:
    """A wrong password ends the socket, without a Close for a client that did not ask for one."""
    expect_refused(raw, response=f"\0{endpoint.user}\0not the password".encode())


def login_refusal(raw: RawClients, user: str) -> str:
    """The words of the Close that a client with the capability gets for a wrong password."""
    client = raw.connect()
    client.start()
    arguments = start_ok(client.endpoint, user=user, password="not the password")
    client.send(0, "connection.start-ok", **arguments)
    return client.expect_connection_close(403).detail


@pytest.mark.requirement("sasl/plain-bad-password-cap")
@pytest.mark.needs("authentication_failure_close")
def test_plain_bad_password_capability(raw: RawClients, endpoint: Endpoint) -> None:
    """A wrong password is told by Close 403 to a client with authentication_failure_close."""
    login_refusal(raw, endpoint.user)


@pytest.mark.requirement("sasl/unknown-user")
@pytest.mark.needs("authentication_failure_close")
def test_unknown_user(raw: RawClients, endpoint: Endpoint) -> None:
    """An unknown user is refused in the words used for a wrong password, so none can be probed."""
    known = login_refusal(raw, endpoint.user)
    verify.equal(login_refusal(raw, "no-such-user"), known, "reply text")


@pytest.mark.requirement("sasl/empty-credentials")
def test_empty_credentials(raw: RawClients) -> None:
    """PLAIN with an empty user and an empty password is refused."""
    expect_refused(raw, response=b"\0\0")


@pytest.mark.requirement("sasl/amqplain-ok")
def test_amqplain_ok(raw: RawClients, endpoint: Endpoint) -> None:
    """AMQPLAIN with the right LOGIN and PASSWORD is answered by connection.tune."""
    client = raw.connect()
    if "AMQPLAIN" not in mechanisms_of(client):
        verify.unsupported("connection.start does not offer AMQPLAIN")
    response = amqplain(LOGIN=endpoint.user, PASSWORD=endpoint.password)
    client.start_ok(mechanism="AMQPLAIN", response=response)


@pytest.mark.requirement("sasl/amqplain-missing-field")
def test_amqplain_missing_field(raw: RawClients, endpoint: Endpoint) -> None:
    """AMQPLAIN without PASSWORD is refused."""
    expect_refused(raw, mechanism="AMQPLAIN", response=amqplain(LOGIN=endpoint.user))


@pytest.mark.requirement("sasl/amqplain-garbage")
def test_amqplain_garbage(raw: RawClients) -> None:
    """AMQPLAIN with octets that are no field table is refused."""
    expect_refused(raw, mechanism="AMQPLAIN", response=b"\xff\xfe\xfd\xfc")


@pytest.mark.requirement("sasl/external-not-offered")
def test_external_without_tls(raw: RawClients) -> None:
    """EXTERNAL is refused on a connection that has no certificate to speak for the client."""
    expect_refused(raw, mechanism="EXTERNAL", response=b"")


@pytest.mark.requirement("sasl/anonymous")
def test_anonymous(raw: RawClients, endpoint: Endpoint) -> None:
    """ANONYMOUS lets a client in where it is offered, and ends the socket where it is not."""
    client = raw.connect()
    offered = "ANONYMOUS" in mechanisms_of(client)
    arguments = start_ok(endpoint, mechanism="ANONYMOUS", capabilities={})
    client.send(0, "connection.start-ok", **arguments)
    verify.equal(tune_or_bare(client), "connection.tune" if offered else BARE, "answer")


def tune_or_bare(client: RawClient) -> str:
    """Whether the client was let in or the socket ended; anything else is a Mismatch."""
    try:
        return str(client.expect(0, "connection.tune"))
    except verify.Mismatch as other:
        if not other.actual.startswith(BARE):
            raise
        return BARE


@pytest.mark.requirement("sasl/unknown-mechanism")
def test_unknown_mechanism(raw: RawClients) -> None:
    """A mechanism that was not offered ends the socket with nothing sent."""
    expect_refused(raw, mechanism="MQPROOF-NONE")


@pytest.mark.requirement("sasl/challenge-response")
def test_challenge_response(raw: RawClients, endpoint: Endpoint) -> None:
    """A mechanism in two rounds asks by connection.secure, and tunes after the right answer."""
    client = raw.connect()
    if "RABBIT-CR-DEMO" not in mechanisms_of(client):
        verify.unsupported("connection.start offers no mechanism with a challenge")
    arguments = start_ok(endpoint, mechanism="RABBIT-CR-DEMO", response=endpoint.user.encode())
    client.send(0, "connection.start-ok", **arguments)
    client.expect(0, "connection.secure")
    answer = b"My password is " + endpoint.password.encode()
    client.send(0, "connection.secure-ok", response=answer)
    client.expect(0, "connection.tune")


@pytest.mark.requirement("sasl/secure-ok-unasked")
def test_secure_ok_unasked(raw: RawClients) -> None:
    """Secure-Ok that answers no Secure ends the socket."""
    response = b"\0guest\0guest"
    expect_out_of_order(raw, method_frame(0, "connection.secure-ok", response=response))


@pytest.mark.requirement("sasl/auth-timeout")
def test_auth_timeout(raw: RawClients) -> None:
    """A client that stalls after connection.start is dropped."""
    client = raw.connect()
    client.start()
    client.expect_socket_closed(STALL_ENDS)


@pytest.mark.requirement("sasl/unknown-locale")
def test_unknown_locale(raw: RawClients, endpoint: Endpoint, observe: Observe) -> None:
    """A locale that was not offered is ignored, or ends the socket."""
    client = raw.connect()
    client.start()
    client.send(0, "connection.start-ok", **start_ok(endpoint, locale="xx_XX"))
    observe(tune_or_bare(client))


def start_ok_of(endpoint: Endpoint, size: int) -> bytes:
    """A start-ok frame of exactly this many octets."""
    properties = client_properties()

    def frame(filler: str) -> bytes:
        filled = start_ok(endpoint, client_properties=properties | {"filler": filler})
        return method_frame(0, "connection.start-ok", **filled)

    return frame("x" * (size - len(frame(""))))


@pytest.mark.requirement("sasl/start-ok-4096")
def test_start_ok_of_4096_octets(raw: RawClients, endpoint: Endpoint) -> None:
    """A start-ok frame of 4096 octets, the most that needs no agreement, is taken."""
    client = raw.connect()
    client.start()
    client.send_bytes(start_ok_of(endpoint, MANDATORY_SIZE))
    client.expect(0, "connection.tune")


@pytest.mark.requirement("sasl/start-ok-oversized")
def test_start_ok_oversized(raw: RawClients, endpoint: Endpoint, observe: Observe) -> None:
    """A start-ok frame far above 4096 octets is taken, or ends the socket."""
    client = raw.connect()
    client.start()
    client.send_bytes(start_ok_of(endpoint, 5 * MANDATORY_SIZE))
    observe(tune_or_bare(client))


@pytest.mark.requirement("sasl/client-properties-nested")
def test_client_properties_nested(raw: RawClients) -> None:
    """Client properties may nest tables and arrays and hold values of every type."""
    client = raw.connect()
    client.start()
    values = {"int": -1, "long": 2**40, "text": "é", "flag": False, "real": 0.5, "void": None}
    nested = {**client_properties(), "table": {"deeper": values}, "array": [[1, "a"], values]}
    client.start_ok(client_properties=nested)


@pytest.mark.requirement("sasl/bypass-tune-ok")
def test_bypass_tune_ok(raw: RawClients) -> None:
    """Tune-Ok in place of start-ok ends the socket."""
    limits = {"channel_max": 100, "frame_max": 4096, "heartbeat": 0}
    expect_out_of_order(raw, method_frame(0, "connection.tune-ok", **limits))


@pytest.mark.requirement("sasl/bypass-open")
def test_bypass_open(raw: RawClients, endpoint: Endpoint) -> None:
    """connection.open in place of start-ok ends the socket."""
    expect_out_of_order(raw, method_frame(0, "connection.open", virtual_host=endpoint.vhost))


@pytest.mark.requirement("sasl/bypass-after-start-ok")
def test_bypass_after_start_ok(raw: RawClients, endpoint: Endpoint) -> None:
    """connection.open without the Tune-Ok before it ends the socket."""
    client = raw.connect()
    client.start()
    client.start_ok(capabilities={})
    client.send(0, "connection.open", virtual_host=endpoint.vhost)
    client.expect_socket_closed()


@pytest.mark.requirement("sasl/bypass-channel-open")
def test_bypass_channel_open(raw: RawClients) -> None:
    """channel.open in place of start-ok ends the socket."""
    expect_out_of_order(raw, method_frame(1, "channel.open"))
