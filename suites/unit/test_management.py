"""The reference broker's management API, over HTTP."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

import reference_broker
from reference_broker.server.embedded import RunningBroker
from suites import verify
from suites.brokers.base import Endpoint
from suites.brokers.http_administration import HttpApi
from suites.clients.raw import RawClient

Ask = Callable[..., tuple[int, Any]]


@dataclass(frozen=True)
class Api:
    """The API of a running broker as one user sees it."""

    broker: RunningBroker
    user: str = "guest"
    password: str = "guest"

    @property
    def endpoint(self) -> Endpoint:
        """Where AMQP is spoken."""
        return Endpoint(self.broker.host, self.broker.port, self.user, self.password)

    def __call__(self, method: str, *path: str, body: Any = None) -> tuple[int, Any]:
        """The status of a refusal, or 200, and what was answered."""
        assert self.broker.management_port is not None
        api = HttpApi(self.endpoint, self.broker.management_port)
        try:
            return 200, api.ask(method, *path, body=body)
        except HTTPError as error:
            with error:
                text = error.read()
            return error.code, json.loads(text) if text else None

    def as_user(self, name: str, *tags: str, vhost: str | None = "/") -> "Api":
        """The same API for a new user with these tags, who may do all in the vhost."""
        assert self("PUT", "users", name, body={"password": name, "tags": ",".join(tags)})[0] == 200
        if vhost is not None:
            body = {"configure": ".*", "write": ".*", "read": ".*"}
            assert self("PUT", "permissions", vhost, name, body=body)[0] == 200
        return replace(self, user=name, password=name)


@pytest.fixture
def api() -> Iterator[Api]:
    """The API of a broker in memory, for guest."""
    with reference_broker.running(management_port=0) as broker:
        yield Api(broker)


def refusal(error: str, reason: Any) -> dict[str, Any]:
    """The body of a refusal."""
    return {"error": error, "reason": reason}


def test_who_asks(api: Api) -> None:
    """Without a login the answer is a challenge; a wrong one is refused."""
    assert api("GET", "whoami") == (200, {"name": "guest", "tags": ["administrator"]})
    told = refusal("not_authorized", "Login failed")
    assert replace(api, password="wrong")("GET", "whoami") == (401, told)
    assert replace(api, user="nobody")("GET", "whoami") == (401, told)
    connection = HTTPConnection(api.broker.host, api.broker.management_port)
    for headers in ({}, {"Authorization": "Basic !"}):
        connection.request("GET", "/api/whoami", headers=headers)
        response = connection.getresponse()
        response.read()
        assert response.status == 401
        assert (response.getheader("www-authenticate") or "").startswith("Basic realm=")
    connection.close()


@pytest.mark.parametrize(
    ("tag", "allowed"),
    [
        (None, []),
        ("management", ["queues", "whoami"]),
        ("policymaker", ["parameters", "queues", "whoami"]),
        ("monitoring", ["nodes", "queues", "whoami"]),
        ("administrator", ["nodes", "parameters", "queues", "users", "whoami"]),
    ],
)
def test_tags(api: Api, tag: str | None, allowed: list[str]) -> None:
    """Each tag opens what RabbitMQ's does."""
    user = api.as_user("u", *([tag] if tag else []))
    asked = ["nodes", "parameters", "queues", "users", "whoami"]
    assert [path for path in asked if user("GET", path)[0] == 200] == allowed
    refused = set(asked) - set(allowed)
    assert {user("GET", path)[1]["error"] for path in refused} <= {"not_authorised"}


def test_a_user_sees_his_own_vhosts(api: Api) -> None:
    """With the tag management: other vhosts are as if closed, others' connections unseen."""
    api("PUT", "vhosts", "other")
    user = api.as_user("u", "management")
    assert [vhost["name"] for vhost in user("GET", "vhosts")[1]] == ["/"]
    told = refusal("not_authorised", "User not authorised to access virtual host")
    assert user("GET", "queues", "other") == (401, told)
    assert user("GET", "queues", "missing")[0] == 404
    with RawClient.open(api.endpoint), RawClient.open(user.endpoint):
        assert [c["user"] for c in user("GET", "connections")[1]] == ["u"]
        assert len(api("GET", "connections")[1]) == 2


def test_rights_are_those_of_amqp(api: Api) -> None:
    """What a user may not do over AMQP is refused here as well."""
    api.as_user("u", "management")
    body = {"configure": "^mine", "write": "^mine", "read": "^mine"}
    api("PUT", "permissions", "/", "u", body=body)
    user = replace(api, user="u", password="u")
    api("PUT", "queues", "/", "yours")
    told = refusal("not_authorised", "Access refused.")
    get = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
    for asked in (
        ("PUT", "queues", "/", "q"),
        ("DELETE", "queues", "/", "yours"),
        ("DELETE", "queues", "/", "yours", "contents"),
        ("POST", "queues", "/", "yours", "get"),
        ("POST", "bindings", "/", "e", "amq.fanout", "q", "yours"),
    ):
        assert user(*asked, body=get) == (401, told), asked
    assert user("PUT", "queues", "/", "mine")[0] == 200


def test_paths_that_do_not_exist(api: Api) -> None:
    """404 in the usual form; another method at a path that exists is 405."""
    missing = refusal("Object Not Found", "Not Found")
    assert api("GET", "nothing") == (404, missing)
    assert api("GET", "queues", "/", "q") == (404, missing)
    assert api("PATCH", "users") == (405, None)


def test_bodies_that_are_wrong(api: Api) -> None:
    """400 says what is wrong."""
    assert api("PUT", "users", "u", body=[])[0] == 400
    told = refusal("bad_request", "[{key_missing,write},{key_missing,read}]")
    assert api("PUT", "permissions", "/", "guest", body={"configure": ""}) == (400, told)
    status, body = api("PUT", "queues", "/", "q", body={"durable": "yes"})
    assert (status, body["reason"]) == (400, "durable should be of type bool, was 'yes'")
    connection = HTTPConnection(api.broker.host, api.broker.management_port)
    login = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="}
    connection.request("PUT", "/api/queues/%2F/q", body="{", headers=login)
    response = connection.getresponse()
    assert response.status == 400
    assert "not JSON" in json.loads(response.read())["reason"]
    connection.close()


def test_names_with_slashes_and_spaces(api: Api) -> None:
    """Names are percent-encoded in addresses, whatever is in them."""
    name, key = "a/b c%2F☃", "k/ey *.#"
    api("PUT", "vhosts", name)
    assert api("PUT", "queues", name, name) == (200, None)
    api("POST", "bindings", name, "e", "amq.topic", "q", name, body={"routing_key": key})
    [binding] = api("GET", "bindings", name, "e", "amq.topic", "q", name)[1]
    assert (binding["destination"], binding["routing_key"]) == (name, key)
    where = ("bindings", name, "e", "amq.topic", "q", name, binding["properties_key"])
    assert api("GET", *where) == (200, binding)
    assert api("DELETE", *where)[0] == 200
    assert api("GET", *where)[0] == 404


def test_a_queue_is_looked_into(api: Api) -> None:
    """Messages are published, looked at, put back flagged, and taken."""
    api("PUT", "queues", "/", "q")
    properties = {"delivery_mode": 2, "headers": {"a": [1, "x"]}, "priority": 3}
    for payload, encoding in (("grün", "string"), ("/w==", "base64")):
        body = {
            "routing_key": "q",
            "properties": properties,
            "payload": payload,
            "payload_encoding": encoding,
        }
        published = api("POST", "exchanges", "/", "amq.default", "publish", body=body)
        assert published == (200, {"routed": True})
    get = {"count": 5, "ackmode": "ack_requeue_true", "encoding": "auto"}
    first, second = api("POST", "queues", "/", "q", "get", body=get)[1]
    assert first == {
        "payload_bytes": 5,
        "redelivered": False,
        "exchange": "",
        "routing_key": "q",
        "message_count": 1,
        "properties": properties,
        "payload": "grün",
        "payload_encoding": "string",
    }
    assert (second["payload"], second["payload_encoding"]) == ("/w==", "base64")
    taken = {**get, "ackmode": "ack_requeue_false", "truncate": 2, "count": 1}
    [again] = api("POST", "queues", "/", "q", "get", body=taken)[1]
    assert (again["payload"], again["payload_bytes"], again["redelivered"]) == ("gr", 5, True)
    assert api("GET", "queues", "/", "q")[1]["messages_ready"] == 1
    assert api("DELETE", "queues", "/", "q", "contents") == (200, None)
    assert api("GET", "queues", "/", "q")[1]["messages"] == 0


def test_a_connection_is_seen_and_closed(api: Api) -> None:
    """With its channels and consumers; the reason is told to the client."""
    with RawClient.open(api.endpoint) as client:
        client.open_channel(7)
        client.call(7, "basic.qos", prefetch_count=3)
        client.call(7, "queue.declare", queue="q", exclusive=True)
        client.consume(7, "q", consumer_tag="tag")
        [connection] = api("GET", "connections")[1]
        assert connection["peer_port"] == client.link.local_port
        assert (connection["user"], connection["vhost"]) == ("guest", "/")
        assert (connection["state"], connection["channels"]) == ("running", 1)
        assert connection["client_properties"]["product"] == "mqproof raw client"
        [channel] = api("GET", "channels")[1]
        assert (channel["name"], channel["prefetch_count"]) == (f"{connection['name']} (7)", 3)
        [consumer] = api("GET", "consumers", "/")[1]
        assert (consumer["consumer_tag"], consumer["prefetch_count"]) == ("tag", 3)
        queue = api("GET", "queues", "/", "q")[1]
        assert queue["owner_pid_details"]["name"] == connection["name"]
        assert api("DELETE", "queues", "/", "q")[0] == 400
        api("DELETE", "connections", connection["name"])
        closed = client.expect_connection_close(320)
        assert closed["reply_text"] == "CONNECTION_FORCED - Closed via management plugin"
    verify.eventually(lambda: api("GET", "connections"), "connections", wanted=(200, []))


def test_lists_by_page_and_column(api: Api) -> None:
    """As RabbitMQ's clients ask for them."""
    for number in range(5):
        api("PUT", "queues", "/", f"q{number}")
    assert api.broker.management_port is not None
    http = HTTPConnection(api.broker.host, api.broker.management_port)
    login = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="}

    def ask(query: str) -> tuple[int, Any]:
        http.request("GET", f"/api/queues?{query}", headers=login)
        response = http.getresponse()
        return response.status, json.loads(response.read())

    status, page = ask("page=2&page_size=2&columns=name")
    assert status == 200
    assert page["items"] == [{"name": "q2"}, {"name": "q3"}]
    assert (page["filtered_count"], page["page_count"]) == (5, 3)
    assert ask("page=1&name=%5Eq%5B01%5D&use_regex=true")[1]["item_count"] == 2
    assert ask("columns=name,effective_policy_definition.x")[1][0] == {
        "name": "q0",
        "effective_policy_definition": {},
    }
    for wrong in ("page=9", "page=x", "page=1&page_size=501", "page=1&name=(&use_regex=true"):
        assert ask(wrong)[0] == 400
    http.close()


def test_definitions_go_round(api: Api) -> None:
    """What one broker exports another imports, and exports again, without passwords in clear."""
    api.as_user("u", "monitoring", "management")
    api("PUT", "vhosts", "v", body={"description": "d"})
    api("PUT", "vhost-limits", "v", "max-queues", body={"value": 9})
    api("PUT", "user-limits", "u", "max-channels", body={"value": 3})
    topics = {"exchange": "amq.topic", "write": "^w", "read": "^r"}
    api("PUT", "topic-permissions", "/", "u", body=topics)
    policy = {"pattern": "^q", "definition": {"max-length": 5}, "priority": 2, "apply-to": "queues"}
    api("PUT", "policies", "v", "p", body=policy)
    api("PUT", "operator-policies", "v", "o", body=policy)
    api("PUT", "exchanges", "v", "e", body={"type": "headers", "internal": True})
    api("PUT", "queues", "v", "q", body={"arguments": {"x-max-priority": 5}})
    arguments = {"x-match": "any", "n": 5}
    api("POST", "bindings", "v", "e", "e", "q", "q", body={})
    api("POST", "bindings", "v", "e", "e", "q", "q", body={"arguments": arguments})
    exported = api("GET", "definitions")[1]
    assert "guest" not in [user["password_hash"] for user in exported["users"]]
    with reference_broker.running(management_port=0) as broker:
        other = Api(broker)
        assert other("POST", "definitions", body=exported) == (200, None)
        assert other("GET", "definitions") == (200, exported)
        assert other("POST", "definitions", body=exported) == (200, None)
        only = other("GET", "definitions", "v")[1]
        assert "vhost" not in only["queues"][0]
        other("PUT", "vhosts", "w")
        assert other("POST", "definitions", "w", body=only) == (200, None)
        assert other("GET", "definitions", "w") == (200, only)


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"users": 3}, "users is not a list of objects"),
        ({"queues": [{"name": "q"}]}, "an entry of queues lacks 'vhost'"),
        ({"queues": [{"name": "q", "vhost": "no"}]}, "no vhost 'no' for 'q'"),
        ({"shovels": [1]}, "cannot load shovels; only"),
        (
            {"policies": [{"name": "p", "vhost": "/", "pattern": "", "definition": {"x": 1}}]},
            "are not recognised policy settings",
        ),
        (
            {"queues": [{"name": "q", "vhost": "/", "arguments": {"x-expires": 0}}]},
            "invalid arg 'x-expires'",
        ),
    ],
)
def test_wrong_definitions(api: Api, document: dict[str, Any], told: str) -> None:
    """400 says what is wrong with them."""
    status, body = api("POST", "definitions", body=document)
    assert status == 400
    assert told in body["reason"]


def test_what_is_set_survives(tmp_path: Path) -> None:
    """With a data directory the answer comes after the commit: nothing is lost by a restart."""
    with reference_broker.running(management_port=0, data_dir=tmp_path) as broker:
        api = Api(broker)
        api("PUT", "vhosts", "v", body={"tags": "a,b"})
        api.as_user("u", "management", vhost="v")
        definition = {"pattern": "^q", "definition": {"expires": 99999}}
        api("PUT", "policies", "v", "p", body=definition)
        api("PUT", "queues", "v", "q")
        api("PUT", "queues", "v", "gone")
        api("DELETE", "queues", "v", "gone")
        api("PUT", "vhosts", "gone")
        api("PUT", "users", "gone", body={"tags": ""})
        api("DELETE", "vhosts", "gone")
        api("DELETE", "users", "gone")
        exported = api("GET", "definitions")[1]
    with reference_broker.running(management_port=0, data_dir=tmp_path) as broker:
        api = Api(broker)
        assert api("GET", "definitions") == (200, exported)
        assert api("GET", "vhosts", "v")[1]["tags"] == ["a", "b"]
        assert api("GET", "queues", "v", "q")[1]["policy"] == "p"
        assert api("GET", "permissions", "v", "u")[0] == 200


def test_health(api: Api) -> None:
    """All is well until a limit cannot be kept."""
    ok = (200, {"status": "ok"})
    checks = [("healthchecks", "node"), ("health", "checks", "alarms"), ("aliveness-test", "/")]
    assert [api("GET", *check) for check in checks] == [ok] * 3
    body = {"vm_memory_high_watermark": {"absolute": 1}}
    assert api("PUT", "nodes", "local", "limits", body=body) == (200, None)
    assert api("GET", "healthchecks", "node")[1]["status"] == "failed"
    status, told = api("GET", "health", "checks", "alarms")
    assert (status, [alarm["resource"] for alarm in told["alarms"]]) == (503, ["memory"])
    [node] = api("GET", "nodes")[1]
    assert (node["mem_alarm"], node["mem_limit"], node["disk_free_alarm"]) == (True, 1, False)
    assert api("PUT", "nodes", "local", "limits", body={"disk_free_limit": "x"})[0] == 400


def test_a_vhost_that_another_protocol_serves_stays() -> None:
    """The vhost `/` cannot be deleted under memcacheq's port."""
    with reference_broker.running(management_port=0, memcacheq_port=0) as broker:
        status, body = Api(broker)("DELETE", "vhosts", "/")
        assert (status, "another protocol" in body["reason"]) == (400, True)
