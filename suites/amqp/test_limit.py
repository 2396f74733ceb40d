"""Limits of vhosts and users: https://www.rabbitmq.com/docs/vhosts#limits, /docs/user-limits."""

from collections.abc import Callable

import pytest

from suites import verify
from suites.clients.raw import RawClient
from suites.harness.fixtures import RawClients
from suites.harness.operating import Operator, Realm

pytestmark = pytest.mark.needs("admin")

Limit = Callable[[int], None]


def expect_no_room(clients: RawClients) -> None:
    """One connection more is refused at its opening, with 530."""
    client = clients.connect()
    client.start()
    client.start_ok()
    client.tune_ok()
    client.send(0, "connection.open", virtual_host=client.endpoint.vhost)
    client.expect_connection_close(530, method="connection.open")


@pytest.fixture(params=["vhost", "user"])
def limit(request: pytest.FixtureRequest, operator: Operator, realm: Realm) -> Limit:
    """Sets how many connections the vhost may have, or the user."""
    if request.param == "vhost":
        return lambda value: operator.do.limit_vhost(realm.vhost, "max-connections", value)
    return lambda value: operator.do.limit_user(realm.user, "max-connections", value)


def check_connections(realm: Realm, limit: Limit) -> None:
    """One is let in where the limit is one; another once the first has gone."""
    limit(1)
    first = realm.clients()
    expect_no_room(realm.clients)
    first.sync(1)
    first.close()
    verify.eventually(lambda: _has_room(realm), "room for another connection")
    limit(-1)
    for _ in range(2):
        realm.clients()


def _has_room(realm: Realm) -> bool:
    client = realm.clients.connect()
    try:
        client.handshake().close()
    except verify.Mismatch:
        return False
    return True


@pytest.mark.requirement("limit/connections-vhost")
def test_connections_vhost(operator: Operator, realm: Realm) -> None:
    """A vhost's limit of connections refuses one more with 530; a negative limit is none."""
    check_connections(
        realm, lambda value: operator.do.limit_vhost(realm.vhost, "max-connections", value)
    )


@pytest.mark.requirement("limit/connections-user")
def test_connections_user(operator: Operator, realm: Realm) -> None:
    """A user's limit of connections refuses one more with 530; a negative limit is none."""
    check_connections(
        realm, lambda value: operator.do.limit_user(realm.user, "max-connections", value)
    )


@pytest.mark.requirement("limit/channels-user")
def test_channels_user(operator: Operator, realm: Realm) -> None:
    """A user's limit of channels counts those of all connections: one more closes its own, 530."""
    operator.do.limit_user(realm.user, "max-channels", 3)
    first, second = realm.clients(channels=2), realm.clients(channels=1)
    # RabbitMQ counts channels by events, which follow the Open-Ok.
    verify.eventually(lambda: _refused(second, 2), "one channel more is refused")
    first.sync(2)
    first.open_channel(3)


def _refused(client: RawClient, channel: int) -> bool:
    """Whether the channel is refused, by Close 530; one that is granted is closed again."""
    client.send(channel, "channel.open")
    answer = client.read_method()
    if answer.name == "channel.open-ok":
        client.call(channel, "channel.close", reply_code=200)
        return False
    if answer.name == "connection.close":
        client.answer_close(answer)
    verify.equal(str(answer), "connection.close 530", "answer")
    return True


@pytest.mark.requirement("limit/queues-vhost")
def test_queues_vhost(operator: Operator, realm: Realm) -> None:
    """A vhost's limit of queues refuses a new one with 406, and no redeclare."""
    client = realm.clients()
    operator.do.limit_vhost(realm.vhost, "max-queues", 1)
    client.call(1, "queue.declare", queue="first")
    client.send(1, "queue.declare", queue="second")
    client.expect_channel_close(1, 406, method="queue.declare")
    client.open_channel(1)
    client.call(1, "queue.declare", queue="first")
    client.call(1, "queue.delete", queue="first")
    client.call(1, "queue.declare", queue="second")


@pytest.mark.requirement("limit/zero-blocks-all")
def test_zero_connections(realm: Realm, limit: Limit) -> None:
    """A limit of 0 connections lets nobody in, and leaves alone who is in."""
    inside = realm.clients()
    limit(0)
    expect_no_room(realm.clients)
    inside.sync(1)


@pytest.mark.requirement("limit/zero-blocks-all")
def test_zero_queues(operator: Operator, realm: Realm) -> None:
    """A limit of 0 queues refuses the first with 406."""
    client = realm.clients()
    operator.do.limit_vhost(realm.vhost, "max-queues", 0)
    client.send(1, "queue.declare", queue="first")
    client.expect_channel_close(1, 406, method="queue.declare")


@pytest.mark.requirement("limit/zero-blocks-all")
def test_zero_channels(operator: Operator, realm: Realm) -> None:
    """A limit of 0 channels lets a user connect, and open none."""
    client = realm.clients(channels=0)
    operator.do.limit_user(realm.user, "max-channels", 0)
    client.send(1, "channel.open")
    client.expect_connection_close(530)
