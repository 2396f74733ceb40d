"""What the page is fed with beside RabbitMQ's API, and its files as they are served."""

import json
import re
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

import pytest

import reference_broker
from reference_broker.management import files
from reference_broker.management.legible import frame, legible, payload
from reference_broker.wire.framing import encode_frame, method_frame
from reference_broker.wire.recent import KEPT_OCTETS, RecentFrames
from suites import verify
from suites.clients.raw import RawClient
from suites.unit.test_management import Api, refusal

GUEST = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="}
PIECES = files.load()


@pytest.fixture
def api() -> Iterator[Api]:
    """The API of a broker in memory, for guest."""
    with reference_broker.running(management_port=0) as broker:
        yield Api(broker)


@pytest.fixture
def client(api: Api) -> Iterator[RawClient]:
    """A client with channel 1."""
    with RawClient.open(api.endpoint) as client:
        client.open_channel(1)
        yield client


def fetch(api: Api, address: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an address."""
    connection = HTTPConnection(api.broker.host, api.broker.management_port)
    try:
        connection.request("GET", address, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def own(api: Api, *path: str, **query: Any) -> Any:
    """What an address of our own tells guest."""
    address = "/".join(["/api/mqproof", *(quote(part, safe="") for part in path)])
    status, _headers, body = fetch(api, f"{address}?{urlencode(query)}", **GUEST)
    assert status == 200, body
    return json.loads(body)


def the_connection(api: Api) -> Any:
    """The only connection."""
    [one] = own(api, "connections")
    return one


# queues


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_look_changes_nothing(api: Api, client: RawClient, kind: str) -> None:
    """Messages are seen in their order, and afterwards come as they were, unflagged."""
    client.call(1, "queue.declare", queue="q", durable=True, arguments={"x-queue-type": kind})
    for body in (b"a", b"\xff", b"c"):
        client.publish(1, "", "q", body, headers={"n": 2**60})
    client.get(1, "q", no_ack=False)
    client.call(1, "basic.recover", requeue=True)
    seen = own(api, "queues", "/", "q", "messages")
    assert own(api, "queues", "/", "q", "messages") == seen
    order = [("a", True), ("/w==", False), ("c", False)]
    if kind == "quorum":  # what comes back goes to the end of the line
        order = [*order[1:], order[0]]
    assert [(one["payload"], one["redelivered"]) for one in seen] == order
    assert [one["place"] for one in seen] == [0, 1, 2]
    assert all(one["properties"] == {"headers": {"n": str(2**60)}} for one in seen)
    got = [client.get(1, "q") for _ in order]
    assert [one["redelivered"] for one in got if one is not None] == [o[1] for o in order]


def test_places_in_line(api: Api, client: RawClient) -> None:
    """A look may begin anywhere, also among what came back, and end among what was never out."""
    client.call(1, "queue.declare", queue="q")
    for number in range(6):
        client.publish(1, "", "q", str(number).encode())
    for _ in range(3):
        client.get(1, "q", no_ack=False)
    client.call(1, "basic.recover", requeue=True)

    def look(start: int, count: int) -> str:
        found = own(api, "queues", "/", "q", "messages", start=start, count=count)
        return "".join(one["payload"] for one in found)

    looks = [look(0, 2), look(1, 3), look(2, 2), look(4, 9), look(6, 1), look(0, 0)]
    assert looks == ["01", "123", "23", "45", "", ""]


@pytest.mark.parametrize("query", ["start=-1", "start=x", "count=101", "count=²"])
def test_places_that_cannot_be(api: Api, query: str) -> None:
    """400 says what is wrong."""
    api("PUT", "queues", "/", "q")
    address = f"/api/mqproof/queues/%2F/q/messages?{quote(query, safe='=')}"
    status, _headers, body = fetch(api, address, **GUEST)
    assert (status, b"cannot be" in body) == (400, True)


def test_who_may_look(api: Api) -> None:
    """A look at messages needs the right to read the queue; to see frames, an administrator."""
    api("PUT", "queues", "/", "q")
    user = api.as_user("u", "monitoring")
    assert user("GET", "mqproof", "queues", "/", "q", "messages") == (200, [])
    api("PUT", "permissions", "/", "u", body={"configure": "", "write": ".*", "read": "^$"})
    told = refusal("not_authorised", "Access refused.")
    assert user("GET", "mqproof", "queues", "/", "q", "messages") == (401, told)
    with RawClient.open(api.endpoint):
        name = the_connection(api)["name"]
        for method in ("PUT", "GET", "DELETE"):
            status, body = user(method, "mqproof", "connections", name, "frames")
            assert (status, body["reason"]) == (401, "Not administrator user")
    api("PUT", "vhosts", "v")
    seen = api.as_user("w", "management", vhost="v")
    assert seen("GET", "mqproof", "queues") == (200, [])
    assert seen("GET", "mqproof", "connections") == (200, [])
    assert seen("GET", "mqproof", "totals")[1]["entered"] == 0


def test_who_holds_what(api: Api, client: RawClient) -> None:
    """Unacknowledged messages are counted for each consumer, and apart for basic.get."""
    client.call(1, "queue.declare", queue="q")
    client.call(1, "queue.declare", queue="mine", exclusive=True)
    client.call(1, "basic.qos", prefetch_count=2)
    client.consume(1, "q", consumer_tag="eager")
    for _ in range(4):
        client.publish(1, "", "q", b"x")
    client.get(1, "q", no_ack=False)
    told = own(api, "queues", "/", "q")
    held = {one["consumer_tag"]: one["unacknowledged"] for one in told["holders"]}
    assert held == {"eager": 2, "": 1}
    assert {one["connection"] for one in told["holders"]} == {the_connection(api)["name"]}
    assert (told["messages_ready"], told["messages_unacknowledged"]) == (1, 3)
    owned = own(api, "queues", "/", "mine")["owner_pid_details"]["name"]
    assert owned == the_connection(api)["name"]
    assert the_connection(api)["exclusive_queues"] == ["mine"]
    client.call(1, "tx.select")
    client.send(1, "basic.ack", delivery_tag=1)
    client.sync(1)
    assert sum(one["unacknowledged"] for one in own(api, "queues", "/", "q")["holders"]) == 3


def test_totals(api: Api, client: RawClient) -> None:
    """What went through is counted, also of channels and queues that are gone since."""
    before = own(api, "totals")
    for queue in ("a", "b"):
        client.call(1, "queue.declare", queue=queue)
        client.call(1, "queue.bind", queue=queue, exchange="amq.fanout")
    for _ in range(3):
        client.publish(1, "amq.fanout", "", b"x")
    client.get(1, "a", no_ack=True)
    client.get(1, "a", no_ack=False)
    counts = {"entered": 6, "delivered": 2, "settled": 1}

    def risen() -> dict[str, int]:
        now = own(api, "totals")
        assert now["at"] >= before["at"]
        return {name: now[name] - before[name] for name in counts}

    assert risen() == counts
    client.call(1, "channel.close")
    client.open_channel(1)
    client.call(1, "queue.delete", queue="a")
    assert risen() == counts
    client.get(1, "b", no_ack=True)
    assert risen() == {"entered": 6, "delivered": 3, "settled": 2}


# connections


def test_how_long_a_client_is_silent(api: Api) -> None:
    """The age of what was heard last grows in silence, and a heartbeat begins it anew."""
    with RawClient.open(api.endpoint, heartbeat=60) as client:
        if the_connection(api)["silent"] is None:
            pytest.skip("this system does not tell what a socket has received")
        verify.eventually(
            lambda: the_connection(api)["silent"] > 0.5, "whether silence grows", wanted=True
        )
        before = the_connection(api)
        client.send_heartbeat()
        verify.eventually(
            lambda: the_connection(api)["silent"] < before["silent"], "heard", wanted=True
        )
        after = the_connection(api)
        assert after["received"] == before["received"] + 8
        assert (after["timeout"], after["sent"] > 0) == (60, True)


def frames(api: Api, name: str, after: int = 0) -> Any:
    """What is kept of a connection."""
    return own(api, "connections", name, "frames", after=after)


def names(told: Any) -> list[tuple[str, str]]:
    """Who said what."""
    return [(one["from"], one["name"]) for one in told["frames"]]


def test_frames_are_kept_on_demand(api: Api, client: RawClient) -> None:
    """From the moment that somebody asks, both ways, decoded, until he asks no more."""
    name = the_connection(api)["name"]
    where = ("mqproof", "connections", name, "frames")
    assert api("GET", *where)[0] == 404
    client.send_bytes(method_frame(1, "queue.declare", queue="q")[:9])  # a frame half here
    assert (the_connection(api)["watched"], api("PUT", *where)) == (False, (200, None))
    client.send_bytes(method_frame(1, "queue.declare", queue="q")[9:])
    client.expect(1, "queue.declare-ok")
    client.publish(1, "", "q", b"hello", priority=3)
    client.sync(1)
    told = frames(api, name)
    assert (told["open"], the_connection(api)["watched"]) == (True, True)
    assert names(told)[:5] == [
        ("client", "queue.declare"),
        ("broker", "queue.declare-ok"),
        ("client", "basic.publish"),
        ("client", "header"),
        ("client", "body"),
    ]
    declare, declared, _publish, header, body, *_rest = told["frames"]
    assert (declare["channel"], declare["arguments"]["queue"]) == (1, "q")
    assert declared["arguments"] == {"queue": "q", "message_count": 0, "consumer_count": 0}
    assert header["arguments"] == {"body_size": 5, "priority": 3}
    assert (body["payload"], body["size"], body["cut"]) == ("hello", 5, False)
    assert [one["number"] for one in told["frames"]] == list(range(1, told["seen"] + 1))
    assert frames(api, name, after=told["seen"])["frames"] == []
    assert api("DELETE", *where)[0] == 200
    assert [api(method, *where)[0] for method in ("GET", "DELETE")] == [404, 404]
    assert the_connection(api)["watched"] is False
    client.sync(1)


def test_the_last_frames_outlive_the_connection(api: Api) -> None:
    """So that it can be seen how it ended."""
    with RawClient.open(api.endpoint) as client:
        name = the_connection(api)["name"]
        api("PUT", "mqproof", "connections", name, "frames")
        api("DELETE", "connections", name)
        client.expect_connection_close(320)
    told = frames(api, name)
    assert told["open"] is False
    assert names(told)[:2] == [("broker", "connection.close"), ("client", "connection.close-ok")]
    assert told["frames"][0]["arguments"]["reply_code"] == 320


def test_not_many_are_watched(api: Api) -> None:
    """Who is watched longest gives way."""
    clients = [RawClient.open(api.endpoint) for _ in range(22)]
    try:
        opened = [one["name"] for one in own(api, "connections")]
        for name in opened:
            api("PUT", "mqproof", "connections", name, "frames")
        watched = {one["name"] for one in own(api, "connections") if one["watched"]}
        assert watched == set(opened[2:])
    finally:
        for client in clients:
            client.close()


# legible things


def seen(octets: bytes) -> Any:
    """A frame as it is told."""
    recent = RecentFrames()
    recent.add(octets, 1.5, from_client=False)
    [only] = recent.after(0)
    return frame(only)


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (encode_frame(1, 0, b"\x00\x0a\x00\x33"), {"name": "connection.close-ok", "arguments": {}}),
        (encode_frame(1, 0, b"\x00\x0a"), {"name": "unreadable"}),
        (encode_frame(2, 1, b""), {"name": "unreadable"}),
        (encode_frame(3, 1, b"\xff"), {"name": "body", "payload_encoding": "base64"}),
        (encode_frame(8, 0, b""), {"name": "heartbeat", "payload": ""}),
        (encode_frame(9, 0, b"x"), {"name": "unknown type", "payload": "x"}),
        (encode_frame(1, 0, b"")[:-1] + b"\x00", {"name": "no frame"}),
        (
            encode_frame(1, 0, b"\x00\x0a\x00\x33" * KEPT_OCTETS),
            {"name": "method", "cut": True, "size": 4 * KEPT_OCTETS},
        ),
    ],
)
def test_frames_of_all_kinds(octets: bytes, told: dict[str, Any]) -> None:
    """Whatever goes by is told of, as far as it can be read."""
    shown = seen(octets)
    assert {name: shown[name] for name in told} == told
    assert (shown["from"], shown["at"]) == ("broker", 1500)


def test_values_stay_exact() -> None:
    """JSON in browsers has no large integers and no infinity: these are text."""
    given = {"n": 2**53, "m": -(2**63), "s": [1, {"f": float("nan")}], "t": True}
    told = {"n": str(2**53), "m": str(-(2**63)), "s": [1, {"f": "nan"}], "t": True}
    assert legible(given) == told


def test_a_body_is_cut_between_characters() -> None:
    """A character that is cut in two does not make a text into octets."""
    octets = "zwölf ☃".encode()
    assert payload(octets[:-1], cut=True) == {"payload": "zwölf ", "payload_encoding": "string"}
    assert payload(octets[:-1], cut=False)["payload_encoding"] == "base64"


def test_names_that_are_no_text(api: Api, client: RawClient) -> None:
    """Octets that are no UTF-8 do not break the answer, here and in RabbitMQ's own address."""
    client.call(1, "queue.declare", queue="q")
    client.publish(1, "", "q", b"x", message_id="1")
    method = method_frame(1, "basic.publish", routing_key="q")
    header = b"\x00\x3c\x00\x00" + bytes(7) + b"\x01" + b"\x00\x80" + b"\x01\xff"
    client.send_bytes(method + encode_frame(2, 1, header) + encode_frame(3, 1, b"x"))
    client.sync(1)
    told = own(api, "queues", "/", "q", "messages")
    assert [one["properties"] for one in told] == [{"message_id": "1"}, {"message_id": "\udcff"}]
    body = {"count": 2, "ackmode": "ack_requeue_true", "encoding": "auto"}
    status, messages = api("POST", "queues", "/", "q", "get", body=body)
    assert (status, messages[1]["properties"]) == (200, {"message_id": "\udcff"})


# the files


def test_the_page_is_served(api: Api) -> None:
    """Each file has its type and the policy, comes without a login, and is not sent twice."""
    for address, piece in PIECES.items():
        status, headers, body = fetch(api, address)
        assert (status, body) == (200, piece.octets), address
        assert headers["Content-Type"] == piece.type
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        known = {"If-None-Match": headers["ETag"]}
        assert fetch(api, address, **known)[::2] == (304, b"")
    assert fetch(api, "/page/../files.py")[0] == 404
    assert fetch(api, "/page/missing.js")[0] == 404


def test_the_page_is_small_and_asks_nobody_else() -> None:
    """No address but this broker's, nothing that takes text for HTML, and few octets in all."""
    assert sum(len(piece.octets) for piece in PIECES.values()) < 100_000
    for address, piece in PIECES.items():
        text = piece.octets.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:|[\"'(]//", text), address
        forbidden = r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|style="
        assert not re.search(forbidden, text), address


def test_each_script_is_there() -> None:
    """What one file names, the broker serves."""
    for address, piece in PIECES.items():
        folder = "/page" if address == "/" else address.rpartition("/")[0]
        for named in re.findall(r"(?:from|src=|href=)\s*\"([./][^\"]*)\"", piece.octets.decode()):
            parts = [*folder.split("/"), *named.split("/")] if named[0] == "." else named.split("/")
            path: list[str] = []
            for part in parts:
                if part == "..":
                    path.pop()
                elif part != ".":
                    path.append(part)
            assert "/".join(path) in PIECES, f"{address}: {named}"
