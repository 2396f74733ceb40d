"""The command line: `python -m suites.stateful --help`."""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from reports.model import RecordError
from suites.brokers.base import BrokerError
from suites.stateful import record
from suites.stateful.campaign import Outcome, conduct
from suites.stateful.choice import AREAS
from suites.stateful.contests import WHATS, Cast, contest

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_QUICK, _EXAMPLES = 150, 1000
_EVERY = 5.0  # seconds between two lines of progress
_DESCRIPTION = "Run generated programs on the reference broker and beside it on a real one."
_EPILOG = """\
examples:
  nox -s twin -- --examples 2000 --seed 7
  nox -s twin -- --what amqp --only acks --only tx
  nox -s twin -- --what amqp --broker reference:mutant=ack-zero-means-none --broker reference

The same seed gives the same programs. Exit code: 0 if all agreed, 1 if there is a difference, 2 if
the run could not begin or its record not be written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, tell, write the record; the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    outcomes: list[Outcome] = []
    cast, code = Cast(options.broker or []), 0
    try:
        with cast:
            _compare(cast, options, outcomes)
    except (BrokerError, OSError) as error:
        sys.stderr.write(f"twin: {error}\n")
        code = _BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("twin: interrupted; what was compared so far is in the record\n")
        code = _INTERRUPTED
    if outcomes:
        try:
            sys.stdout.write(f"{record.write(outcomes, cast.identities, words, options.output)}\n")
        except (RecordError, OSError) as error:
            sys.stderr.write(f"twin: {error}\n")
            return _BAD_INPUT
    return code or (_FAILED if any(outcome.finding for outcome in outcomes) else 0)


def _compare(cast: Cast, options: argparse.Namespace, outcomes: list[Outcome]) -> None:
    examples = options.examples or (_QUICK if options.quick else _EXAMPLES)
    for what in options.what or WHATS:
        told = _Progress()
        compared = contest(what, cast, options.only)
        if compared is None:
            continue
        sys.stderr.write(
            f"twin: {what}: {' beside '.join(compared.subjects)}, seed {options.seed}\n"
        )
        try:
            outcome = Outcome(what, compared.subjects, options.seed, examples)
            outcomes.append(outcome)
            conduct(compared, outcome, told.tell)
        finally:
            compared.close()
        sys.stdout.write(_summary(outcome))


class _Progress:
    """A line every few seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def tell(self, outcome: Outcome) -> None:
        """How far it is."""
        now = time.monotonic()
        if outcome.finding is not None:
            sys.stderr.write(
                f"twin: a difference, which is made small now: {outcome.finding.title}\n"
            )
        if now - self._last >= _EVERY or outcome.finding is not None:
            self._last = now
            sys.stderr.write(f"twin: {_figures(outcome)}\n")
            sys.stderr.flush()


def _figures(outcome: Outcome) -> str:
    differences = int(outcome.finding is not None)
    return (
        f"{outcome.what} {outcome.compared}/{outcome.wanted} programs, {outcome.steps} steps, "
        f"{differences} differences, {len(outcome.once)} that did not repeat, "
        f"{outcome.seconds:.0f} s"
    )


def _summary(outcome: Outcome) -> str:
    lines = [_figures(outcome)]
    for finding in outcome.once:
        lines += [f"\nseen once, and not again: {finding.title}", finding.transcript]
    if outcome.finding is not None:
        found = outcome.finding
        lines += [f"\nA DIFFERENCE, seed {outcome.seed}, {found.title}", found.transcript]
        lines += ["\nas a test:\n", found.test]
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suites.stateful",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--examples", type=_positive, metavar="N", help=f"programs of each kind ({_EXAMPLES})")
    add("--seed", type=int, default=random.randrange(10**6), help="of the programs (by chance)")  # noqa: S311  no secret
    add("--quick", action="store_true", help=f"{_QUICK} programs of each kind")
    add("--what", action="append", choices=WHATS, help="only this kind; may be repeated")
    add("--only", action="append", default=[], choices=AREAS, help="let this area weigh more")
    add(
        "--broker",
        action="append",
        metavar="SPEC",
        help="who is compared, as in the suites; repeat it (reference and the real ones there are)",
    )
    add("--output", type=Path, metavar="FILE", help="the record (default: reports/runs/…)")
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a whole number above 0")
    return number


if __name__ == "__main__":
    raise SystemExit(main())
