"""Put mutants on trial: the tests of the requirements at stake must fail, and not by accident."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reports.load import load as load_record
from reports.model import Record, RecordError, Verdict
from suites.mutants import Mutant, MutantError

SUITES = (
    "suites/amqp",
    "suites/durability",
    "suites/management",
    "suites/memcacheq",
    "suites/resilience",
)
ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # seconds for the tests of one mutant: some wait for timers that never fire

_FAILED = {Verdict.FAIL, Verdict.WEAK}  # a broken recommendation is noticed, too


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNDECIDED = "undecided"  # the harness broke, or there was no test


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant, its fate, and the tests that failed on it."""

    mutant: Mutant
    fate: Fate
    killers: tuple[str, ...] = ()
    reason: str = ""


def tests_by_requirement() -> Mapping[str, list[str]]:
    """Which tests bear which requirement. Raises MutantError when they cannot be collected."""
    with tempfile.TemporaryDirectory(prefix="mqproof-mutants-") as folder:
        path = Path(folder) / "tests.json"
        options = ["--collect-only", "-q", "--record", "none", "--tests-by-requirement", str(path)]
        done = _pytest(["-p", "suites.mutants.collecting", *options, *SUITES])
        if not path.exists():
            raise MutantError(f"the tests cannot be collected: {done[-1] if done else ''}")
        found: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))
        return found


def run(
    mutants: Sequence[Mutant],
    tests: Mapping[str, list[str]],
    jobs: int,
    *,
    every: bool,
    tell: Callable[[Trial], None],
) -> list[Trial]:
    """Try them side by side. With `every` all tests run, without only up to the first that fails.

    `tell` hears of each trial as soon as it is over.
    """

    def one(mutant: Mutant) -> Trial:
        trial = _try(mutant, tests, every=every)
        tell(trial)
        return trial

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, mutants))


def _try(mutant: Mutant, tests: Mapping[str, list[str]], *, every: bool) -> Trial:
    chosen = dict.fromkeys(test for name in mutant.requirements for test in tests.get(name, ()))
    if not chosen:
        return Trial(mutant, Fate.UNDECIDED, reason="no test bears its requirements")
    with tempfile.TemporaryDirectory(prefix="mqproof-mutant-") as folder:
        path = Path(folder) / "record.jsonl"
        options = ["-q", "--broker", f"reference:mutant={mutant.id}", "--record", str(path)]
        lines = _pytest([*options, *(SUITES if every else ["-x", *chosen])])
        try:
            record = load_record(path)
        except RecordError as error:
            return Trial(mutant, Fate.UNDECIDED, reason=lines[-1] if lines else str(error))
    return judge(mutant, record, set(chosen))


def judge(mutant: Mutant, record: Record, chosen: set[str]) -> Trial:
    """Killed if a test of its own requirements failed; other failures are only noted."""
    failed = [case.test for case in record.cases if case.verdict in _FAILED]
    if chosen.intersection(failed):
        return Trial(mutant, Fate.KILLED, tuple(failed))
    broken = [case for case in record.cases if case.verdict is Verdict.ERROR]
    if broken:
        return Trial(mutant, Fate.UNDECIDED, tuple(failed), broken[0].reason or "an error")
    if not any(case.verdict is not Verdict.UNSUPPORTED for case in record.cases):
        return Trial(mutant, Fate.UNDECIDED, reason="every test was unsupported")
    return Trial(mutant, Fate.SURVIVED, tuple(failed))


def _pytest(arguments: Sequence[str]) -> list[str]:
    """Run pytest to its end; the lines that it wrote."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    try:
        done = subprocess.run(  # noqa: S603  the suites' own command
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return [f"its tests did not end within {PATIENCE:g} s"]
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
