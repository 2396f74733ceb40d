"""The management HTTP API: addresses, statuses, fields and refusals.

Of the fields only those are compared that every broker has; RabbitMQ has many more. It has the API
as `rabbitmq:plugins=management` alone.
"""

import json
from dataclasses import dataclass, replace
from typing import Any
from urllib.error import HTTPError

import pytest

import reference_broker
from suites import verify
from suites.amqp.steps import drain, fill
from suites.brokers.base import Broker, Endpoint
from suites.brokers.http_administration import HttpAdministration, HttpApi
from suites.clients.raw import RawClient
from suites.harness.operating import Operator, Realm

pytestmark = [pytest.mark.needs("admin"), pytest.mark.timeout(120)]

LISTED = 20.0  # seconds; RabbitMQ's lists follow its statistics
NOT_FOUND = {"error": "Object Not Found", "reason": "Not Found"}


@dataclass(frozen=True)
class Asked:
    """The API as one user sees it."""

    api: HttpApi

    def __call__(self, method: str, *path: str, body: Any = None) -> tuple[int, Any]:
        """200 and the body, or the status of a refusal and what it says."""
        try:
            return 200, self.api.ask(method, *path, body=body)
        except HTTPError as error:
            with error:
                text = error.read()
            return error.code, json.loads(text) if text else None

    def get(self, *path: str) -> Any:
        """The body; Mismatch for a refusal."""
        status, body = self("GET", *path)
        verify.equal(status, 200, f"status of {'/'.join(path)}")
        return body

    def refused(self, status: int, told: Any, method: str, *path: str, body: Any = None) -> None:
        """The request is refused with this status and body."""
        got = self(method, *path, body=body)
        verify.equal(got, (status, told), f"answer to {method} {'/'.join(path)}")


def refusal(error: str, reason: Any) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": error, "reason": reason}


def port_of(broker: Broker) -> int:
    """Where the API is; unsupported without one."""
    administration = broker.administration()
    if not isinstance(administration, HttpAdministration):
        verify.unsupported(f"{broker.name} has no HTTP API: `rabbitmq:plugins=management` has one")
    return administration.api.port


@pytest.fixture
def ask(broker: Broker) -> Asked:
    """The API for the suites' own user, an administrator."""
    return Asked(HttpApi(broker.endpoint, port_of(broker)))


def as_user(ask: Asked, broker: Broker, user: Endpoint) -> Asked:
    """The API for another."""
    del ask
    return Asked(HttpApi(user, port_of(broker)))


@pytest.mark.requirement("management/login")
def test_login(ask: Asked, broker: Broker, operator: Operator) -> None:
    """Who asks is told who he is; a wrong password, and a user without a tag, are refused."""
    asked = ask.get("whoami")
    verify.equal((asked["name"], asked["tags"]), ("guest", ["administrator"]), "whoami")
    wrong = as_user(ask, broker, replace(broker.endpoint, password="wrong"))
    wrong.refused(401, refusal("not_authorized", "Login failed"), "GET", "whoami")
    plain = as_user(ask, broker, operator.user())
    plain.refused(401, refusal("not_authorised", "Not management user"), "GET", "whoami")


@pytest.mark.requirement("management/tags")
@pytest.mark.parametrize(
    ("tag", "closed"),
    [
        ("management", {"users": "Not administrator user", "nodes": "Not monitor user"}),
        ("monitoring", {"users": "Not administrator user"}),
        ("administrator", {}),
    ],
)
def test_tags(
    ask: Asked, broker: Broker, operator: Operator, tag: str, closed: dict[str, str]
) -> None:
    """Each tag opens what it is meant for."""
    user = as_user(ask, broker, operator.user(tag))
    for path in ("users", "nodes", "vhosts", "connections", "overview"):
        if path in closed:
            user.refused(401, refusal("not_authorised", closed[path]), "GET", path)
        else:
            user.get(path)


@pytest.mark.requirement("management/vhost-access")
def test_vhost_access(ask: Asked, broker: Broker, operator: Operator, realm: Realm) -> None:
    """A user with the tag management sees the vhosts in which he has permissions, and no other."""
    stranger = operator.user("management")
    user = as_user(ask, broker, stranger)
    verify.equal(user.get("vhosts"), [], "vhosts")
    told = refusal("not_authorised", "User not authorised to access virtual host")
    user.refused(401, told, "GET", "queues", realm.vhost)
    operator.do.permit(stranger.user, realm.vhost, "^$", "^$", "^$")
    verify.equal([vhost["name"] for vhost in user.get("vhosts")], [realm.vhost], "vhosts")
    told = refusal("not_authorised", "Access refused.")
    user.refused(401, told, "PUT", "queues", realm.vhost, "q", body={})


@pytest.mark.requirement("management/users")
def test_users(ask: Asked, operator: Operator) -> None:
    """Users and their permissions are put, got and deleted; a password is never told."""
    name = operator.user("monitoring").user
    user = ask.get("users", name)
    verify.equal((user["name"], user["tags"]), (name, ["monitoring"]), "user")
    verify.equal(user["hashing_algorithm"], "rabbit_password_hashing_sha256", "algorithm")
    verify.true(name not in user["password_hash"], "a hash", user["password_hash"])
    ask.refused(400, refusal("bad_request", "tags_not_present"), "PUT", "users", name, body={})
    rights = {"configure": "c", "write": "w", "read": "r"}
    ask("PUT", "permissions", "/", name, body=rights)
    wanted = {"user": name, "vhost": "/", **rights}
    verify.equal(ask.get("permissions", "/", name), wanted, "permissions")
    verify.equal(ask.get("users", name, "permissions"), [wanted], "permissions")
    told = refusal("bad_request", "[{key_missing,write},{key_missing,read}]")
    ask.refused(400, told, "PUT", "permissions", "/", name, body={"configure": ""})
    told = refusal("bad_request", "vhost_or_user_not_found")
    ask.refused(400, told, "PUT", "permissions", "/", "no-such-user", body=rights)
    verify.equal(ask("DELETE", "permissions", "/", name)[0], 200, "status")
    ask.refused(404, NOT_FOUND, "GET", "permissions", "/", name)
    ask.refused(404, NOT_FOUND, "DELETE", "users", "no-such-user")


@pytest.mark.requirement("management/entities")
def test_entities(ask: Asked, realm: Realm) -> None:
    """Exchanges, queues and bindings are put and deleted; what is inequivalent is refused."""
    vhost = realm.vhost
    body = {"type": "topic", "durable": True, "arguments": {"alternate-exchange": "amq.fanout"}}
    verify.equal(ask("PUT", "exchanges", vhost, "e", body=body)[0], 200, "status")
    exchange = ask.get("exchanges", vhost, "e")
    seen = {name: exchange[name] for name in ("name", "vhost", "type", "durable", "arguments")}
    verify.equal(seen, {"name": "e", "vhost": vhost, **body}, "exchange")
    told = f"inequivalent arg 'type' for exchange 'e' in vhost '{vhost}': received 'direct' but "
    told += "current is 'topic'"
    wrong = {"type": "direct"}
    ask.refused(400, refusal("bad_request", told), "PUT", "exchanges", vhost, "e", body=wrong)
    ask("PUT", "queues", vhost, "a/b", body={"arguments": {"x-max-length": 5}})
    between = ("bindings", vhost, "e", "e", "q", "a/b")
    ask("POST", *between, body={"routing_key": "k/ey", "arguments": {"n": 1}})
    [binding] = ask.get(*between)
    key = binding.pop("properties_key")
    wanted = {
        "source": "e",
        "vhost": vhost,
        "destination": "a/b",
        "destination_type": "queue",
        "routing_key": "k/ey",
        "arguments": {"n": 1},
    }
    verify.equal(binding, wanted, "binding")
    verify.equal(ask("DELETE", *between, key)[0], 200, "status")
    verify.equal(ask.get(*between), [], "bindings")
    told = f"no exchange 'missing' in vhost '{vhost}'"
    missing = ("bindings", vhost, "e", "missing", "q", "a/b")
    ask.refused(404, refusal("not_found", told), "POST", *missing, body={})
    ask.refused(404, NOT_FOUND, "DELETE", "queues", vhost, "missing")
    refused = refusal("not_authorised", "Access refused.")
    ask.refused(401, refused, "DELETE", "exchanges", vhost, "amq.topic")
    verify.equal(ask("DELETE", "exchanges", vhost, "e")[0], 200, "status")
    ask.refused(404, NOT_FOUND, "GET", "exchanges", vhost, "e")


@pytest.mark.requirement("management/messages")
def test_messages(ask: Asked, realm: Realm) -> None:
    """A message is published, looked at without loss, and taken; a queue is purged."""
    client, vhost = realm.clients(), realm.vhost
    client.call(1, "queue.declare", queue="q")
    message = {
        "routing_key": "q",
        "properties": {"delivery_mode": 2, "headers": {"a": 1}},
        "payload": "aGk=",
        "payload_encoding": "base64",
    }
    where = ("exchanges", vhost, "amq.default", "publish")
    verify.equal(ask("POST", *where, body=message), (200, {"routed": True}), "answer")
    nowhere = {**message, "routing_key": "nowhere"}
    verify.equal(ask("POST", *where, body=nowhere), (200, {"routed": False}), "answer")
    look = {"count": 2, "ackmode": "ack_requeue_true", "encoding": "auto"}
    wanted = {
        "payload_bytes": 2,
        "redelivered": False,
        "exchange": "",
        "routing_key": "q",
        "message_count": 0,
        "properties": message["properties"],
        "payload": "hi",
        "payload_encoding": "string",
    }
    got = ask("POST", "queues", vhost, "q", "get", body=look)
    verify.equal(got, (200, [wanted]), "messages")
    verify.equal(drain(client, "q"), [b"hi"], "queue")
    fill(client, "q", [b"more"])
    client.sync(1)
    verify.equal(ask("DELETE", "queues", vhost, "q", "contents")[0], 200, "status")
    verify.equal(drain(client, "q"), [], "queue")
    told = refusal("bad_request", f"404 NOT_FOUND - no exchange 'no' in vhost '{vhost}'")
    ask.refused(400, told, "POST", "exchanges", vhost, "no", "publish", body=message)
    told = refusal("bad_request", "[{key_missing,ackmode},{key_missing,encoding}]")
    ask.refused(400, told, "POST", "queues", vhost, "q", "get", body={"count": 1})


@pytest.mark.requirement("management/messages")
def test_a_message_for_a_full_queue(ask: Asked, realm: Realm) -> None:
    """A message that a queue refuses is an error, though it was routed."""
    client, vhost = realm.clients(), realm.vhost
    limits = {"x-max-length": 1, "x-overflow": "reject-publish"}
    client.call(1, "queue.declare", queue="full", arguments=limits)
    message = {"routing_key": "full", "properties": {}, "payload": "", "payload_encoding": "string"}
    where = ("exchanges", vhost, "amq.default", "publish")
    verify.equal(ask("POST", *where, body=message), (200, {"routed": True}), "answer")
    told = "rejected Unable to publish message. Check queue limits."
    ask.refused(400, refusal("bad_request", told), "POST", *where, body=message)
    verify.equal(drain(client, "full"), [b""], "queue")


@pytest.mark.requirement("management/policies")
def test_policies(ask: Asked, realm: Realm) -> None:
    """Policies and limits are put, got and deleted; a queue tells which one it has."""
    vhost = realm.vhost
    policy = {"pattern": "^q", "definition": {"max-length": 5}, "priority": 2, "apply-to": "queues"}
    verify.equal(ask("PUT", "policies", vhost, "p", body=policy)[0], 200, "status")
    wanted = {"vhost": vhost, "name": "p", **policy}
    verify.equal(ask.get("policies", vhost, "p"), wanted, "policy")
    verify.equal(ask.get("policies", vhost), [wanted], "policies")
    realm.clients().call(1, "queue.declare", queue="q")

    def told() -> Any:
        return ask.get("queues", vhost, "q").get("policy")

    verify.eventually(told, "policy of the queue", LISTED, wanted="p", every=0.2)
    reason = '[{<<"x">>,1}] are not recognised policy settings'
    unknown = {**policy, "definition": {"x": 1}}
    status, body = ask("PUT", "operator-policies", vhost, "o", body=unknown)
    verify.equal((status, reason in body["reason"]), (400, True), "refusal")
    ask.refused(404, NOT_FOUND, "DELETE", "policies", vhost, "no-such-policy")
    limit = ("vhost-limits", vhost, "max-queues")
    verify.equal(ask("PUT", *limit, body={"value": 7})[0], 200, "status")
    wanted = {"vhost": vhost, "value": {"max-queues": 7}}
    verify.equal(ask.get("vhost-limits", vhost), [wanted], "limits")
    reason = 'Validation failed\n\nmax-queues should be a number, actually was <<"x">>\n'
    wrong = {"value": "x"}
    ask.refused(400, refusal("bad_request", reason), "PUT", *limit, body=wrong)


@pytest.mark.requirement("management/connections")
def test_connections(ask: Asked, realm: Realm) -> None:
    """Connections, channels and consumers are listed, with whose they are and what they do."""
    client = realm.clients()
    client.call(1, "queue.declare", queue="q")
    client.call(1, "basic.qos", prefetch_count=3)
    client.consume(1, "q", consumer_tag="tag")

    def own(kind: str) -> list[Any]:
        """Those of the test's user; RabbitMQ lists them before it knows whose and how they are."""
        listed = [entry for entry in ask.get(kind) if "state" in entry]
        return [entry for entry in listed if entry.get("user") == realm.user]

    verify.eventually(lambda: own("connections"), "the connection", LISTED, every=0.2)
    [connection] = own("connections")
    verify.equal(connection["peer_port"], client.link.local_port, "port")
    seen = [connection[name] for name in ("vhost", "protocol", "state", "channel_max")]
    verify.equal(seen, [realm.vhost, "AMQP 0-9-1", "running", 2047], "connection")
    verify.equal(connection["client_properties"]["product"], "mqproof raw client", "product")

    def consuming() -> bool:
        return any(entry.get("consumer_count") == 1 for entry in own("channels"))

    verify.eventually(consuming, "the channel with a consumer", LISTED, wanted=True, every=0.2)
    [channel] = own("channels")
    verify.equal(channel["name"], f"{connection['name']} (1)", "name of the channel")
    verify.equal(channel["connection_details"]["name"], connection["name"], "connection")
    verify.eventually(lambda: ask.get("consumers", realm.vhost), "the consumer", LISTED, every=0.2)
    [consumer] = ask.get("consumers", realm.vhost)
    seen = [consumer[name] for name in ("consumer_tag", "ack_required", "prefetch_count", "queue")]
    verify.equal(seen, ["tag", True, 3, {"name": "q", "vhost": realm.vhost}], "consumer")


@pytest.mark.requirement("management/health")
def test_health(ask: Asked, operator: Operator) -> None:
    """Without an alarm all is well; with one the checks say so."""
    verify.equal(ask.get("health", "checks", "alarms"), {"status": "ok"}, "alarms")
    verify.equal(ask.get("aliveness-test", "/"), {"status": "ok"}, "aliveness")
    told = verify.eventually(
        lambda: [node for node in ask.get("nodes") if "mem_alarm" in node], "the node", LISTED
    )
    alarms = [(node["mem_alarm"], node["disk_free_alarm"]) for node in told]
    verify.equal(alarms, [(False, False)], "alarms")
    operator.alarm("disk")
    status, body = ask("GET", "health", "checks", "alarms")
    verify.equal((status, body["status"]), (503, "failed"), "alarms")
    verify.equal([alarm["resource"] for alarm in body["alarms"]], ["disk space"], "resources")


@pytest.mark.requirement("management/definitions")
def test_definitions(ask: Asked, realm: Realm) -> None:
    """What a broker exports another imports: into the reference broker, and back again."""
    vhost, client = realm.vhost, realm.clients()
    client.call(1, "exchange.declare", exchange="e", type="headers", durable=True)
    arguments = {"x-max-length": 5, "x-queue-type": "quorum"}
    client.call(1, "queue.declare", queue="q", durable=True, arguments=arguments)
    client.call(1, "queue.bind", queue="q", exchange="e", arguments={"x-match": "any", "n": 5})
    policy = {
        "pattern": "^q",
        "definition": {"expires": 99999},
        "priority": 2,
        "apply-to": "queues",
    }
    ask("PUT", "policies", vhost, "p", body=policy)
    topics = {"exchange": "amq.topic", "write": "^w", "read": "^r"}
    ask("PUT", "topic-permissions", vhost, realm.user, body=topics)
    ask("PUT", "vhost-limits", vhost, "max-queues", body={"value": 9})
    exported = ask.get("definitions")
    with reference_broker.running(management_port=0) as other:
        assert other.management_port is not None
        reference = Asked(HttpApi(Endpoint(other.host, other.port), other.management_port))
        verify.equal(reference("POST", "definitions", body=exported), (200, None), "import")
        again = reference.get("definitions")
        verify.equal(parts(again, vhost), parts(exported, vhost), "definitions")
        with_login = Endpoint(other.host, other.port, realm.user, realm.user, vhost)
        RawClient.open(with_login).close()  # the password came along, as its hash
    ask("DELETE", "vhosts", vhost)
    verify.equal(ask("POST", "definitions", body=again)[0], 200, "status")
    verify.equal(parts(ask.get("definitions"), vhost), parts(exported, vhost), "definitions")


EVERYWHERE: dict[str, tuple[str, ...]] = {
    "users": ("name", "password_hash", "hashing_algorithm"),
    "vhosts": ("name",),
    "exchanges": ("name", "vhost", "type", "durable", "auto_delete", "arguments"),
    "queues": ("name", "vhost", "durable", "auto_delete", "arguments"),
}
"""Fields that definitions have in every version of RabbitMQ, by section; of the others all."""


def parts(definitions: dict[str, Any], vhost: str) -> dict[str, list[Any]]:
    """What concerns the vhost, in an order of its own."""
    found = {
        name: [
            {field: entry[field] for field in EVERYWHERE.get(name, tuple(entry))}
            for entry in entries
            if vhost in (entry.get("vhost"), entry.get("name"))
        ]
        for name, entries in definitions.items()
        if isinstance(entries, list)
    }
    return {
        name: sorted(json.dumps(entry, sort_keys=True) for entry in entries)
        for name, entries in found.items()
        if entries
    }
