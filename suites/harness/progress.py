"""How far a run is: `--progress` puts one line in the place of pytest's dots.

On a terminal the line is written anew with every test that begins or ends; elsewhere a plain line
comes now and then. What fails is told at once, on a line of its own.
"""

import shutil
import time
from collections.abc import Callable, Generator
from typing import Any

import pytest

from reports.render.words import lasted

EVERY = 15.0  # seconds between plain lines
NAMED = 3  # running tests that are named

Status = tuple[str, str, Any]


def told(done: int, total: int, elapsed: float, running: list[str], bad: int) -> str:
    """The line: how many of how many, time, trouble, and what is running, the oldest first."""
    parts = [f"{done} of {total}" if total else f"{done} done"]
    parts.append(f"{lasted(elapsed)} elapsed")
    if 0 < done < total:
        parts.append(f"about {lasted(elapsed / done * (total - done))} left")
    if bad:
        parts.append(f"{bad} bad")
    if running:
        names = ", ".join(_short(nodeid) for nodeid in running[:NAMED])
        more = len(running) - NAMED
        parts.append(f"running {names}" + (f" and {more} more" if more > 0 else ""))
    return " · ".join(parts)


def _short(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].removeprefix("test_")


def _of_worker(line: str) -> bool:
    """Whether the line only says which of xdist's workers it was."""
    return line.startswith("[gw")


class Progress:
    """Counts what begins and ends, and tells it."""

    def __init__(
        self, reporter: pytest.TerminalReporter, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._reporter = reporter
        self._clock = clock
        self._began = self._written = clock()
        self._total = self._done = self._bad = 0
        self._running: dict[str, None] = {}
        self._over = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Without workers this process knows how many there are."""
        self._total = max(self._total, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """A worker knows how many there are."""
        self._total = max(self._total, len(ids))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """One more is running."""
        self._running[nodeid] = None
        self._tell()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What failed is told at once."""
        if report.failed:
            self._bad += 1
            lines = (line for line in report.longreprtext.splitlines() if not _of_worker(line))
            reason = next(lines, "")
            self._line(f"FAILED {report.nodeid}: {reason}")

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """One is over."""
        self._running.pop(nodeid, None)
        self._done += 1
        self._tell()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_report_teststatus(self) -> Generator[None, Status, Status]:
        """No letter and no word: pytest writes neither, and still counts."""
        category, letter, word = yield
        return (category, letter, word) if self._over else (category, "", "")

    def pytest_sessionfinish(self) -> None:
        """The summary begins on a line of its own, and has pytest's words."""
        self._over = True
        if self._reporter.isatty:
            self._reporter.rewrite("", erase=True)

    def _tell(self) -> None:
        now = self._clock()
        line = told(self._done, self._total, now - self._began, [*self._running], self._bad)
        if self._reporter.isatty:
            width = shutil.get_terminal_size().columns - 1
            self._reporter.rewrite(line[:width], erase=True)
        elif now - self._written >= EVERY or self._done == self._total > 0:
            self._written = now
            self._reporter.write_line(line)

    def _line(self, text: str) -> None:
        if self._reporter.isatty:
            self._reporter.rewrite("", erase=True)
        self._reporter.write_line(text)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option."""
    parser.getgroup("mqproof").addoption(
        "--progress",
        action="store_true",
        help="how many of how many, time left, and what is running, in place of dots",
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """In the process that reports, and unless every test has its own line anyway."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    wanted = config.getoption("progress") and config.get_verbosity() <= 0
    if wanted and reporter is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(reporter), "mqproof-progress")
