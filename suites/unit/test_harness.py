"""The harness on trial: a server that lies, a whole run against it, and what the run made of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reference_broker.wire.framing import method_frame
from reference_broker.wire.methods import Method
from reports.load import load
from reports.model import Case, Record, Verdict
from suites.unit.liar import Last, Liar

ROOT = Path(__file__).parents[2]

DECLARED = method_frame(1, "queue.declare-ok")
CLOSED = method_frame(1, "channel.close", reply_code=404, reply_text="NOT_FOUND - it is not there")
LIES = {
    "right": DECLARED,
    "never": b"",
    "hang": b"",
    "wrong": method_frame(1, "queue.purge-ok"),
    "closes": CLOSED,
    "ends": Last(),
    "midframe": Last(DECLARED[:9]),
    "die": Last(),
    "garbage": b"\x01\x00\x01\x00\x00\x00\x01\x00\x00",
    "unknown": b"\x01\x00\x01\x00\x00\x00\x04\x00\x32\x00\x63\xce",
}

TESTS = """
import faults
import pytest
from suites import verify
from suites.brokers.base import UnendingError
from suites.brokers.kinds import existing
from suites.expectations import Expectation
from suites.harness import names, station

station.HEALTH_TIMEOUT = existing.START_TIMEOUT = names.JANITOR_TIMEOUT = 1.0
KNOWN = Expectation("get/empty", "channel.close 404", "it is known", "https://example.org")
station.for_broker = lambda _names, _version: (KNOWN,)
HIGHER = pytest.mark.requirement("header/higher-version")
SHOULD = pytest.mark.requirement("flow/resume")
MAY = pytest.mark.requirement("flow/publisher-pause")

@HIGHER
@pytest.mark.parametrize("what_seed", [7])
@pytest.mark.parametrize("call", [len, object(), "x" * 100], ids=["name", "address", "long"])
def test_parameters(call, what_seed):
    assert what_seed == 7

@HIGHER
@pytest.mark.parametrize(
    "lie", ["right", "never", "wrong", "closes", "garbage", "unknown", "ends", "midframe"]
)
def test_declare(client, lie):
    client.timeout = 0.2
    client.call(1, "queue.declare", queue=lie)

@SHOULD
def test_should(client):
    client.call(1, "queue.declare", queue="closes")

@SHOULD
@HIGHER
def test_should_and_must(client):
    client.call(1, "queue.declare", queue="closes")

@pytest.mark.requirement("get/empty")
def test_known(client):
    client.call(1, "queue.declare", queue="closes")

@MAY
def test_may(client):
    client.call(1, "queue.declare", queue="closes")

@HIGHER
def test_assertion():
    assert 1 == 2

@HIGHER
def test_bug():
    raise KeyError("a bug of the test")

@HIGHER
@pytest.mark.timeout(0.3, method="signal")
def test_timeout(client):
    client.call(1, "queue.declare", queue="never")

@HIGHER
def test_observed(client, observe):
    observe("it took 3 ms")

@HIGHER
@pytest.mark.needs("kill")
def test_needs_the_harness():
    raise RuntimeError("not reached")

@HIGHER
@pytest.mark.needs("consumer_priorities")
def test_needs_the_protocol():
    raise RuntimeError("not reached")

@HIGHER
def test_needs_the_machine():
    raise faults.Unsupported("a small disk needs Linux and root (mount)")

@HIGHER
@pytest.mark.needs("basic.nack")
def test_has_what_it_needs(client):
    client.call(1, "queue.declare", queue="right")

@pytest.fixture
def faulty():
    yield
    raise RuntimeError("torn down badly")

@HIGHER
def test_teardown(faulty):
    pass

@HIGHER
def test_teardown_after_a_failure(faulty):
    raise verify.Mismatch("this", "that")

@HIGHER
def test_pika(pika_connection):
    channel = pika_connection().channel()
    channel.queue_declare("closes", passive=True)

@pytest.fixture
def refused(client):
    client.call(1, "queue.declare", queue="closes")

@HIGHER
def test_setup(refused):
    raise RuntimeError("not reached")

@HIGHER
def test_the_broker_does_not_end():
    raise UnendingError("liar did not end")

@HIGHER
def test_the_broker_hangs_at_the_end(client, names):
    names.adopt("queue", "hang")

@HIGHER
def test_the_broker_hangs(client):
    client.timeout = 0.2
    client.call(1, "queue.declare", queue="hang")

@HIGHER
def test_the_broker_dies(client):
    client.call(1, "queue.declare", queue="die")

@HIGHER
def test_after_the_death(client):
    raise RuntimeError("not reached")
"""
CRASH = """
import os
import pytest

@pytest.mark.requirement("header/unknown-revision")
def test_crash(client):
    os._exit(9)

@pytest.mark.requirement("header/higher-version")
def test_good(client):
    client.call(1, "queue.declare", queue="right")
"""


class Lies:
    """The script of the lying server, by the name of the queue that is declared."""

    def __init__(self) -> None:
        self._hangs = False
        self.liar = Liar(self._answer)

    def _answer(self, method: Method) -> bytes:
        lie = method.arguments.get("queue", "right")
        if lie.startswith("mqproof."):  # the harness asks whether the broker still works
            return b"" if self._hangs else DECLARED
        self._hangs = lie == "hang"
        if lie == "die":
            self.liar.die()
        return LIES[lie]


class Run:
    """What a run of pytest printed, returned and recorded."""

    def __init__(self, folder: Path, text: str, *options: str) -> None:
        test = folder / "test_lies.py"
        test.write_text(text, encoding="utf-8")
        self.path = folder / "run.jsonl"
        words = [sys.executable, "-m", "pytest", "-p", "suites.plugin", "-p", "no:cacheprovider"]
        words += ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), str(test)]
        done = subprocess.run(  # noqa: S603  this Python, on a file that we wrote
            [*words, "--record", str(self.path), *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        self.code = done.returncode
        self.text = done.stdout + done.stderr

    @property
    def record(self) -> Record:
        """The record that it wrote."""
        return load(self.path)

    @property
    def cases(self) -> dict[str, Case]:
        """The recorded cases by the name of their test."""
        return {case.test.partition("::test_")[2]: case for case in self.record.cases}


@pytest.fixture(scope="module")
def lies(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the tests above against the lying server."""
    with Lies().liar as liar:
        return Run(tmp_path_factory.mktemp("lies"), TESTS, "--broker", liar.endpoint.url)


@pytest.mark.parametrize(
    ("test", "verdict", "actual"),
    [
        ("declare[right]", Verdict.PASS, None),
        ("declare[never]", Verdict.FAIL, "silence"),
        ("declare[wrong]", Verdict.FAIL, "queue.purge-ok"),
        ("declare[closes]", Verdict.FAIL, "channel.close 404"),
        ("declare[garbage]", Verdict.FAIL, "garbage"),
        ("declare[unknown]", Verdict.FAIL, "garbage"),
        ("declare[ends]", Verdict.FAIL, "socket closed"),
        ("declare[midframe]", Verdict.FAIL, "socket closed in mid-frame"),
        ("should", Verdict.WEAK, "channel.close 404"),
        ("should_and_must", Verdict.FAIL, "channel.close 404"),
        ("may", Verdict.INFORMATIONAL, "channel.close 404"),
        ("known", Verdict.DEVIATION, "channel.close 404"),
        ("assertion", Verdict.FAIL, None),
        ("bug", Verdict.ERROR, None),
        ("timeout", Verdict.ERROR, None),
        ("observed", Verdict.INFORMATIONAL, None),
        ("needs_the_harness", Verdict.UNSUPPORTED, None),
        ("needs_the_protocol", Verdict.UNSUPPORTED, None),
        ("needs_the_machine", Verdict.UNSUPPORTED, None),
        ("has_what_it_needs", Verdict.PASS, None),
        ("teardown", Verdict.ERROR, None),
        ("teardown_after_a_failure", Verdict.FAIL, "that"),
        ("pika", Verdict.FAIL, "channel.close 404"),
        ("setup", Verdict.FAIL, "channel.close 404"),
        ("the_broker_does_not_end", Verdict.FAIL, "it does not end"),
        ("the_broker_hangs_at_the_end", Verdict.ERROR, None),
        ("the_broker_hangs", Verdict.FAIL, "the broker hung"),
        ("the_broker_dies", Verdict.FAIL, "the broker died"),
        ("after_the_death", Verdict.ERROR, None),
    ],
)
def test_each_lie_is_judged(lies: Run, test: str, verdict: Verdict, actual: str | None) -> None:
    """Every way to misbehave gets its verdict, and the canonical form of what came."""
    case = lies.cases[test]
    assert (case.verdict, case.actual) == (verdict, actual), case


def test_the_run_fails_and_says_so_in_one_line_each(lies: Run) -> None:
    """The exit code is that of failures, and each failure is told where it is read."""
    assert lies.code == pytest.ExitCode.TESTS_FAILED
    assert "expected queue.declare-ok, got silence (within 0.2 s)" in lies.text
    assert "got channel.close 404 (NOT_FOUND - it is not there)" in lies.text
    assert "frame-end is 0x00, not 0xce" in lies.text
    assert "the broker died: expected queue.declare-ok, got socket closed" in lies.text
    assert "written: run.jsonl" in lies.text


def test_the_record_is_whole(lies: Run) -> None:
    """The record has the broker's identity, and a footer with the exit code."""
    record = lies.record
    assert (record.header.broker.product, record.header.broker.version) == ("Liar", "1.2")
    assert record.footer is not None
    assert record.footer.exit_code == pytest.ExitCode.TESTS_FAILED
    assert lies.path.with_suffix(".html").exists()


def test_evidence_goes_with_each_case(lies: Run) -> None:
    """Each has its transcript, its parameters, and the command that repeats it."""
    case = lies.cases["declare[closes]"]
    assert any("< ch 1 channel.close reply_code=404" in line for line in case.transcript)
    assert case.repeat.endswith("--requirement header/higher-version")
    assert "guest:guest" not in case.repeat
    assert any("> ch 1 queue.declare " in line for line in lies.cases["declare[right]"].transcript)
    assert lies.cases["declare[right]"].parameters == {"lie": "right"}
    assert "the broker hung while" in str(lies.cases["the_broker_hangs_at_the_end"].reason)
    assert "no broker to test at 127.0.0.1" in str(lies.cases["after_the_death"].reason)
    assert lies.cases["observed"].observation == "it took 3 ms"


@pytest.mark.parametrize(
    ("name", "told"),
    [("name", "len"), ("address", "<object object>"), ("long", f"{'x' * 79}…")],
)
def test_parameters_are_told_shortly(lies: Run, name: str, told: str) -> None:
    """A name for what has one, no address in memory, not too long; a seed is known as one."""
    (case,) = [c for n, c in lies.cases.items() if n.startswith("parameters[") and name in n]
    assert case.parameters == {"call": told, "what_seed": "7"}
    assert case.seed == 7


def test_an_ungraded_run_knows_only_failures(tmp_path: Path) -> None:
    """With `--ungraded` a broken recommendation fails the run, and without it does not."""
    with Lies().liar as liar:
        only = "(test_should or test_may) and not must"
        options = ("--broker", liar.endpoint.url, "-k", only)
        (tmp_path / "graded").mkdir()
        graded = Run(tmp_path / "graded", TESTS, *options)
        ungraded = Run(tmp_path, TESTS, *options, "--ungraded")
    assert (graded.code, ungraded.code) == (0, pytest.ExitCode.TESTS_FAILED), graded.text
    assert {case.verdict for case in ungraded.record.cases} == {Verdict.FAIL}


def test_a_crashed_worker_is_the_error_of_its_test(tmp_path: Path) -> None:
    """When the process of a test ends, its case is recorded, and the others still run."""
    with Lies().liar as liar:
        run = Run(tmp_path, CRASH, "--broker", liar.endpoint.url, "-n", "1")
    found = {name: case.verdict for name, case in run.cases.items()}
    assert found == {"crash": Verdict.ERROR, "good": Verdict.PASS}, run.text
    assert run.code != 0


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--broker", "nonsense"), "no kind of broker is named `nonsense`"),
        (("--requirement", "no/such"), "no test bears a requirement that matches no/such"),
        (("--record", __file__), "it exists already"),
        (("--toxiproxy", "http://127.0.0.1:1"), "no Toxiproxy answers at http://127.0.0.1:1 ("),
    ],
)
def test_a_run_that_cannot_be_says_why(
    tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    """A wrong option, and a run of nothing, fail with one clear line."""
    run = Run(tmp_path, CRASH, *options)
    assert run.code != 0
    assert complaint in run.text


@pytest.mark.parametrize(
    ("marks", "complaint"),
    [
        ('@pytest.mark.requirement("header/nope")', "unknown requirement 'header/nope'"),
        ('@pytest.mark.needs("wings")', "nothing is named 'wings'"),
    ],
)
def test_a_wrong_marker_is_an_error_of_collection(
    tmp_path: Path, marks: str, complaint: str
) -> None:
    """A test that names what does not exist is not run."""
    run = Run(tmp_path, f"import pytest\n\n{marks}\ndef test_it(): pass\n")
    assert run.code == pytest.ExitCode.INTERRUPTED
    assert complaint in run.text
