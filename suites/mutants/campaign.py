"""The suites collected once, and run by forks: loading and collecting outlast most runs.

Each fork is what `pytest --broker reference:mutant=ID TESTS` would be from there on, with a broker
of its own; what it saw comes back by a file.
"""

import contextlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reports.model import Verdict
from suites.mutants import Mutant, MutantError

if TYPE_CHECKING:
    from typing import Any

SUITES = (
    "suites/amqp",
    "suites/durability",
    "suites/management",
    "suites/memcacheq",
    "suites/resilience",
)
ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # seconds for the tests of one mutant: some wait for timers that never fire
FAILED = {Verdict.FAIL, Verdict.WEAK}  # a broken recommendation is noticed, too

_LOOK = 0.05  # seconds between two looks at the forks
_NOT_ENDED = f"its tests did not end within {PATIENCE:g} s"


@dataclass(frozen=True, slots=True)
class Order:
    """Tests to run against a mutant: all of `tests`, or up to the `first` that fails."""

    mutant: Mutant
    tests: Sequence[str]
    first: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """What a test came to."""

    test: str
    verdict: Verdict
    reason: str = ""


Outcome = list[Judged] | str  # a text says why nothing came of it
Tell = Callable[[Order, Outcome], None]


@dataclass(frozen=True, slots=True)
class _Fork:
    order: Order
    deadline: float
    seen: Path


class Campaign:
    """A pytest plugin that collects, and lets `work` run what it wants of that."""

    def __init__(self, work: "Callable[[Campaign], None]") -> None:
        self._work = work
        self._stdout = sys.stdout
        self._session: pytest.Session
        self.tests: Mapping[str, list[str]] = {}
        self.all: Sequence[str] = ()
        self.error: BaseException | None = None

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Everything is collected: do the work instead of the tests."""
        from suites.harness.collection import requirements_of  # noqa: PLC0415  pytest rewrites it

        self._session = session
        self.all = [item.nodeid for item in session.items]
        found: dict[str, list[str]] = {}
        for item in session.items:
            for identifier in requirements_of(item):
                found.setdefault(identifier, []).append(item.nodeid)
        self.tests = found
        try:
            with contextlib.redirect_stdout(self._stdout):
                self._work(self)
        except BaseException as error:  # noqa: BLE001  raised again by `campaign`
            self.error = error
        return True

    def run(self, orders: Sequence[Order], jobs: int, tell: Tell) -> None:
        """Run the orders, so many at a time; `tell` hears of each as soon as it is over."""
        waiting = deque(orders)
        running: dict[int, _Fork] = {}
        with tempfile.TemporaryDirectory(prefix="mqproof-mutants-") as folder:
            try:
                while waiting or running:
                    while waiting and len(running) < jobs:
                        seen = Path(folder) / f"{len(waiting)}.json"
                        pid = self._fork(waiting[0], seen)
                        deadline = time.monotonic() + PATIENCE
                        running[pid] = _Fork(waiting.popleft(), deadline, seen)
                    _reap(running, tell)
            finally:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)

    def _fork(self, order: Order, seen: Path) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if not pid:
            try:
                seen.write_text(json.dumps(_run(self._session, order)), encoding="utf-8")
            finally:
                os._exit(0)  # nothing of the parent's is to be ended twice
        return pid


def campaign(work: Callable[[Campaign], None], *options: str) -> None:
    """Collect the suites, with these options of pytest, and do the work.

    Raises MutantError when they cannot be collected, and whatever `work` raises.
    """
    plugin = Campaign(work)
    os.chdir(ROOT)
    quiet = ["-q", "--capture=no", "-p", "no:cacheprovider", "--record", "none"]
    # What is imported already is not rewritten; it holds no assertion that a verdict hangs on.
    quiet += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main([*quiet, *options, *SUITES], plugins=[plugin])
    if plugin.error is not None:
        raise plugin.error
    if not plugin.all:
        last = said.getvalue().strip().rpartition("\n")[2]
        raise MutantError(f"the suites cannot be collected: {last or status}")


def _reap(running: dict[int, _Fork], tell: Tell) -> None:
    """Take note of the forks that have ended, and end those that take too long."""
    for pid, fork in list(running.items()):
        ended, _status = os.waitpid(pid, os.WNOHANG)
        overdue = time.monotonic() > fork.deadline
        if not ended and overdue:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        if ended or overdue:
            del running[pid]
            tell(fork.order, _NOT_ENDED if not ended else _read(fork.seen))
    time.sleep(_LOOK)


def _read(seen: Path) -> Outcome:
    try:
        told = json.loads(seen.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "its tests broke off"
    return [Judged(test, Verdict(verdict), reason or "") for test, verdict, reason in told]


class _Notes:
    """What the cases of a run came to."""

    def __init__(self) -> None:
        self.cases: list[tuple[str, str, str | None]] = []
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        from suites.harness.casebook import CASE  # noqa: PLC0415  pytest rewrites it first

        case: dict[str, Any] | None = getattr(report, CASE, None)
        if case is not None:
            self.cases.append((case["test"], str(case["verdict"]), case.get("reason")))
            self.failed |= case["verdict"] in FAILED


def _run(session: pytest.Session, order: Order) -> list[tuple[str, str, str | None]]:
    """In a fork: run the tests against the mutant."""
    from suites.harness.station import STATION, Station  # noqa: PLC0415  the same

    for descriptor in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    random.seed()  # or all forks would make the same choices
    config, notes = session.config, _Notes()
    config.option.broker = f"reference:mutant={order.mutant.id}"
    config.stash[STATION] = Station(config.option.broker)
    config.pluginmanager.register(notes)
    wanted = set(order.tests)
    items = [item for item in session.items if item.nodeid in wanted]
    for item, following in zip(items, [*items[1:], None], strict=True):
        config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if order.first and notes.failed:
            break
    config.hook.pytest_sessionfinish(session=session, exitstatus=pytest.ExitCode.OK)
    config.hook.pytest_unconfigure(config=config)
    return notes.cases
