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
from suites import requirements
from suites.mutants import Mutant, MutantError, load, page
from suites.mutants.account import Account, reasons
from suites.mutants.campaign import Campaign, campaign
from suites.mutants.trial import Fate, Trial, run
from suites.mutants.widening import LIMIT, Width, widen

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_RUNS = Path("reports/runs")
_DESCRIPTION = "Run the suites against the reference broker with one seeded bug at a time."
_EPILOG = """\
examples:
  nox -s mutants
  nox -s mutants -- --only 'topic-*' --every

Exit code: 0 if every mutant was killed by a test of its own requirement and every requirement that
binds and has a test has a mutant or a reason for none, 1 if not, 2 if the run could not begin or
its page not be written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the mutants, print a line each, write the page; the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    work = _Work(options, shlex.join(["nox", "-s", "mutants", *(["--", *words] if words else [])]))
    limit = ["--timeout", str(LIMIT)] if options.widen or options.each else []
    try:
        campaign(work.do, *limit)
    except (MutantError, RecordError, OSError) as error:
        sys.stderr.write(f"mutants: {error}\n")
        return _BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("mutants: interrupted\n")
        return _INTERRUPTED
    return work.code


class _Work:
    """What the options ask for; `code` is the exit code that comes of it."""

    def __init__(self, options: argparse.Namespace, command: str) -> None:
        self._options = options
        self._command = command
        self._mutants = _chosen(options.only)
        self.code = 0

    def do(self, campaign: Campaign) -> None:
        """The suites are collected."""
        options = self._options
        account = Account(requirements.load(), load().values(), reasons(), campaign.tests)
        if options.list:
            sys.stdout.writelines(f"{m.id:40} {m.summary}\n" for m in self._mutants)
            sys.stdout.writelines(f"without: {name}\n" for name in account.neither)
            sys.stdout.write(f"\n{account.render()}\n")
        elif options.widen or options.each:
            lacking = account.neither if options.widen else ()
            widen(campaign, self._mutants, lacking, options.jobs, _tell_width)
        else:
            self._try(campaign, account)

    def _try(self, campaign: Campaign, account: Account) -> None:
        progress, options = _Progress(len(self._mutants)), self._options
        trials = run(campaign, self._mutants, options.jobs, every=options.every, tell=progress.tell)
        path = options.output or _RUNS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-mutants.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_page(path, page.render(trials, self._command))
        sys.stdout.write(f"{account.render()}\n\n{page.summary(trials)}\n{path}\n")
        killed = all(trial.fate is Fate.KILLED for trial in trials)
        self.code = 0 if killed and account.settled else _FAILED


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


def _tell_width(width: Width) -> None:
    sys.stdout.write(f"{width}\n")
    sys.stdout.flush()


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
    parser.add_argument(
        "--each", action="store_true", help="tell which of the requirements named it breaks not (-)"
    )
    parser.add_argument(
        "--widen",
        action="store_true",
        help="the same, and which others of their areas that lack a mutant it breaks (+)",
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="list the mutants and the account of requirements, and run none",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="where the page goes")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
