import json
import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

import reference_broker
from suites.brokers.base import Endpoint
from suites.brokers.kinds.reference import ReferenceBroker
from suites.soak import __main__ as command
from suites.soak import scenarios
from suites.soak.crowd import Crowd
from suites.soak.figure import Figure, ShortageError
from suites.soak.mixed import FillingDisk, Tally
from suites.soak.scenarios import Scenario, Stage
from suites.unit.histories import seeded
from suites.verify import Mismatch


@pytest.mark.parametrize(
    ("value", "most", "broken"), [(3, None, False), (3, 3, False), (3.1, 3, True), (1, 0, True)]
)
def test_a_figure_is_judged_by_its_bound(value: float, most: float | None, broken: bool) -> None:
    """More than the most is broken; without a bound nothing is."""
    assert Figure("x", value, "", most).broken is broken


def lossy(_stage: Stage) -> list[Figure]:
    """One message is lost."""
    return [Figure("messages", 1000, ""), Figure("lost", 1, "", 0)]


def harmless(_stage: Stage) -> list[Figure]:
    """Nothing is lost."""
    return [Figure("lost", 0, "", 0)]


def anomalous(_stage: Stage) -> list[Figure]:
    """The checkers find something."""
    raise Mismatch("no anomaly", "lost 3")


@pytest.mark.parametrize(
    ("run", "code", "told"),
    [
        (harmless, 0, "all within bounds"),
        (lossy, 1, "out of bounds: made-up"),
        (anomalous, 1, "BROKEN: expected no anomaly, got lost 3"),
    ],
)
def test_what_is_out_of_bounds_fails_the_run(
    run: Callable[[Stage], list[Figure]],
    code: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A broken bound and an anomaly make exit code 1, and stand in the table and the JSON."""
    monkeypatch.setattr(command, "SCENARIOS", (Scenario("made-up", "a made-up one", run),))
    assert command.main(["--quick", "--output", str(tmp_path)]) == code
    assert told in capsys.readouterr().out
    (page,) = tmp_path.iterdir()
    (result,) = json.loads(page.read_text())["results"]
    assert bool(result["problem"] or result["broken"]) is bool(code)


def test_a_broker_that_is_not_ours_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Memory and descriptors can be told of own processes alone."""
    assert command.main(["--broker", "amqp://127.0.0.1:1"]) == 2
    assert "is no process of ours" in capsys.readouterr().err


def test_too_few_descriptors_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the limit cannot be raised, the run says what it would need."""
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1024, 4096))
    scenarios.allow(3000)
    with pytest.raises(ShortageError, match="5000 connections need 5200 descriptors"):
        scenarios.allow(5000)


def test_a_crowd_counts_whom_the_broker_leaves() -> None:
    """Connections that end by the broker's doing are lost; others close in good order."""
    with reference_broker.running() as broker:
        crowd = Crowd(Endpoint(broker.host, broker.port), heartbeat=1)
        crowd.grow(60)
        crowd.hold(1.5)
        crowd.shrink(10, rudely=True)
        crowd.shrink(10)
        assert (crowd.opened, crowd.lost) == (60, 0)
        assert crowd.heard >= 60
    crowd.hold(0.5)
    assert crowd.lost == 40


def test_where_no_disk_can_be_filled_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without root the round is left out, which is told once, and is not counted."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with FillingDisk(ReferenceBroker("")) as disk:
        for _ in range(2):
            assert not disk.round(seeded(1), Tally(), tmp_path)
    assert capsys.readouterr().err.count("soak: without a full disk: a disk in an image needs") == 1
