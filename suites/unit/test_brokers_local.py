"""The life of a broker's process, on a stub that starts in no time."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from suites.brokers import ports
from suites.brokers.base import BrokerError, UnendingError
from suites.brokers.kinds import reference
from suites.brokers.local import LocalBroker
from suites.brokers.process import Command
from suites.brokers.sandbox import Sandbox

STUB = textwrap.dedent(
    r"""
    import os, pathlib, signal, socket, subprocess, sys, time
    mode, port, folder = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])
    print("pid", os.getpid(), "serves", port, flush=True)
    if mode == "broken":
        sys.exit("the colour is wrong")
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (folder / "child.pid").write_text(str(child.pid))
    payload = bytes.fromhex("000a000a0009") + bytes(4) + b"\0\0\0\5PLAIN\0\0\0\5en_US"
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        link, _ = listener.accept()
        with link:
            if mode == "silent":
                time.sleep(600)
            if link.recv(8) == b"AMQP\0\0\x09\1":
                link.sendall(b"\1\0\0" + len(payload).to_bytes(4) + payload + b"\xce")
    """
)


class Stub(LocalBroker):
    """A process that answers the protocol header, or misbehaves as its mode says."""

    kind = "stub"
    capabilities = frozenset({"restart", "kill", "pause", "logs"})
    start_timeout = 10.0
    stop_timeout = 0.3

    def __init__(self, mode: str = "good") -> None:
        super().__init__(f"stub:{mode}")
        self.mode = mode

    def _prepare(self, sandbox: Sandbox, port: int) -> None:
        del port
        (sandbox.folder / "stub.py").write_text(STUB, encoding="utf-8")

    def _command(self, folder: Path, port: int) -> Command:
        argv = [sys.executable, f"{folder}/stub.py", self.mode, str(port), str(folder)]
        return Command(argv, dict(os.environ))

    def child(self) -> int:
        """The pid of the stub's own child."""
        return int((self.folder / "child.pid").read_text(encoding="ascii"))


def eventually(condition: Callable[[], bool], timeout: float = 10.0) -> bool:
    """Whether the condition comes true within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def gone(pid: int) -> bool:
    """Whether no such process runs; a zombie that nobody reaps counts as gone."""
    words = ["ps", "-o", "stat=", "-p", str(pid)]
    done = subprocess.run(words, check=False, capture_output=True, text=True)  # noqa: S603  fixed
    stat = done.stdout
    return not stat.strip() or stat.strip().startswith("Z")


def test_close_leaves_nothing() -> None:
    """Process, its children and the folder are gone; closing again is harmless."""
    broker = Stub()
    broker.start()
    folder, pids = broker.folder, (broker.pid, broker.child())
    broker.close()
    broker.close()
    assert all(eventually(lambda pid=pid: gone(pid)) for pid in pids)  # type: ignore[misc]
    assert not folder.exists()
    assert not broker.alive()


def test_restart_keeps_port_and_folder() -> None:
    """The endpoint and the folder outlive stop, kill and start; the process does not."""
    with Stub() as broker:
        endpoint, folder, first = broker.endpoint, broker.folder, broker.pid
        assert broker.restart() == endpoint
        second = broker.pid
        broker.kill()
        assert not broker.alive()
        assert not broker.ready()
        assert broker.start() == broker.start() == endpoint
        assert broker.folder == folder
        assert len({first, second, broker.pid}) == 3
        assert broker.log_tail(3).count(f"serves {endpoint.port}") == 3
        assert broker.log_tail(1).startswith(f"pid {broker.pid}")


def test_a_paused_broker_lives_and_does_not_answer() -> None:
    """Connections succeed, no handshake comes, and it answers again when resumed."""
    with Stub() as broker:
        broker.pause()
        assert broker.alive()
        assert not broker.ready(0.2)
        broker.resume()
        assert broker.ready()
        broker.pause()
        broker.stop()
        assert not broker.alive()


def test_a_broker_that_dies_by_itself_is_noticed() -> None:
    """It is not alive, its children are ended with it, and start brings it back."""
    with Stub() as broker:
        child = broker.child()
        os.kill(broker.pid, signal.SIGKILL)
        assert eventually(lambda: not broker.alive())
        assert eventually(lambda: gone(child))
        with pytest.raises(BrokerError, match="has ended"):
            broker.pause()
        broker.start()
        assert broker.ready()


def test_a_broker_that_exits_at_start_shows_its_log() -> None:
    """The error holds the status and what was printed, and nothing stays behind."""
    broker = Stub("broken")
    with pytest.raises(BrokerError, match=r"status 1; its log ends with:\n.*\nthe colour is wrong"):
        broker.start()
    assert not broker.alive()
    with pytest.raises(BrokerError, match="has not been started"):
        _ = broker.folder


def test_a_broker_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that accepts is not readiness: the start fails at its deadline."""
    monkeypatch.setattr(Stub, "start_timeout", 1.0)
    with pytest.raises(BrokerError, match="no handshake within 1 s"):
        Stub("silent").start()


def test_a_broker_that_ignores_the_request_to_stop_is_killed() -> None:
    """Stop says so instead of passing it off as graceful."""
    with Stub("stubborn") as broker:
        with pytest.raises(UnendingError, match=r"did not end within 0.3 s of SIGTERM"):
            broker.stop()
        assert not broker.alive()


def test_before_the_start_there_is_nothing_to_treat() -> None:
    """Asking for the endpoint, pid or a pause says that it was not started."""
    broker = Stub()
    with pytest.raises(BrokerError, match="stub:good has not been started"):
        _ = broker.endpoint
    with pytest.raises(BrokerError, match="stub:good does not run"):
        _ = broker.pid
    with pytest.raises(BrokerError, match="stub:good has not been started"):
        broker.pause()
    broker.close()


def test_a_port_taken_meanwhile_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """When another process wins the race for the port, the start is repeated on a new one."""
    with socket.create_server(("127.0.0.1", 0)) as rival:
        taken, free = rival.getsockname()[1], ports.free_port()
        offers = iter([taken, free])
        monkeypatch.setattr(ports, "free_port", lambda: next(offers))
        monkeypatch.setattr(Stub, "start_timeout", 2.0)
        with Stub() as broker:
            assert broker.endpoint.port == free


OWNER = textwrap.dedent(
    """
    import signal, sys
    from suites.brokers.registry import parse
    from suites.unit.test_brokers_local import Stub
    broker = Stub() if sys.argv[1] == "stub" else parse(sys.argv[1])
    broker.start()
    print(broker.pid, broker.folder, flush=True)
    if sys.argv[2] == "wait":
        signal.pause()
    """
)
PROJECT = Path(__file__).parents[2]


def run_owner(spec: str, ending: str) -> tuple[int, Path]:
    """Start a broker from another process, end that process so, and give the pid and folder."""
    env = {**os.environ, "PYTHONPATH": str(PROJECT)}
    words = [sys.executable, "-c", OWNER, spec, ending]
    owner = subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)  # noqa: S603  fixed
    with owner:
        assert owner.stdout is not None
        pid, folder = owner.stdout.readline().split()
        if ending == "wait":
            assert not gone(int(pid))
            owner.kill()
    return int(pid), Path(folder)


@pytest.mark.parametrize("ending", ["return", "wait"])
def test_nothing_outlives_the_harness(ending: str) -> None:
    """A harness that returns without closing, or is killed, leaves neither process nor folder."""
    pid, folder = run_owner("stub", ending)
    assert eventually(lambda: gone(pid))
    assert eventually(lambda: not folder.exists())


def test_a_command_in_a_sandbox_gives_output_or_an_error() -> None:
    """Output is returned, a failing status, a missing program or a hang is an error."""
    sandbox = Sandbox("unit")

    def run(*words: str, timeout: float = 10.0) -> str:
        return sandbox.run(Command(words, dict(os.environ)), timeout)

    assert run("sh", "-c", "echo out; echo err >&2") == "out\nerr\n"
    with pytest.raises(BrokerError, match=r"`sh -c .*` failed \(3\): why"):
        run("sh", "-c", "echo why; exit 3")
    with pytest.raises(BrokerError, match=r"did not end within 0.1 s"):
        run("sleep", "60", timeout=0.1)
    with pytest.raises(BrokerError, match="cannot execute no-such-program"):
        run("no-such-program")
    assert [path.suffix for path in sandbox.folder.iterdir()] in ([], [".log"])
    sandbox.close()


def test_the_reference_broker_is_served_with_the_suites_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-m PACKAGE serve` gets a port, the definitions, a folder for data, and the options."""
    package = tmp_path / "stub_broker"
    package.mkdir()
    (package / "__init__.py").touch()
    serve = (
        "import sys\nprint(sys.argv[1:], 'ready amqp://', flush=True)\n"
        "sys.argv[1:] = ['good', sys.argv[3], '.']"
    )
    (package / "__main__.py").write_text(serve + STUB, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(reference, "PACKAGE", "stub_broker")
    with reference.ReferenceBroker("heartbeat=5") as broker:
        port, folder = broker.endpoint.port, broker.folder
        files = ["--definitions", f"{folder}/definitions.json", "--data-dir", f"{folder}/data"]
        words = ["serve", "--port", str(port), *files, "--heartbeat", "5"]
        texts = [f"--{name}-port={number}" for name, number in broker.text_ports.items()]
        assert str([*words, *texts]) in broker.log_tail()
        assert (folder / "definitions.json").is_file()
        assert (folder / "data").is_dir()
        assert broker.identity.configuration == {"heartbeat": "5"}
