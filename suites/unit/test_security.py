"""What the threat model of `reference_broker.broker.access` claims, on the broker itself."""

import contextlib
import hashlib
import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

import reference_broker
from reference_broker.broker.access import Access
from reference_broker.broker.passwords import (
    SCRYPT,
    SHA256,
    check_hash,
    hash_password,
    matches,
    scrypt_password,
)
from reference_broker.config import Config
from reference_broker.protocol.connection import STRANGERS_HEARTBEATS
from reference_broker.protocol.states import Phase
from reference_broker.session.session import Session
from reference_broker.wire.framing import HEARTBEAT, PREFIX, method_frame
from reference_broker.wire.spec import PROTOCOL_HEADER
from suites.brokers.base import Endpoint
from suites.brokers.http_administration import HttpAdministration
from suites.brokers.kinds.reference import ReferenceBroker
from suites.clients.memcache import TextClient
from suites.clients.raw import RawClient
from suites.clients.transcript import Transcript
from suites.fuzz.world import Wire, World
from suites.verify import Mismatch

SECRET, WRONG, RENEWED = "hunter2-secret", "hunter3-wrong", "hunter4-renewed"
FIRST_FRAMES = 4096 + 8  # octets that a client may have on its way before it is known
HOSTILE = ("../../x", "/etc/passwd", "..", "a\0b", "x" * 255, "<script>alert(1)</script>", "\u202e")
ADDRESSES = ("users", "definitions", "connections", "channels", "overview", "queues", "whoami")


# before a client has logged in


@pytest.mark.parametrize("greeting", [b"", PROTOCOL_HEADER], ids=["at once", "after the header"])
def test_what_is_buffered_of_a_stranger_is_bounded(greeting: bytes) -> None:
    """However much comes, no more is kept than one frame of the smallest frame-max."""
    world = World()
    session = Session(world.hub, Wire())
    session.receive(greeting)
    pieces = (PREFIX.pack(1, 0, 4096), *[bytes(1000)] * 200)
    for piece in pieces:
        session.receive(piece)
        assert len(session.protocol._buffer) <= FIRST_FRAMES  # noqa: SLF001  what is bounded
    assert session.protocol.phase is Phase.CLOSED


def test_a_larger_frame_of_a_stranger_is_refused_by_its_size() -> None:
    """Its length alone ends the connection, before anything of it has come."""
    world = World()
    wire = Wire()
    session = Session(world.hub, wire)
    session.receive(PROTOCOL_HEADER + PREFIX.pack(1, 0, 4097))
    world.hub.settle()
    assert wire.closed


def test_the_frames_of_a_stranger_are_bounded() -> None:
    """A hundred heartbeats before login are borne, one more ends the connection without a word."""
    world = World()
    wire = Wire()
    session = Session(world.hub, wire)
    session.receive(PROTOCOL_HEADER + HEARTBEAT * STRANGERS_HEARTBEATS)
    world.hub.settle()
    assert not wire.closed
    session.receive(HEARTBEAT)
    world.hub.settle()
    assert wire.closed


def test_who_has_opened_may_send_heartbeats_without_end() -> None:
    """The bound is for strangers alone."""
    with (
        reference_broker.running() as broker,
        RawClient.open(Endpoint(broker.host, broker.port)) as client,
    ):
        client.send_bytes(HEARTBEAT * 10 * STRANGERS_HEARTBEATS)
        client.open_channel(1)


def test_a_stranger_who_keeps_talking_is_ended_in_time() -> None:
    """Heartbeats, fewer than are too many, do not prolong the time for the handshake."""
    with reference_broker.running(handshake_timeout=0.5) as broker:
        began = time.monotonic()
        with socket.create_connection((broker.host, broker.port), 10) as client:
            client.sendall(PROTOCOL_HEADER)
            with contextlib.suppress(OSError):
                while time.monotonic() - began < 30:
                    client.sendall(HEARTBEAT)
                    time.sleep(0.02)  # 25 of them until it is over
        assert time.monotonic() - began < 30


# guessing


def cpu_of(call: Callable[[], object]) -> float:
    """Seconds of CPU that a call takes."""
    began = time.process_time()
    call()
    return time.process_time() - began


def test_wrong_passwords_and_unknown_users_cost_the_same() -> None:
    """The medians of CPU time differ by less than half, with a hash that dwarfs all else."""
    access = Access(SCRYPT)
    access.add("known", access.hash(SECRET))
    pairs = [
        (
            cpu_of(lambda: access.authenticate("known", WRONG)),
            cpu_of(lambda: access.authenticate("unknown", WRONG)),
        )
        for _ in range(9)
    ]
    ratio = median(known for known, _ in pairs) / median(unknown for _, unknown in pairs)
    assert 0.67 < ratio < 1.5


@pytest.mark.parametrize("algorithm", [SHA256, SCRYPT])
def test_both_do_the_very_same_work(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For either algorithm, one hash is made for a known user and one for an unknown one."""
    access = Access(algorithm)
    access.add("known", access.hash(SECRET))
    made: list[str] = []

    def counted(name: str) -> Callable[..., Any]:
        real: Callable[..., Any] = getattr(hashlib, name)

        def count(*arguments: Any, **named: Any) -> Any:
            made.append(name)
            return real(*arguments, **named)

        return count

    for name in ("sha256", "scrypt"):
        monkeypatch.setattr(hashlib, name, counted(name))
    for user in ("known", "unknown"):
        assert access.authenticate(user, WRONG) is None
    assert made == ["scrypt" if algorithm == SCRYPT else "sha256"] * 2


# how passwords are kept


def test_scrypt_hashes() -> None:
    """They are salted, in the PHC form, match their password alone, and are what RFC 7914 says."""
    one, two = scrypt_password(SECRET), scrypt_password(SECRET)
    assert one != two
    assert one.startswith("$scrypt$ln=14,r=8,p=1$")
    for known in (one, two):
        check_hash(known)
        assert matches(SECRET, known)
        assert not matches(WRONG, known)
    # The third vector of RFC 7914, section 12: its first 32 octets.
    vector = "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGbHAG2G5m7m8g2V7LeJ3rKJkzCkcq7oc"
    expected = hashlib.scrypt(
        b"pleaseletmein", salt=b"SodiumChloride", n=16384, r=8, p=1, maxmem=2**26, dklen=32
    )
    assert expected.hex().startswith("7023bdcb3afd7348461c06cd81fd38eb")
    assert not matches("pleaseletmein", vector)  # of which only the beginning is right


@pytest.mark.parametrize(
    "known",
    [
        "$scrypt$",
        "$scrypt$ln=14,r=8,p=1$salt",
        "$scrypt$ln=30,r=8,p=1$c2FsdA$c2FsdA",
        "$scrypt$ln=0,r=8,p=1$c2FsdA$c2FsdA",
        "$scrypt$ln=14,r=8,p=1$a$c2FsdA",
        "not base64!",
    ],
)
def test_hashes_that_are_none_are_refused(known: str) -> None:
    """A definitions file cannot bring what no password matches, or what takes all memory."""
    with pytest.raises(ValueError, match=r".+"):
        check_hash(known)


def test_who_was_right_is_not_made_to_wait_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second login costs no dear hash, but another password, or a changed one, does."""
    access = Access(SCRYPT)
    access.add("known", access.hash(SECRET))
    assert access.authenticate("known", SECRET) is not None
    monkeypatch.setattr(hashlib, "scrypt", None)
    assert access.authenticate("known", SECRET) is access.users["known"]
    with pytest.raises(TypeError):
        access.authenticate("known", WRONG)
    access.add("known", hash_password(WRONG))
    assert access.authenticate("known", SECRET) is None
    assert access.authenticate("known", WRONG) is not None


@pytest.fixture(scope="module", params=["sha256", "scrypt"])
def broker(request: pytest.FixtureRequest) -> Iterator[ReferenceBroker]:
    """A broker's process that logs all it can, with its API and its data directory."""
    made = ReferenceBroker(f"log-level=debug,password-hashing={request.param}")
    made.administered = True
    with made:
        administration(made).add_user("eve", SECRET, ["management"])
        administration(made).permit("eve", "/", ".*", ".*", ".*")
        yield made


def administration(broker: ReferenceBroker) -> HttpAdministration:
    """The broker's API."""
    made = broker.administration()
    assert isinstance(made, HttpAdministration)
    return made


def kept(folder: Path) -> bytes:
    """All octets of all files below a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_passwords_are_nowhere_in_the_clear(broker: ReferenceBroker) -> None:
    """Neither right nor wrong ones are in the log, in the data, or in what the API answers."""
    where = broker.endpoint
    for password in (SECRET, WRONG):
        for mechanism, response in (
            ("PLAIN", f"\0eve\0{password}".encode()),
            ("AMQPLAIN", b"\x05LOGINS\0\0\0\x03eve\x08PASSWORDS" + sized(password)),
        ):
            client = RawClient(where)
            try:
                client.handshake(mechanism=mechanism, response=response)
            except Mismatch:
                assert password == WRONG
            else:
                assert password == SECRET
            client.link.close()
    api = administration(broker).api
    answers = json.dumps([api.call("GET", address) for address in ADDRESSES])
    everything = kept(broker.folder) + answers.encode()
    assert b"eve" in everything
    for password in (SECRET, WRONG):
        assert password.encode() not in everything


def sized(text: str) -> bytes:
    """A long string."""
    return len(text).to_bytes(4, "big") + text.encode()


def test_the_frames_of_a_connection_show_no_secret(broker: ReferenceBroker) -> None:
    """Who looks at a connection's last frames sees that there was a secret, and not which."""
    api = administration(broker).api
    with RawClient.open(Endpoint(broker.endpoint.host, broker.endpoint.port)) as client:
        name = f"127.0.0.1:{client.link.port} -> 127.0.0.1:{broker.endpoint.port}"
        address = ("mqproof", "connections", name, "frames")
        api.call("PUT", *address)
        client.call(0, "connection.update-secret", new_secret=RENEWED.encode(), reason="r")
        shown = json.dumps(api.call("GET", *address))
    assert "connection.update-secret" in shown
    assert RENEWED not in shown


def files(folder: Path) -> set[str]:
    """The names of all files, those aside that the database makes and removes again."""
    names = {str(path.relative_to(folder)) for path in folder.rglob("*")}
    return {name for name in names if not name.endswith(("-wal", "-shm", "-journal"))}


def test_names_from_the_wire_never_become_paths(broker: ReferenceBroker) -> None:
    """Queues, exchanges and memcacheq's queues of hostile names leave no file behind."""
    before = files(broker.folder)
    with RawClient.open(broker.endpoint) as client:
        client.open_channel(1)
        client.call(1, "confirm.select")
        for name in HOSTILE:
            client.call(1, "queue.declare", queue=name, durable=True)
            client.call(1, "exchange.declare", exchange=name, type="fanout", durable=True)
            client.publish(1, "", name, b"x", delivery_mode=2)
            client.expect(1, "basic.ack")
    text = TextClient("127.0.0.1", broker.text_ports["memcacheq"], Transcript(), "T")
    for octets in (b"../../y", b"/etc/passwd.y", b"..", b"\xff\xfe"):
        text.call(b"set %b 0 0 1\r\nx\r\n" % octets, b"STORED\r\n")
    text.close()
    assert files(broker.folder) == before
    broker.restart()
    api = administration(broker).api
    assert set(HOSTILE) <= {queue["name"] for queue in api.call("GET", "queues")}


# who may come from where


def test_loopback_is_the_default() -> None:
    """Nobody outside the machine reaches a broker that was not told otherwise."""
    assert Config().host == "127.0.0.1"


@pytest.mark.parametrize("local", [True, False])
def test_guest_comes_from_this_machine_alone(local: bool) -> None:
    """With the right password guest is refused elsewhere, and other users are not."""
    logging.disable(logging.CRITICAL)
    world = World()
    world.broker.add_user("eve", world.broker.access.hash(SECRET))
    for name, password in (("guest", "guest"), ("eve", SECRET)):
        wire = Wire()
        wire.local = local
        session = Session(world.hub, wire)
        login = f"\0{name}\0{password}".encode()
        session.receive(
            PROTOCOL_HEADER
            + method_frame(0, "connection.start-ok", mechanism="PLAIN", response=login)
        )
        world.hub.settle()
        assert wire.closed is (name == "guest" and not local)
    logging.disable(logging.NOTSET)
