"""Rights that change while connections are open, and rights on routing keys."""

import pytest

from suites import verify
from suites.amqp.steps import fill
from suites.clients.raw import RawClient
from suites.harness.operating import ALL, NOTHING, Operator, Realm

pytestmark = pytest.mark.needs("admin")

TOPIC = "amq.topic"


def expect_refused(client: RawClient, method: str) -> None:
    """The channel is closed with 403, and can be opened again."""
    client.expect_channel_close(1, 403, method=method)
    client.open_channel(1)


@pytest.mark.requirement("authz/topic-write")
def test_topic_write(operator: Operator, realm: Realm) -> None:
    """A publish to a topic exchange whose key the user may not use closes the channel with 403."""
    operator.do.permit_topics(realm.user, realm.vhost, TOPIC, "^allowed", NOTHING)
    client = realm.clients()
    client.publish(1, TOPIC, "allowed.key")
    client.publish(1, "amq.direct", "other.key")  # its keys are no topics
    client.expect_nothing(1)
    client.publish(1, TOPIC, "other.key")
    expect_refused(client, "basic.publish")
    client.publish(1, TOPIC, "not.allowed")  # the pattern is anchored
    expect_refused(client, "basic.publish")


@pytest.mark.requirement("authz/topic-read")
@pytest.mark.parametrize("method", ["queue.bind", "exchange.bind"])
def test_topic_read(operator: Operator, realm: Realm, method: str) -> None:
    """A binding to a topic exchange by a key that the user may not read is refused with 403."""
    operator.do.permit_topics(realm.user, realm.vhost, TOPIC, NOTHING, "^allowed")
    client = realm.clients()
    queue = client.call(1, "queue.declare", exclusive=True)["queue"]
    ends = {
        "queue.bind": {"queue": queue, "exchange": TOPIC},
        "exchange.bind": {"destination": "amq.fanout", "source": TOPIC},
    }[method]
    client.call(1, method, routing_key="allowed.#", **ends)
    client.send(1, method, routing_key="#", **ends)
    expect_refused(client, method)


@pytest.mark.requirement("authz/topic-variables")
def test_topic_variables(operator: Operator, realm: Realm) -> None:
    """In a pattern {username} and {vhost} stand for the user's and the vhost's names."""
    pattern = "^{username}.{vhost}.[0-9]$"
    operator.do.permit_topics(realm.user, realm.vhost, TOPIC, pattern, ALL)
    client = realm.clients()
    client.publish(1, TOPIC, f"{realm.user}.{realm.vhost}.1")
    client.expect_nothing(1)
    client.publish(1, TOPIC, f"guest.{realm.vhost}.1")
    expect_refused(client, "basic.publish")
    client.publish(1, TOPIC, "{username}.{vhost}.1")
    expect_refused(client, "basic.publish")


@pytest.mark.requirement("authz/revoked-live")
def test_revoked(operator: Operator, realm: Realm) -> None:
    """Rights that are taken away are missed by the next thing that needs them; so are new ones.

    RabbitMQ remembers for a while what a channel was allowed: each step names something new.
    """
    client = realm.clients()
    client.call(1, "queue.declare", queue="before")
    operator.do.permit(realm.user, realm.vhost, "^kept", NOTHING, NOTHING)
    client.call(1, "queue.declare", queue="kept")
    client.send(1, "queue.declare", queue="after")
    expect_refused(client, "queue.declare")
    client.publish(1, "amq.fanout", "")
    expect_refused(client, "basic.publish")
    client.send(1, "basic.get", queue="before")
    expect_refused(client, "basic.get")
    operator.do.permit(realm.user, realm.vhost, ALL, ALL, ALL)
    client.call(1, "queue.declare", queue="again")


@pytest.mark.requirement("authz/revoked-live")
def test_forbidden(operator: Operator, realm: Realm) -> None:
    """A user whose permissions for the vhost go stays connected, may do nothing, nor come back."""
    client = realm.clients()
    operator.do.forbid(realm.user, realm.vhost)
    client.send(1, "queue.declare", queue="after")
    expect_refused(client, "queue.declare")
    late = realm.clients.connect()
    late.start()
    late.start_ok()
    late.tune_ok()
    late.send(0, "connection.open", virtual_host=realm.vhost)
    late.expect_connection_close(530, method="connection.open")


@pytest.mark.requirement("authz/user-deleted-live")
def test_user_deleted(operator: Operator, realm: Realm) -> None:
    """The connections of a user who is deleted are closed with 320."""
    client = realm.clients()
    operator.do.delete_user(realm.user)
    client.expect_connection_close(320)


@pytest.mark.requirement("authz/password-changed")
def test_password_changed(operator: Operator, realm: Realm) -> None:
    """A new password counts for new connections, and leaves those that are open alone."""
    client = realm.clients()
    operator.do.change_password(realm.user, "another")
    client.call(1, "queue.declare", queue="still-there")
    late = realm.clients.connect()
    late.start()
    response = f"\0{realm.user}\0{realm.user}".encode()
    late.send(0, "connection.start-ok", mechanism="PLAIN", response=response, locale="en_US")
    late.expect_socket_closed()
    realm.clients(password="another").sync(1)


@pytest.mark.requirement("authz/vhost-deleted-live")
def test_vhost_deleted(operator: Operator, realm: Realm) -> None:
    """The connections to a vhost that is deleted are closed with 320; all in it is gone."""
    client = realm.clients()
    client.call(1, "queue.declare", queue="kept", durable=True)
    fill(client, "kept", [b"x"])
    client.sync(1)
    operator.do.delete_vhost(realm.vhost)
    client.expect_connection_close(320, timeout=10)
    operator.do.add_vhost(realm.vhost)
    operator.do.permit(realm.user, realm.vhost, ALL, ALL, ALL)
    again = realm.clients()
    again.send(1, "queue.declare", queue="kept", passive=True)
    again.expect_channel_close(1, 404)


@pytest.mark.requirement("connection/forced-close-by-operator")
def test_closed_by_operator(operator: Operator, realm: Realm) -> None:
    """A connection that an operator closes gets Close 320 with the reason, and no other does."""
    client, other = realm.clients(), realm.clients()
    operator.do.close_connection(client.link.local_port, "for a test")
    closed = client.expect_connection_close(320)
    told = str(closed["reply_text"])
    verify.true("for a test" in told, "the reason 'for a test'", f"the reason {told!r}")
    other.sync(1)


@pytest.mark.requirement("publish/user-id-impersonator")
def test_impersonator(operator: Operator, realm: Realm) -> None:
    """Who has the tag impersonator may set any user-id; who has not, only his own."""
    plain = realm.clients()
    plain.publish(1, "", "", b"", user_id=realm.user)
    plain.expect_nothing(1)
    plain.publish(1, "", "", b"", user_id="somebody")
    plain.expect_channel_close(1, 406, method="basic.publish")
    mighty = operator.user("impersonator")
    operator.do.permit(mighty.user, realm.vhost, ALL, ALL, ALL)
    client = realm.clients(user=mighty.user, password=mighty.password)
    client.publish(1, "", "", b"", user_id="somebody")
    client.expect_nothing(1)
