"""The command line: `python -m suites.bench --help`."""

import argparse
import resource
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from suites.bench import catalogue, compare, curve, record, render, table
from suites.bench.runner import Plan, Runner, Sample
from suites.bench.summary import Summary, shown, summarise
from suites.brokers import registry
from suites.brokers.base import BrokerError

_SHORT, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_ROUNDS = 3
_RUNS = Path("reports/runs")
_DESCRIPTION = "Measure the reference broker, and others beside it, on this machine in one run."
_EPILOG = """\
example:
  nox -s bench -- --against rabbitmq --against garagemq --only 'relay-*'

Every measurement is made on a fresh process of the broker, the brokers take turns in going first,
and the medians of all rounds count. CPU is that of the broker's processes (Linux alone tells).
The bar that is judged by is suites/bench/bar.toml. Exit code: 0 if every must is met, 1 if one is
not or a measurement of the subject failed, 2 if the run could not begin or its pages be written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the pages; the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    if options.list:
        _list()
        return 0
    try:
        curves = catalogue.chosen_curves(options.only) if options.curves else []
        plan = _plan(options, curves)
        past = None if options.compare is None else compare.load(options.compare)
        runner = Runner(plan, _tell)
        interrupted = _run(runner)
        summary = summarise(plan, runner.identities, runner.samples)
        command = shlex.join(["nox", "-s", "bench", *(["--", *map(shown, words)] if words else [])])
        growths = list(curve.growths(summary, curves))
        _publish(summary, command, options.output, growths, past)
    except (BrokerError, ValueError, OSError) as error:
        sys.stderr.write(f"bench: {error}\n")
        return _BAD_INPUT
    if interrupted:
        return _INTERRUPTED
    short = any(growth.short for growth in growths if growth.broker == summary.subject)
    return 0 if summary.good and not (short and not plan.quick) else _SHORT


def _run(runner: Runner) -> bool:
    """Whether it was interrupted; every broker is gone either way."""
    try:
        runner.run()
    except KeyboardInterrupt:
        sys.stderr.write("bench: interrupted; what follows is what was measured so far\n")
        return True
    return False


def _publish(
    summary: Summary,
    command: str,
    folder: Path,
    growths: Sequence[curve.Growth],
    past: compare.Past | None,
) -> None:
    if not summary.samples:
        return
    notes = [] if past is None else compare.remarks(summary, past)
    notes += [] if summary.plan.quick else [growth.remark for growth in growths]
    sys.stdout.write(render.terminal(summary, notes))
    for path in record.write(summary, command, folder, notes, growths):
        sys.stdout.write(f"{path}\n")


def _tell(sample: Sample) -> None:
    """One measurement, as soon as it is made."""
    if sample.failure is not None:
        sys.stderr.write(f"round {sample.round}: {render.failure(sample)}\n")
        return
    figures = ", ".join(f"{name} {table.number(value)}" for name, value in sample.figures.items())
    sys.stderr.write(
        f"round {sample.round}: {sample.scenario} on {shown(sample.broker)}: {figures}\n"
    )


def _list() -> None:
    for scenario in catalogue.SCENARIOS:
        sys.stdout.write(f"{scenario.name:<20}{scenario.title}\n")
    for one in catalogue.CURVES:
        sys.stdout.write(f"{one.name:<20}{one.title}, by {one.grows} (--curves)\n")


def _plan(options: argparse.Namespace, curves: Sequence[curve.Curve]) -> Plan:
    brokers = [options.broker, *options.against]
    if len(set(brokers)) < len(brokers):
        raise ValueError(f"a broker is named twice: {', '.join(map(shown, brokers))}")
    if not registry.parse(options.broker).amqp:
        raise ValueError(f"{shown(options.broker)} does not speak AMQP, as most scenarios do")
    rounds = 1 if options.quick else options.rounds
    scenarios = [point for one in curves for point in one.scenarios(quick=options.quick)]
    if options.curves:
        _allow_many_files()
    else:
        scenarios = catalogue.chosen(options.only)
    return Plan(brokers, scenarios, rounds, options.quick)


def _allow_many_files() -> None:
    """As many open connections as the system lets us and the brokers that we start have."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nox -s bench --",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_subjects(parser)
    _add_ways(parser)
    return parser


def _add_subjects(parser: argparse.ArgumentParser) -> None:
    """What is measured, and how often."""
    add = parser.add_argument
    add("--broker", default="reference", metavar="SPEC", help="the subject (%(default)s)")
    add(
        "--against",
        action="append",
        default=[],
        metavar="SPEC",
        help="a broker to measure beside it, such as rabbitmq; may be repeated, and ratios are to "
        "the first",
    )
    add(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        help="a scenario, or a glob such as 'relay-*'; may be repeated",
    )
    add("--rounds", type=_positive, default=_ROUNDS, metavar="N", help="how often (%(default)s)")
    add(
        "--quick",
        action="store_true",
        help="one round of small counts on one process a broker: shows that all works, no more",
    )


def _add_ways(parser: argparse.ArgumentParser) -> None:
    """What becomes of the figures, and what is done in place of a measurement."""
    add = parser.add_argument
    add(
        "--output",
        type=Path,
        default=_RUNS,
        metavar="DIR",
        help="where the pages and pictures go (%(default)s)",
    )
    add(
        "--curves",
        action="store_true",
        help="measure how cost grows instead, with a picture of each curve; --only names curves",
    )
    add(
        "--compare",
        type=Path,
        metavar="JSON",
        help="the JSON page of an earlier run: say what has become better or worse since",
    )
    add("--list", action="store_true", help="name the scenarios and end")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main())
