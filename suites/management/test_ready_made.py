"""A client library of the management API that others wrote: AMQPStorm's."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec

import pytest
from amqpstorm.management.api import ManagementApi
from amqpstorm.management.exception import ApiError
from amqpstorm.message import Message

from suites import verify
from suites.brokers.base import Broker
from suites.harness.operating import Operator, Realm
from suites.management.test_api import LISTED, port_of
from suites.verify import Mismatch

P = ParamSpec("P")

pytestmark = [
    pytest.mark.needs("admin"),
    pytest.mark.timeout(120),
    pytest.mark.requirement("management/ready-made-client"),
]


@pytest.fixture
def storm(broker: Broker) -> ManagementApi:
    """The library, for the suites' own user."""
    at = broker.endpoint
    return ManagementApi(f"http://{at.host}:{port_of(broker)}", at.user, at.password)


def judged(test: Callable[P, None]) -> Callable[P, None]:
    """What the library objects to is what the broker did wrong."""

    @wraps(test)
    def judge(*arguments: P.args, **options: P.kwargs) -> None:
        try:
            test(*arguments, **options)
        except ApiError as error:
            raise Mismatch("answers that AMQPStorm takes", f"ApiError: {error}") from error

    return judge


def refused(call: Any, *arguments: Any, **options: Any) -> int:
    """The status with which a call is refused."""
    try:
        call(*arguments, **options)
    except ApiError as error:
        return error.error_code or -1
    return 0


@judged
def test_the_node(storm: ManagementApi) -> None:
    """What the broker is, who asks, and whether it is well."""
    verify.equal(storm.whoami()["name"], "guest", "user")
    node = storm.overview()["node"]
    verify.equal([each["name"] for each in storm.nodes()], [node], "nodes")
    verify.equal(storm.node(node)["running"], True, "running")
    verify.equal(storm.aliveness_test("/"), {"status": "ok"}, "aliveness")
    verify.equal(storm.healthchecks.get(), {"status": "ok"}, "health")
    verify.equal(storm.healthchecks.get(node), {"status": "ok"}, "health of the node")


@judged
def test_messages(storm: ManagementApi, realm: Realm) -> None:
    """A queue is declared, bound, filled, read, purged and deleted."""
    vhost = realm.vhost
    storm.exchange.declare("e", "topic", virtual_host=vhost)
    storm.exchange.declare("f", "fanout", virtual_host=vhost)
    storm.exchange.bind("f", "e", "a.#", virtual_host=vhost)
    storm.queue.declare("q", virtual_host=vhost, arguments={"x-max-length": 9})
    storm.queue.bind("q", "f", "k", virtual_host=vhost)
    verify.equal(
        [(one["source"], one["routing_key"]) for one in storm.queue.bindings("q", vhost)],
        [("", "q"), ("f", "k")],
        "bindings",
    )
    routed = storm.basic.publish(
        "hello", "a.b", "e", virtual_host=vhost, properties={"message_id": "m", "headers": {"n": 1}}
    )
    verify.equal(routed, {"routed": True}, "answer to the publish")
    [message] = storm.basic.get("q", vhost, requeue=True)
    assert isinstance(message, Message)
    verify.equal((message.body, message.message_id), ("hello", "m"), "message")
    verify.equal(message.properties["headers"], {"n": 1}, "headers")
    storm.queue.purge("q", vhost)
    verify.equal(storm.basic.get("q", vhost), [], "messages after the purge")
    storm.queue.unbind("q", "f", "k", vhost)
    [bound] = storm.exchange.bindings("e", vhost)
    key = bound["properties_key"]  # in which the key is encoded
    storm.exchange.unbind("f", "e", "a.#", vhost, properties_key=key)
    verify.equal(len(storm.exchange.bindings("e", vhost)), 0, "bindings from the exchange")
    verify.equal([one["name"] for one in storm.queue.list(vhost)], ["q"], "queues")
    storm.queue.delete("q", vhost)
    storm.exchange.delete("e", vhost)
    verify.equal(refused(storm.queue.get, "q", vhost), 404, "status for a queue that is gone")
    verify.equal(refused(storm.exchange.get, "e", vhost), 404, "status for an exchange")


@judged
def test_a_connection_is_closed(storm: ManagementApi, realm: Realm) -> None:
    """It is found in the list, looked at with its channel, and closed for a reason."""
    client = realm.clients()

    def found() -> list[Any]:
        return [one for one in storm.connection.list() if one.get("user") == realm.user]

    verify.eventually(found, "the connection", LISTED, every=0.2)
    name = found()[0]["name"]
    verify.equal(storm.connection.get(name)["vhost"], realm.vhost, "vhost")
    channel = f"{name} (1)"
    verify.eventually(
        lambda: channel in [one["name"] for one in storm.channel.list()],
        "whether the channel is listed",
        LISTED,
        wanted=True,
        every=0.2,
    )
    verify.equal(storm.channel.get(channel)["number"], 1, "number of the channel")
    storm.connection.close(name, reason="enough of you")
    closed = client.expect_connection_close(320)
    verify.equal(closed["reply_text"], "CONNECTION_FORCED - enough of you", "reply-text")


@judged
def test_users(storm: ManagementApi, operator: Operator, realm: Realm) -> None:
    """They are made, permitted, and deleted one by one or together."""
    names = [operator.user().user for _ in range(3)]
    storm.user.create(names[0], "new", tags="monitoring")
    verify.equal(storm.user.get(names[0])["tags"], ["monitoring"], "tags")
    storm.user.set_permission(names[0], realm.vhost, "^c", "^w", "^r")
    wanted = {"user": names[0], "vhost": realm.vhost}
    wanted |= {"configure": "^c", "write": "^w", "read": "^r"}
    verify.equal(storm.user.get_permission(names[0], realm.vhost), wanted, "permission")
    verify.equal(storm.user.get_permissions(names[0]), [wanted], "permissions")
    storm.user.delete_permission(names[0], realm.vhost)
    verify.equal(storm.user.get_permissions(names[0]), [], "permissions after")
    storm.user.delete(names[:2])
    verify.equal([refused(storm.user.get, name) for name in names], [404, 404, 0], "statuses")
    storm.user.delete(names[2])
    verify.equal(refused(storm.user.get, names[2]), 404, "status")


@judged
def test_vhosts(storm: ManagementApi, realm: Realm) -> None:
    """They are made, listed with their permissions, and deleted."""
    name = f"{realm.vhost}-2"
    storm.virtual_host.create(name)
    verify.equal(storm.virtual_host.get(name)["name"], name, "name")
    permissions: Any = storm.virtual_host.get_permissions(name)
    verify.equal([one["user"] for one in permissions], ["guest"], "permissions")
    storm.virtual_host.delete(name)
    verify.equal(refused(storm.virtual_host.get, name), 404, "status for a vhost that is gone")
