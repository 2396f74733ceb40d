"""What a run tells of how far it is."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from suites.harness.progress import EVERY, Progress, told
from suites.unit.test_harness import Run

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(5))
def test_well(number): pass

def test_badly(): assert "salt" == "sugar"

@pytest.mark.skip(reason="not today")
def test_later(): pass
"""


class Reporter:
    """Takes what is written to a terminal, or to a file."""

    def __init__(self, *, isatty: bool) -> None:
        self.isatty = isatty
        self.lines: list[str] = []

    def write_line(self, line: str) -> None:
        """A whole line."""
        self.lines.append(line)

    def rewrite(self, line: str, *, erase: bool) -> None:
        """The same line anew."""
        assert erase
        self.lines.append(f"\r{line}")


class World:
    """A progress with its reporter, and a clock that is set by hand."""

    def __init__(self, *, isatty: bool, total: int) -> None:
        self.now = 100.0
        self.reporter = Reporter(isatty=isatty)
        self.progress = Progress(cast("Any", self.reporter), lambda: self.now)
        self.progress.pytest_xdist_node_collection_finished([f"t{n}" for n in range(total)])

    def passes(self, nodeid: str, seconds: float) -> None:
        """One test, from its beginning to its end."""
        self.progress.pytest_runtest_logstart(nodeid)
        self.now += seconds
        self.progress.pytest_runtest_logfinish(nodeid)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((0, 0, 0.5, [], 0), "0 done · 500 ms elapsed"),
        (
            (1, 4, 10.0, ["suites/x.py::test_one[a]"], 0),
            "1 of 4 · 10.0 s elapsed · about 30.0 s left · running one[a]",
        ),
        ((4, 4, 75.0, [], 2), "4 of 4 · 1 min 15 s elapsed · 2 bad"),
        (
            (0, 9, 1.0, ["a::test_1", "a::test_2", "a::test_3", "a::test_4", "a::test_5"], 0),
            "0 of 9 · 1.0 s elapsed · running 1, 2, 3 and 2 more",
        ),
    ],
)
def test_the_line(arguments: tuple[int, int, float, list[str], int], line: str) -> None:
    """How many of how many, elapsed, an estimate once there is ground for one, what runs."""
    assert told(*arguments) == line


def test_a_terminal_has_one_line_that_is_written_anew() -> None:
    """Each beginning and each end is shown at once."""
    world = World(isatty=True, total=2)
    world.passes("a::test_one", 2.0)
    assert world.reporter.lines == [
        "\r0 of 2 · under 1 ms elapsed · running one",
        "\r1 of 2 · 2.0 s elapsed · about 2.0 s left",
    ]


def test_a_file_has_a_plain_line_now_and_then() -> None:
    """Between them there are at least so many seconds; the last one comes in any case."""
    world = World(isatty=False, total=40)
    for number in range(40):
        world.passes(f"a::test_{number}", 1.0)
    lines = world.reporter.lines
    assert [line.split(" · ")[0] for line in lines] == ["15 of 40", "30 of 40", "40 of 40"]
    assert EVERY == 15.0


def test_a_failure_is_told_at_once() -> None:
    """It has a line of its own, with its reason."""
    world = World(isatty=False, total=2)
    report: Any = SimpleNamespace(
        failed=True, nodeid="a::test_one", longreprtext="[gw1] linux\nexpected salt\nand more"
    )
    world.progress.pytest_runtest_logreport(report)
    assert world.reporter.lines == ["FAILED a::test_one: expected salt"]


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_run_with_progress(
    tmp_path_factory: pytest.TempPathFactory, workers: tuple[str, ...]
) -> None:
    """No dots, the last line, pytest's own summary with its words, and the same exit code."""
    run = Run(tmp_path_factory.mktemp("run"), TESTS, "--progress", "-rs", *workers)
    assert run.code == pytest.ExitCode.TESTS_FAILED
    assert "7 of 7 · " in run.text
    assert "FAILED test_lies.py::test_badly: " in run.text
    assert "SKIPPED [1] test_lies.py" in run.text
    assert "5 passed" in run.text
    assert "....." not in run.text
