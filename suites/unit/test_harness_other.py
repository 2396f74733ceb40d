"""What is no broker at all, a run in which every verdict occurs, and a record that ends early."""

import contextlib
import json
import os
import socket
import threading
from pathlib import Path
from typing import cast
from xml.etree import ElementTree as ET

import pytest

from reports.__main__ import main
from reports.analyse import tally
from reports.load import load
from reports.model import RecordError, Verdict
from reports.render import PAGES, RENDERERS, words
from suites.brokers.base import BrokerError
from suites.brokers.kinds import existing
from suites.brokers.registry import parse
from suites.harness.workers import pytest_xdist_auto_num_workers
from suites.unit.test_harness import CRASH, TESTS, Lies, Run

SHORT = 0.5  # seconds that the harness waits for a handshake here
CPUS = os.cpu_count() or 1
CUTS = (0.02, 0.2, 0.4, 0.5, 0.6, 0.8, 0.95)  # of a record's length


class Stranger:
    """A port that says one thing to whoever connects; without a thing to say it listens on."""

    def __init__(self, answer: bytes | None) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._met: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # it is closed, or the client has gone first
            while True:
                client, _address = self._listener.accept()
                self._met.append(client)
                if self._answer is not None:
                    client.recv(64)
                    client.sendall(self._answer)
                    client.close()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._met:
            client.close()


@pytest.fixture(scope="module")
def lies(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which every verdict occurs."""
    with Lies().liar as liar:
        return Run(tmp_path_factory.mktemp("lies"), TESTS, "--broker", liar.endpoint.url)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "(it speaks HTTP)"),
        (b"ERROR\r\n", "(it speaks a text protocol, such as memcached's)"),
        (b"AMQP\x00\x01\x00\x00", "(it asks for AMQP 1.0)"),
        (b"AMQP\x03\x01\x00\x00", "(it asks for AMQP 1.0 with SASL)"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "(it speaks TLS)"),
        (b"\xde\xad\xbe\xef" * 4, "no method frame on channel 0"),
        (b"\x01\x00\x00\xff\xff\xff\xff\xce", "the first frame claims"),
        (b"\x01\x00\x00\x00\x00\x00\x01\x00\xce", "cannot be decoded"),
        (b"", "the connection was closed after b''"),
        (None, "timed out"),
    ],
)
def test_who_is_no_broker_is_told_apart(
    answer: bytes | None, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else answers, the error says what it said, where, and what to do."""
    monkeypatch.setattr(existing, "START_TIMEOUT", SHORT)
    stranger = Stranger(answer)
    with pytest.raises(BrokerError) as caught:
        parse(f"amqp://127.0.0.1:{stranger.port}").start()
    stranger.close()
    text = str(caught.value)
    assert told in text
    assert text.startswith(f"no broker to test at 127.0.0.1:{stranger.port}: no handshake within")
    assert text.endswith("; start one")
    assert "\n" not in text


def test_a_run_against_no_broker_is_all_errors(tmp_path: Path) -> None:
    """Nothing is blamed on a broker that is not there; the run fails and says why."""
    stranger = Stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    short = f"from suites.brokers.kinds import existing\nexisting.START_TIMEOUT = {SHORT}\n"
    good = CRASH[CRASH.index('@pytest.mark.requirement("header/higher-version")') :]
    run = Run(
        tmp_path,
        f"import pytest\n{short}\n{good}",
        "--broker",
        f"amqp://127.0.0.1:{stranger.port}",
    )
    stranger.close()
    assert run.code != 0
    assert "(it speaks HTTP)" in run.text
    assert {case.verdict for case in run.record.cases} <= {Verdict.ERROR}


def test_every_verdict_occurs(lies: Run) -> None:
    """The run has each of them, counts them in its footer, and fails."""
    record = lies.record
    assert {case.verdict for case in record.cases} == set(Verdict)
    assert record.footer is not None
    assert record.footer.counts == tally(case.verdict for case in record.cases)
    assert record.footer.exit_code == lies.code == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize("name", RENDERERS)
def test_every_renderer_tells_the_run(lies: Run, name: str) -> None:
    """Each form of it is made; pages have its headline, documents can be read by machines."""
    page = RENDERERS[name](lies.record)
    assert page.strip()
    if name in PAGES:
        assert words.headline(lies.record) in " ".join(page.split())
        assert "FAILED" in page
    elif name == "ctrf":
        assert len(json.loads(page)["results"]["tests"]) == len(lies.record.cases)
    elif page.startswith("<"):
        ET.fromstring(page)  # noqa: S314  our own


@pytest.fixture(params=CUTS)
def cut(request: pytest.FixtureRequest, lies: Run, tmp_path: Path) -> Path:
    """The run's record, cut off somewhere."""
    octets = lies.path.read_bytes()
    path = tmp_path / "cut.jsonl"
    path.write_bytes(octets[: int(len(octets) * request.param)])
    return path


@pytest.mark.parametrize("name", RENDERERS)
def test_a_record_cut_anywhere_is_shown_as_far_as_it_goes(cut: Path, name: str) -> None:
    """What is whole is rendered, and no page takes the rest for passed; a clear line else."""
    try:
        record = load(cut)
    except RecordError:  # not even its header is whole
        assert cut.read_bytes().count(b"\n") == 0
        return
    assert not record.complete
    page = RENDERERS[name](record)
    assert page.strip()
    if name in PAGES:
        assert "The record has no footer" in page


def test_a_record_cut_anywhere_costs_one_line(
    cut: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command shows it, or says in one line why it cannot."""
    code = main(["render", str(cut), "--format", "markdown", "--output", str(cut) + ".md"])
    told = capsys.readouterr()
    assert code == 0 or told.err.count("\n") == 1
    assert "Traceback" not in told.err + told.out


@pytest.mark.parametrize(
    ("arguments", "workers"),
    [
        (["suites/amqp"], max(6, CPUS)),
        (["--broker", "reference:semantics=spec", "suites/amqp/test_qos.py::test_x"], max(6, CPUS)),
        (["--broker", "rabbitmq", "suites/amqp", "suites/durability"], max(4, CPUS)),
        (["suites/amqp", "suites/unit"], None),
    ],
)
def test_workers_side_by_side(
    monkeypatch: pytest.MonkeyPatch,
    pytestconfig: pytest.Config,
    arguments: list[str],
    workers: int | None,
) -> None:
    """More than processors where all that runs is judged, unless the environment says how many."""
    monkeypatch.delenv("PYTEST_XDIST_AUTO_NUM_WORKERS", raising=False)
    monkeypatch.chdir(pytestconfig.rootpath)
    config = cast("pytest.Config", _Arguments(arguments))
    assert pytest_xdist_auto_num_workers(config) == workers
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "3")
    assert pytest_xdist_auto_num_workers(config) is None


class _Arguments:
    """What the hook asks of pytest's configuration."""

    def __init__(self, words: list[str]) -> None:
        named = "--broker" in words
        self._broker = words[1] if named else "reference"
        self.args = words[2:] if named else words

    def getoption(self, name: str) -> str:
        """The broker's."""
        assert name == "--broker"
        return self._broker
