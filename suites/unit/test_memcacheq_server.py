"""The front ends' ports: opened, announced, refused, closed."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

import reference_broker
from reference_broker.broker.ports import StoreError
from reference_broker.server.listening import StartError
from reference_broker.storage.sqlite import SqliteStore


def ask(port: int, data: bytes) -> bytes:
    """What a server answers before it closes, to a client that sends this and no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        reply = b""
        while chunk := link.recv(65536):
            reply += chunk
        return reply


def test_no_port_unless_asked_for() -> None:
    """By default there is AMQP alone."""
    with reference_broker.running() as broker:
        assert (broker.memcacheq_port, broker.memcached_port) == (None, None)


def test_both_ports_of_an_embedded_broker() -> None:
    """Each speaks its own dialect, and is closed with the broker."""
    with reference_broker.running(memcacheq_port=0, memcached_port=0) as broker:
        assert broker.memcacheq_port is not None
        assert broker.memcached_port is not None
        assert ask(broker.memcacheq_port, b"set q 0 0 1\r\nx\r\n") == b"STORED\r\n"
        assert ask(broker.memcacheq_port, b"get q q\r\n") == b"VALUE q 0 1\r\nx\r\nEND\r\n"
        assert ask(broker.memcached_port, b"get q\r\n") == b"END\r\n"
        open_still = socket.create_connection(("127.0.0.1", broker.memcacheq_port), timeout=5)
        open_still.sendall(b"get q\r\n")
        assert open_still.recv(100) == b"END\r\n"
    with open_still:
        assert open_still.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        ask(broker.memcached_port, b"")


@pytest.mark.parametrize("option", ["memcacheq_port", "memcached_port"])
def test_a_port_in_use(option: str) -> None:
    """The error names the address and the option, and the broker does not start."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        name = option.replace("_", "-")
        wanted = (
            f"cannot listen on 127.0.0.1:{port}: the port is in use; choose another with --{name}"
        )
        with (
            pytest.raises(StartError, match=wanted),
            reference_broker.running(**{"memcacheq_port": 0, option: port}),
        ):
            pass


def test_the_item_size_and_the_profile_are_settings() -> None:
    """Strict has the real server's limit, unless another is given."""
    large = b"set q 0 0 1500\r\n" + b"x" * 1500 + b"\r\n"
    refused = b"SERVER_ERROR out of memory storing object\r\n"
    for settings, reply in (
        ({}, b"STORED\r\n"),
        ({"memcacheq_profile": "strict"}, refused),
        ({"memcacheq_profile": "strict", "memcacheq_item_size": 2000}, b"STORED\r\n"),
        ({"memcacheq_item_size": 1024}, refused),
    ):
        with reference_broker.running(memcacheq_port=0, **settings) as broker:
            assert broker.memcacheq_port is not None
            assert ask(broker.memcacheq_port, large) == reply


def test_read_options_may_be_switched_off() -> None:
    """Then they are part of the name, for set and for get."""
    with reference_broker.running(memcacheq_port=0, memcacheq_reliable=False) as broker:
        assert broker.memcacheq_port is not None
        reply = ask(broker.memcacheq_port, b"set q/peek 0 0 1\r\nx\r\nget q/peek\r\nget q/peek\r\n")
    assert reply == b"STORED\r\nVALUE q/peek 0 1\r\nx\r\nEND\r\nEND\r\n"


def test_the_command_line_announces_every_port() -> None:
    """One line a port, AMQP's last."""
    command = [sys.executable, "-m", "reference_broker", "serve", "--port", "0"]
    options = ["--memcacheq-port", "0", "--memcached-port", "0"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  ours
        assert process.stdout is not None
        lines = [process.stdout.readline().split("://")[0] for _ in range(3)]
        process.terminate()
        assert process.wait(10) == 0
    assert lines == ["ready memcacheq", "ready memcached", "ready amqp"]


def test_a_commit_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told STORED: the client hears why, and the connection ends."""
    replies = []
    with (  # noqa: PT012  raised when the block ends
        pytest.raises(StoreError, match="the disk is full"),
        monkeypatch.context() as patch,
        reference_broker.running(memcacheq_port=0, data_dir=tmp_path / "data") as broker,
    ):
        assert broker.memcacheq_port is not None
        replies.append(ask(broker.memcacheq_port, b"set q 0 0 1\r\nx\r\n"))
        patch.setattr(SqliteStore, "commit", refuse)
        replies.append(ask(broker.memcacheq_port, b"set q 0 0 1\r\ny\r\n"))
    assert replies == [b"STORED\r\n", b"SERVER_ERROR the disk is full\r\n"]


def refuse(_store: SqliteStore) -> None:
    """Commit nothing."""
    raise StoreError("the disk is full")
