import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import suites.bench
from suites.bench import catalogue
from suites.verify import eventually

ROOT = Path(suites.bench.__file__).parents[2]
SOON = 100.0  # seconds; far more than is needed on a busy machine


def command(*arguments: str) -> list[str]:
    """The command line as nox types it."""
    return [sys.executable, "-m", "suites.bench", *arguments]


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """A run to its end."""
    return subprocess.run(  # noqa: S603  our own interpreter and package
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=SOON, check=False
    )


def test_every_scenario_works_on_the_reference_broker(tmp_path: Path) -> None:
    """A quick run gives a figure for each metric, a table, and both pages."""
    done = bench("--quick", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (page,) = tmp_path.glob("*.md")
    (record,) = tmp_path.glob("*.json")
    lines = json.loads(record.read_text(encoding="utf-8"))["lines"]
    measured = {(line["scenario"], line["metric"]) for line in lines}
    wanted = {(one.name, metric.name) for one in catalogue.SCENARIOS for metric in one.metrics}
    if sys.platform != "linux":  # nobody else tells what another process uses
        wanted = {one for one in wanted if one[0] != "memory" and one[1] != "cpu"}
    assert measured == wanted
    assert all(one.name in done.stdout for one in catalogue.SCENARIOS)
    assert all(one.title in page.read_text(encoding="utf-8") for one in catalogue.SCENARIOS)


def test_every_curve_works_on_the_reference_broker(tmp_path: Path) -> None:
    """A quick run has the first points of each, and a picture."""
    done = bench("--curves", "--quick", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.glob("*.json")
    growth = json.loads(record.read_text(encoding="utf-8"))["growth"]
    drawn = {path.stem.rpartition("-")[2] for path in tmp_path.glob("*.svg")}
    assert {told["curve"] for told in growth} == drawn == {one.name for one in catalogue.CURVES}
    assert all(len(told["costs"]) == 2 for told in growth)


def test_a_broker_beside_it_gets_a_ratio(tmp_path: Path) -> None:
    """Rounds on fresh processes, and the ratio of the subject to the first of the others."""
    other = "reference:log-level=error"
    done = bench(
        *("--against", other, "--rounds", "2", "--only", "queue", "--output", str(tmp_path))
    )
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.glob("*.json")
    line = json.loads(record.read_text(encoding="utf-8"))["lines"][0]
    assert (len(line["values"]["reference"]), len(line["values"][other])) == (2, 2)
    assert line["ratios"]["reference"] > 0
    assert line["verdict"] is None  # the bar is meant beside RabbitMQ


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--against", "nonesuch"], "no kind of broker is named `nonesuch`"),
        (["--broker", "memcached"], "memcached does not speak AMQP"),
        (["--against", "reference"], "a broker is named twice: reference, reference"),
        (["--only", "nonesuch"], "no scenario matches 'nonesuch'"),
        (["--curves", "--only", "queue"], "no curve matches 'queue'; there are: queues, "),
        (["--compare", "nonesuch.json"], "cannot read nonesuch.json: No such file"),
        (["--rounds", "0"], "'0' is not a whole number from 1 on"),
    ],
)
def test_a_wrong_wish_is_refused_at_once(arguments: list[str], reason: str) -> None:
    """Exit code 2, the reason, and no traceback."""
    done = bench(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_interrupted_it_leaves_nothing_behind(tmp_path: Path) -> None:
    """Ctrl-C ends the broker, removes its folder, and still shows what was measured."""
    sandboxes = tmp_path / "sandboxes"
    sandboxes.mkdir()
    places = {"TMPDIR": str(sandboxes), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(  # noqa: S603  our own interpreter and package
        command("--only", "channel", "--rounds", "1000", "--output", str(tmp_path / "runs")),
        cwd=ROOT,
        env={**os.environ, **places},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("round 1: channel on reference: rate")
        eventually(lambda: _ready(sandboxes), "the next broker is ready", SOON)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=SOON)
    finally:
        process.kill()
        process.communicate(timeout=SOON)
    assert process.returncode == 130, errors
    assert "interrupted" in errors
    assert "channel" in output
    assert not list(sandboxes.iterdir())


def _ready(sandboxes: Path) -> bool:
    """Whether a broker in one of the sandboxes has said so."""
    return any("ready amqp" in log.read_text() for log in sandboxes.glob("*/*.log"))
