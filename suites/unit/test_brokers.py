"""Brokers named by strings: the registry, endpoints, definitions, the probe, existing brokers."""

import base64
import hashlib
import itertools
import json
import os
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from suites.brokers import definitions, ports, probe, registry
from suites.brokers.base import CAPABILITIES, BrokerError, Endpoint, Identity, Unsupported
from suites.brokers.ctl_administration import CtlAdministration

START_PAYLOAD = (
    b"\x00\x0a\x00\x0a\x00\x09"  # connection.start, version 0-9
    b"\x00\x00\x00\x1f\x07productS\x00\x00\x00\x04stub\x07versionS\x00\x00\x00\x011"
    b"\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US"
)
START_FRAME = b"\x01\x00\x00" + len(START_PAYLOAD).to_bytes(4) + START_PAYLOAD + b"\xce"


@contextmanager
def answering(*chunks: bytes) -> Iterator[int]:
    """A port that answers each connection's protocol header with these chunks, then closes."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            assert self.request.recv(8) == b"AMQP\x00\x00\x09\x01"
            for chunk in chunks:
                self.request.sendall(chunk)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("reference", "reference"),
        ("reference:heartbeat=5", "reference"),
        ("reference:log-level=info,heartbeat=5", "reference"),
        ("rabbitmq", "rabbitmq"),
        ("rabbitmq:plugins=management", "rabbitmq"),
        ("garagemq", "garagemq"),
        ("docker:rabbitmq:4", "docker"),
        ("amqp://guest:guest@127.0.0.1:5672/%2F", "amqp"),
    ],
)
def test_a_string_names_a_broker(spec: str, kind: str) -> None:
    """Each kind parses its own form, keeps the string, and claims only known capabilities."""
    broker = registry.parse(spec)
    assert (broker.spec, broker.kind) == (spec, kind)
    assert broker.capabilities <= CAPABILITIES.keys()


def test_an_unknown_kind_is_refused_with_all_kinds() -> None:
    """The error names the wrong kind and shows every kind on a line of its own."""
    with pytest.raises(BrokerError, match="no kind of broker is named `rabitmq`") as caught:
        registry.parse("rabitmq")
    lines = str(caught.value).splitlines()[1:]
    assert len(lines) == len(registry.known()) == 8
    assert all(len(line.split("  ")) >= 2 for line in lines)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "reference:colour=red",
            "`reference` has no option `colour`; it takes channel-max, channel-max-per-node,",
        ),
        ("reference:heartbeat", "`heartbeat` should be one `heartbeat=VALUE`"),
        ("reference:heartbeat=", "`heartbeat=` should be one `heartbeat=VALUE`"),
        ("reference:heartbeat=1,heartbeat=2", "`heartbeat=2` should be one `heartbeat=VALUE`"),
        ("rabbitmq:3.10", "`rabbitmq` has no option `3.10`; it takes channel-max-per-node,"),
        ("rabbitmq:plugins=mqtt", "`plugins` can only be `management`"),
        ("rabbitmq:heartbeat=soon", "heartbeat is 'soon': give whole seconds, 0 to 65535"),
        ("rabbitmq:heartbeat=65536", "heartbeat is '65536': give whole seconds, 0 to 65535"),
        ("docker:", "which image"),
        ("amqp://", "write amqp://USER:PASSWORD@HOST:PORT/VHOST"),
        ("amqp://127.0.0.1:port/", "URL is wrong"),
        ("amqp://127.0.0.1/a/b", "as %2F"),
        ("amqp://broker.example/", "set MQPROOF_ALLOW_REMOTE=1"),
    ],
)
def test_a_wrong_string_is_refused_clearly(spec: str, message: str) -> None:
    """The error says which part is wrong and how it should be."""
    with pytest.raises(BrokerError) as caught:
        registry.parse(spec)
    assert message in str(caught.value)


def test_a_variant_changes_some_settings_and_keeps_the_others() -> None:
    """It is of the same kind; what its string does not take is unsupported, in one line."""
    given = registry.parse("reference:heartbeat=5,frame-max=8192")
    other = registry.variant(given, {"heartbeat": "0"})
    assert other.spec == "reference:frame-max=8192,heartbeat=0"
    assert registry.variant(registry.parse("rabbitmq"), {"heartbeat": "2"}).spec == (
        "rabbitmq:heartbeat=2"
    )
    for spec in ("rabbitmq", "amqp://127.0.0.1/", "docker:rabbitmq:4"):
        with pytest.raises(Unsupported, match="cannot be given another frame-max"):
            registry.variant(registry.parse(spec), {"frame-max": "8192"})


def test_a_remote_broker_needs_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host elsewhere is taken once the environment says that it may be hurt."""
    monkeypatch.setenv("MQPROOF_ALLOW_REMOTE", "1")
    assert registry.parse("amqp://broker.example/").endpoint.host == "broker.example"


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("amqp://localhost", Endpoint("localhost", 5672, "guest", "guest", "/")),
        ("amqp://localhost/", Endpoint("localhost", 5672, "guest", "guest", "/")),
        ("amqp://u:p%40%2F@127.0.0.2:7/a%2Fb", Endpoint("127.0.0.2", 7, "u", "p@/", "a/b")),
        ("amqp://[::1]:7/v", Endpoint("::1", 7, "guest", "guest", "v")),
    ],
)
def test_a_url_becomes_an_endpoint_and_back(url: str, endpoint: Endpoint) -> None:
    """What an AMQP URI leaves out has RabbitMQ's defaults; quoting goes both ways."""
    assert registry.parse(url).endpoint == endpoint
    assert registry.parse(endpoint.url).endpoint == endpoint


def test_a_password_is_not_shown() -> None:
    """Neither the broker's name, its errors nor an endpoint's repr shows the password."""
    broker = registry.parse("amqp://user:hush@127.0.0.1:7/")
    with pytest.raises(BrokerError) as caught:
        _ = broker.identity
    assert broker.name == "amqp://user:***@127.0.0.1:7/"
    assert "hush" not in str(caught.value) + repr(broker.endpoint)


def test_an_existing_broker_is_only_connected_to() -> None:
    """It is probed and identified, and refuses everything that would hurt it."""
    with (
        answering(START_FRAME) as port,
        registry.parse(f"amqp://guest:guest@127.0.0.1:{port}/") as broker,
    ):
        assert broker.alive()
        assert broker.identity == Identity("stub", "1", {})
        for hurt in (broker.stop, broker.kill, broker.restart, broker.pause, broker.resume):
            with pytest.raises(Unsupported, match="kind `amqp` cannot be"):
                hurt()
        with pytest.raises(Unsupported):
            broker.log_tail()


def test_an_absent_broker_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting on a port where nothing listens says where and why."""
    monkeypatch.setattr("suites.brokers.kinds.existing.START_TIMEOUT", 0.1)
    port = ports.free_port()
    with pytest.raises(BrokerError, match=f"no broker to test at 127.0.0.1:{port}.*refused"):
        registry.parse(f"amqp://127.0.0.1:{port}/").start()


@pytest.mark.parametrize(
    ("chunks", "reason"),
    [
        ((b"AMQP\x00\x00\x09\x01",), "no method frame"),
        ((b"HTTP/1.1 400 Bad Request\r\n",), "no method frame"),
        ((b"\x01\x00\x01\x00\x00\x00\x00\xce",), "no method frame on channel 0"),
        ((), "closed"),
        ((START_FRAME[:20],), "closed"),
        ((b"\x01\x00\x00\xff\xff\xff\xff\x00",), "claims 4294967303 bytes"),
        ((b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x1e\xce",), "cannot be decoded"),
        ((b"\x01\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x33\xce",), "no Connection.Start"),
    ],
)
def test_what_is_no_handshake_is_not_taken_for_one(chunks: tuple[bytes, ...], reason: str) -> None:
    """A header, another protocol, another channel or method, or half a frame is refused."""
    with answering(*chunks) as port, pytest.raises(probe.NoHandshake, match=reason):
        probe.handshake("127.0.0.1", port, 5.0)


def test_a_handshake_is_read_whole_in_pieces_and_with_trailing_bytes() -> None:
    """The answer may come in any chunks."""
    pieces = [START_FRAME[i : i + 1] for i in range(len(START_FRAME))]
    for chunks in ([START_FRAME], pieces, [START_FRAME + b"more"]):
        with answering(*chunks) as port:
            assert probe.handshake("127.0.0.1", port, 5.0)["product"] == "stub"


def test_a_silent_port_is_not_ready() -> None:
    """A port that accepts and never answers ends the wait at its deadline."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(BrokerError, match=r"no handshake within 0\.2 s"):
            probe.wait_ready("127.0.0.1", port, 0.2, lambda: None)


def test_a_free_port_is_free_and_not_given_twice() -> None:
    """Ports differ, skip those in use, and lie below the systems' outgoing range."""
    first = ports.free_port()
    with socket.create_server(("127.0.0.1", first + 1)):
        second = ports.free_port()
    assert second not in {first, first + 1}
    assert 20_000 <= first < second < 32_000 or second < first


def test_a_given_port_stays_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins the search at it, in another process too, gets the next one."""
    port = ports.free_port()
    monkeypatch.setattr(ports, "_turns", {os.getpid(): itertools.count(port - ports.FIRST)})
    assert ports.free_port() != port


def test_not_more_ports_are_reserved_than_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is let go, and can be given again."""
    monkeypatch.setattr(ports, "_reservations", deque())
    monkeypatch.setattr(ports, "RESERVED", 2)
    first, *_others = [ports.free_port() for _ in range(3)]
    monkeypatch.setattr(ports, "_turns", {os.getpid(): itertools.count(first - ports.FIRST)})
    assert ports.free_port() == first
    for reservation in ports._reservations:  # noqa: SLF001  made for this test alone
        os.close(reservation)


def test_definitions_hold_what_suites_expect() -> None:
    """Three vhosts; guest has no permission on the closed one; hashes follow RabbitMQ's rule."""
    content = json.loads(definitions.text())
    assert [vhost["name"] for vhost in content["vhosts"]] == [
        "/",
        "mqproof-other",
        "mqproof-closed",
    ]
    assert {(entry["user"], entry["vhost"]) for entry in content["permissions"]} == {
        ("guest", "/"),
        ("guest", "mqproof-other"),
        ("limited", "/"),
        ("configure-only", "/"),
        ("write-only", "/"),
        ("read-only", "/"),
    }
    for user in content["users"]:
        raw = base64.b64decode(user["password_hash"])
        password = {"limited": definitions.LIMITED_PASSWORD}.get(user["name"], user["name"])
        assert raw[4:] == hashlib.sha256(raw[:4] + password.encode()).digest()


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        ("Command 'set_user_limits' not found.", Unsupported),
        ("User 'nobody' does not exist", BrokerError),
    ],
)
def test_limits_of_users_may_not_be_there(said: str, raised: type[Exception]) -> None:
    """A RabbitMQ without the command has no such limits; any other refusal stays an error."""

    def ctl(*_words: str) -> str:
        raise BrokerError(f"`rabbitmqctl set_user_limits` failed (64): {said}")

    with pytest.raises(raised):
        CtlAdministration(ctl).limit_user("nobody", "max-channels", 1)
