"""The command line: `python -m suites.mutants --help`."""

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path

from reports.model import RecordError
from reports.render import write_page
from suites.mutants import Mutant, MutantError, load, page
from suites.mutants.trial import Fate, Trial, run, tests_by_requirement

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_RUNS = Path("reports/runs")
_DESCRIPTION = "Run the suites against the reference broker with one seeded bug at a time."
_EPILOG = """\
examples:
  nox -s mutants
  nox -s mutants -- --only 'topic-*' --every

Exit code: 0 if every mutant was killed by a test of its own requirement, 1 if one was not, 2 if the
run could not begin or its page not be written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants, print a line each, write the page; the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    try:
        chosen = _chosen(options.only)
        if options.list:
            sys.stdout.writelines(f"{m.id:40} {m.summary}\n" for m in chosen)
            return 0
        tests = tests_by_requirement()
        progress = _Progress(len(chosen))
        trials = run(chosen, tests, options.jobs, every=options.every, tell=progress.tell)
        command = shlex.join(["nox", "-s", "mutants", *(["--", *words] if words else [])])
        path = options.output or _RUNS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-mutants.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_page(path, page.render(trials, command))
    except (MutantError, RecordError, OSError) as error:
        sys.stderr.write(f"mutants: {error}\n")
        return _BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("mutants: interrupted\n")
        return _INTERRUPTED
    sys.stdout.write(f"{page.summary(trials)}\n{path}\n")
    return 0 if all(trial.fate is Fate.KILLED for trial in trials) else _FAILED


class _Progress:
    """A line for each trial: how many of how many, what became of it, the time."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._began = time.monotonic()

    def tell(self, trial: Trial) -> None:
        self._done += 1
        by = trial.killers[0].rpartition("/")[2] if trial.killers else trial.reason
        elapsed = time.monotonic() - self._began
        count = f"{self._done}/{self._total}"
        sys.stderr.write(f"{count} {elapsed:4.0f} s  {trial.fate:9} {trial.mutant.id}: {by}\n")
        sys.stderr.flush()


def _chosen(globs: Sequence[str]) -> list[Mutant]:
    """Those whose id matches or whose area is named; all without a glob."""
    found = [
        mutant
        for mutant in load().values()
        if not globs or any(fnmatchcase(mutant.id, g) or mutant.area == g for g in globs)
    ]
    if not found:
        raise MutantError(f"no mutant matches {' '.join(globs)}")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suites.mutants",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="GLOB",
        help="only these mutants, or those of this area; may be repeated",
    )
    parser.add_argument(
        "--every", action="store_true", help="run every test against each, to see all that fail"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=2 * (os.cpu_count() or 1),
        metavar="N",
        help="how many at the same time (%(default)s)",
    )
    parser.add_argument("--list", action="store_true", help="list the mutants and run none")
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the page goes")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
