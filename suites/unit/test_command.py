import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest

import reference_broker
from reference_broker.server.command import main

ROOT = Path(reference_broker.__file__).parents[1]
SOON = 20.0  # seconds; far more than a start or a stop takes on a busy machine
READY = re.compile(r"ready (amqp://guest:guest@127\.0\.0\.1:(\d+)/)\n")

Run = Callable[..., "subprocess.Popen[str]"]


def command(*arguments: str) -> list[str]:
    """The command line as a user types it."""
    return [sys.executable, "-m", "reference_broker", *arguments]


def refused(*arguments: str) -> str:
    """What is on standard error when the command ends with exit code 2; no traceback."""
    done = subprocess.run(  # noqa: S603  our own interpreter and package
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=SOON, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def serve() -> Iterator[Run]:
    """Starts brokers that are gone when the test is over."""
    started: list[subprocess.Popen[str]] = []

    def _serve(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(  # noqa: S603  our own interpreter and package
            command("serve", *arguments),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield _serve
    for process in started:
        process.kill()
        process.communicate(timeout=SOON)


def ready(process: "subprocess.Popen[str]") -> tuple[str, int]:
    """The address and port of the ready line, which is the last before clients may connect."""
    assert process.stdout is not None
    found = READY.fullmatch(process.stdout.readline())
    assert found
    return found[1], int(found[2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(serve: Run, number: signal.Signals) -> None:
    """The ready line gives a usable address; a signal closes clients with 320 and exits 0."""
    process = serve("--port", "0")
    url, _port = ready(process)
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare("q", exclusive=True)
    channel.basic_consume("q", lambda *_delivery: None)
    process.send_signal(number)
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as caught:
        connection.process_data_events(SOON)
    assert caught.value.reply_code == 320
    assert caught.value.reply_text.startswith("CONNECTION_FORCED")
    out, err = process.communicate(timeout=SOON)
    assert (process.returncode, out) == (0, "")
    told, *rest = err.splitlines()
    assert told == "in memory only: nothing outlives this process"
    # pika drops its socket with the Close, and its answer may go with it.
    assert all(line.endswith("gone without a close handshake (closed)") for line in rest)


def test_a_client_that_does_not_answer_is_not_waited_for(serve: Run) -> None:
    """A client that ignores Close, and one that never said a word, hold nothing up for long."""
    process = serve("--port", "0")
    url, port = ready(process)
    with (
        socket.create_connection(("127.0.0.1", port), SOON) as silent,
        socket.create_connection(("127.0.0.1", port), SOON) as half_way,
    ):
        half_way.sendall(b"AMQP\x00\x00\x09\x01")
        assert half_way.recv(1)
        connection = pika.BlockingConnection(pika.URLParameters(url))
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SOON)
        assert process.returncode == 0
        assert silent.recv(1) == b""
        with pytest.raises(pika.exceptions.AMQPConnectionError):
            connection.process_data_events(SOON)


def test_a_port_in_use(serve: Run) -> None:
    """The second broker on a port exits 2 and says what to do."""
    _url, port = ready(serve("--port", "0"))
    error = refused("serve", "--port", str(port))
    assert f"127.0.0.1:{port}: the port is in use" in error
    assert "--port" in error
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["serve", "--nonsense"], "--nonsense"),
        (["serve", "extra"], "extra"),
        (["serve", "--port", "65536"], "'65536' is not a whole number from 0 to 65535"),
        (["serve", "--port", "-1"], "--port"),
        (["serve", "--port", "http"], "'http' is not a whole number"),
        (["serve", "--frame-max", "4095"], "below the least that AMQP allows, 4096"),
        (["serve", "--frame-max", "4294967296"], "4294967296"),
        (["serve", "--frame-max", "lots"], "lots"),
        (["serve", "--channel-max", "65536"], "65536"),
        (["serve", "--heartbeat", "1.5"], "1.5"),
        (["serve", "--log-level", "loud"], "loud"),
        (["serve", "--semantics", "qpid"], "'qpid' is none of rabbitmq, spec"),
    ],
)
def test_a_wrong_command_line_exits_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], text: str
) -> None:
    """Unknown commands, options and values are refused by name, before anything is served."""
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    shown = capsys.readouterr()
    assert (caught.value.code, shown.out) == (2, "")
    assert "usage: python -m reference_broker" in shown.err
    assert text in shown.err.splitlines()[-1]


def test_an_address_of_another_machine() -> None:
    """What cannot be listened on exits 2 with one line that names it."""
    error = refused("serve", "--port", "0", "--host", "192.0.2.1")
    assert error.startswith("reference_broker: cannot listen on 192.0.2.1:0")
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize("content", [None, '{"queues": [{"name": "q"}]}'])
def test_definitions_that_cannot_be_used(tmp_path: Path, content: str | None) -> None:
    """A definitions file that is missing or wrong exits 2 with one line that names it."""
    path = tmp_path / "definitions.json"
    if content is not None:
        path.write_text(content)
    error = refused("serve", "--port", "0", "--definitions", str(path))
    assert str(path) in error
    assert len(error.splitlines()) == 1


def test_a_data_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """A path that is a file exits 2 with one line that names it."""
    path = tmp_path / "file"
    path.touch()
    error = refused("serve", "--port", "0", "--data-dir", str(path))
    assert str(path) in error
    assert len(error.splitlines()) == 1


def test_options_reach_the_broker(serve: Run) -> None:
    """The limits on the command line are those of connection.tune."""
    process = serve("--port", "0", "--frame-max", "4096", "--channel-max", "0", "--heartbeat", "0")
    _url, port = ready(process)
    with socket.create_connection(("127.0.0.1", port), SOON) as link:
        link.sendall(b"AMQP\x00\x00\x09\x01")
        answer = b""
        start_ok = (
            bytes.fromhex("000a000b00000000") + b"\x05PLAIN\x00\x00\x00\x0c\x00guest\x00guest\x00"
        )
        link.sendall(b"\x01\x00\x00" + len(start_ok).to_bytes(4, "big") + start_ok + b"\xce")
        while not answer.endswith(b"\xce") or b"\x00\x0a\x00\x1e" not in answer:
            answer += link.recv(4096)
    assert answer.endswith(bytes.fromhex("000a001e 0000 00001000 0000 ce"))


@pytest.mark.parametrize("command_name", [[], ["serve"]])
def test_help(command_name: list[str]) -> None:
    """Help goes to standard output, with the exit codes and an example."""
    done = subprocess.run(  # noqa: S603  our own interpreter and package
        command(*command_name, "--help"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage: python -m reference_broker" in done.stdout
    assert "python -m reference_broker serve --port 0" in done.stdout
    assert "SIGTERM" in done.stdout
