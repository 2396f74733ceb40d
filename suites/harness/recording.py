"""The record of a conformance run: each case is written when it is over, by one process.

Under xdist the workers judge, and send the case along with the report of its teardown; the
controller writes. Without xdist one process does both.
"""

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reports.load import load
from reports.model import Broker, Case, Header, RecordError
from reports.record import Recorder, run_path
from reports.render import terminal, write_pages
from suites.harness.casebook import BEGUN, CASE, IDENTITY, repeat_command

RUNS = Path("reports/runs")
NO_RECORD = "none"
CRASHED = "???"  # what xdist calls the phase of a test whose worker ended


class RunRecord:
    """Writes the cases of this run; the file begins with the first of them."""

    def __init__(self, spec: str, path: str | None, root: Path) -> None:
        self._spec = spec
        self._path = path
        self._root = root
        self._recorder: Recorder | None = None
        self._begun: dict[str, tuple[Any, Any]] = {}
        self.pages: list[Path] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the case that this report completes, if any."""
        begun, case = getattr(report, BEGUN, None), getattr(report, CASE, None)
        if begun is not None:
            self._begun[report.nodeid] = (begun, getattr(report, IDENTITY, None))
        if report.when == CRASHED and report.nodeid in self._begun:
            case, identity = self._begun[report.nodeid]
            self._write(case, identity)
        elif case is not None:
            self._write(case, self._begun.pop(report.nodeid)[1])

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the footer and the pages."""
        if self._recorder is None:
            return
        self._recorder.finish(int(exitstatus))
        self.pages = write_pages(self._recorder.path)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table of areas and verdicts, and where the record and its pages are."""
        if self._recorder is None:
            return
        terminalreporter.section("conformance")
        terminalreporter.write_line(terminal.render(load(self._recorder.path)))
        for path in (self._recorder.path, *self.pages):
            shown = path.relative_to(self._root) if path.is_relative_to(self._root) else path
            terminalreporter.write_line(f"written: {shown}")

    def _write(self, case: dict[str, Any], identity: dict[str, Any]) -> None:
        try:
            if self._recorder is None:
                self._recorder = Recorder(self._new_path())
                self._recorder.write(_header(identity))
            self._recorder.write(msgspec.convert(case, Case))
        except RecordError as error:
            self._recorder = None
            pytest.exit(str(error), pytest.ExitCode.USAGE_ERROR)

    def _new_path(self) -> Path:
        if self._path is not None:
            return Path(self._path)
        return run_path(self._root / RUNS, self._spec, datetime.now(UTC))


def pytest_configure(config: pytest.Config) -> None:
    """The controller or the single process keeps the record."""
    path = config.getoption("record")
    if hasattr(config, "workerinput") or path == NO_RECORD:
        return
    if path is not None and Path(path).exists():
        raise pytest.UsageError(f"--record {path}: it exists already; choose another name")
    record = RunRecord(config.getoption("broker"), path, config.rootpath)
    config.pluginmanager.register(record, "mqproof-record")


def _header(identity: dict[str, Any]) -> Header:
    return Header(
        started=datetime.now(UTC),
        broker=msgspec.convert(identity, Broker),
        platform=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        project=_version(),
        repeat=repeat_command(identity["spec"]),
    )


def _version() -> str:
    try:
        return metadata.version("mqproof")
    except metadata.PackageNotFoundError:
        return "unknown"
