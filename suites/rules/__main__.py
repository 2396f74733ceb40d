"""Is every rule of the specification accounted for? `python -m suites.rules --help`."""

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from suites import requirements, rules
from suites.harness.collection import JUDGED_FOLDERS, requirements_of
from suites.rules import Kind
from suites.rules.coverage import Coverage, by_area, by_fate, table

SUITES = Path(__file__).parents[1]
BAD_INPUT = 2


class Collected:
    """Takes note of the requirements that the collected tests bear."""

    def __init__(self) -> None:
        self.tested: set[str] = set()
        self.count = 0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """What pytest would run."""
        self.count = len(session.items)
        self.tested = {name for item in session.items for name in requirements_of(item)}


def collect() -> Collected:
    """Let pytest collect the judged suites; SystemExit when it cannot."""
    collected = Collected()
    folders = [str(SUITES / folder) for folder in JUDGED_FOLDERS]
    quiet = ["--collect-only", "-q", "--capture=no", "--no-summary", "-p", "no:cacheprovider"]
    # The harness is imported already; to collect, its assertions need no rewriting.
    quiet += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main([*quiet, "--record", "none", *folders], plugins=[collected])
    if status != pytest.ExitCode.OK:
        sys.stderr.write(f"{said.getvalue()}the suites cannot be collected: see above\n")
        raise SystemExit(BAD_INPUT)
    return collected


def report(coverage: Coverage, tests: int) -> str:
    """All that is to say, the gravest last, where a terminal shows it."""
    fates = ["decided", *Kind, "missing"]
    parts = [
        f"{len(coverage.rules)} rules, {len(coverage.requirements)} requirements, {tests} tests",
        table("class", fates, by_fate(coverage, "group")),
        table("level", fates, by_fate(coverage, "level")),
        table("area", ["tested", "reasoned", "missing"], by_area(coverage)),
        _listed("Rules that no test can decide:", _undecided(coverage)),
        _listed("Requirements without a test for a reason:", _untested(coverage)),
        _listed(
            "Missing rules:", [f"{r.id} ({r.level}): {r.summary}" for r in coverage.missing_rules]
        ),
        _listed(
            "Requirements missing a test:", [f"{r.id}: {r.summary}" for r in coverage.untested]
        ),
        _listed("Mistakes:", coverage.mistakes),
        "Complete." if coverage.complete else "Incomplete.",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _listed(title: str, lines: Sequence[str]) -> str:
    return "\n  ".join([title, *lines]) if lines else ""


def _undecided(coverage: Coverage) -> list[str]:
    return [
        f"{rule.id} ({rule.level}, {rule.undecided.kind}): {rule.undecided.reason}"
        for rule in coverage.rules.values()
        if rule.undecided
    ]


def _untested(coverage: Coverage) -> list[str]:
    return [
        f"{each.id}: {each.untested}" for each in coverage.requirements.values() if each.untested
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 0 when nothing is missing, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m suites.rules",
        description="Account for every rule of the specification and every requirement: which the "
        "collected tests decide, which none can and why, which are missing. Exits 1 when one is.",
    )
    parser.parse_args(arguments)
    collected = collect()
    coverage = Coverage(rules.load(), requirements.load(), collected.tested)
    sys.stdout.write(report(coverage, collected.count))
    return 0 if coverage.complete else 1


if __name__ == "__main__":
    raise SystemExit(main())
