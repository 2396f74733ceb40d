"""The command line: `python -m suites.soak --help`."""

import argparse
import json
import resource
import secrets
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from suites.brokers import registry
from suites.brokers.base import BrokerError
from suites.brokers.local import LocalBroker
from suites.soak.figure import Figure, ShortageError
from suites.soak.scenarios import SCENARIOS, Scenario, Stage
from suites.verify import Mismatch

_BROKEN, _BAD_INPUT = 1, 2
_RUNS = Path("reports/runs")
_QUICK_SECONDS = 1.0  # of mixed load; each fault comes once in any case
_DESCRIPTION = "Put much of everything on a broker for long, and measure what it costs."
_EPILOG = """\
example:
  nox -s soak -- --minutes 10 --broker rabbitmq

Each scenario has a fresh process of the broker. Memory and descriptors are those of its processes
(Linux alone tells); the lag is a canary's wait for its own message. Exit code: 0 if all is within
bounds, 1 if a figure is not or something was lost, 2 if the run could not begin.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print the table, write the JSON; the exit code."""
    options = _parser().parse_args(arguments)
    seed = secrets.randbelow(10**6) if options.seed is None else options.seed
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # the broker's process inherits it
    results: list[dict[str, Any]] = []
    try:
        for scenario in SCENARIOS:
            if not options.only or scenario.name in options.only:
                results.append(_result(scenario, options, seed))
                sys.stdout.write(_table(results[-1]))
                sys.stdout.flush()
        path = _written(options, seed, results)
    except (BrokerError, ShortageError, OSError) as error:
        sys.stderr.write(f"soak: {error}\n")
        return _BAD_INPUT
    broken = [result["scenario"] for result in results if result["problem"] or result["broken"]]
    verdict = f"out of bounds: {', '.join(broken)}" if broken else "all within bounds"
    sys.stdout.write(f"{path}\n{verdict}\n")
    return _BROKEN if broken else 0


def _result(scenario: Scenario, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Run one scenario on a broker of its own."""
    broker = registry.parse(options.broker)
    if not isinstance(broker, LocalBroker):
        raise BrokerError(
            f"{broker.name} is no process of ours to look at; try reference, rabbitmq"
        )
    seconds = _QUICK_SECONDS if options.quick else options.minutes * 60
    figures: list[Figure] = []
    problem = None
    with tempfile.TemporaryDirectory(prefix="mqproof-soak-") as folder, broker:
        identity = f"{broker.identity.product} {broker.identity.version}"
        stage = Stage(broker, options.quick, seconds, seed, Path(folder))
        try:
            figures = scenario.run(stage)
        except Mismatch as mismatch:
            problem = str(mismatch)
    return {
        "scenario": scenario.name,
        "title": scenario.title,
        "broker": identity,
        "problem": problem,
        "broken": [figure.name for figure in figures if figure.broken],
        "figures": [figure._asdict() for figure in figures],
    }


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['title']}, {result['broker']}"]
    if result["problem"]:
        lines.append(f"  BROKEN: {result['problem']}")
    for figure in result["figures"]:
        bound = "" if figure["most"] is None else f"  (at most {figure['most']:,.0f})"
        sign = "  BROKEN" if figure["name"] in result["broken"] else ""
        value = f"{figure['value']:,.1f}".removesuffix(".0")
        lines.append(f"  {figure['name']:<36}{value:>12} {figure['unit']:<7}{bound}{sign}".rstrip())
    return "\n".join(lines) + "\n"


def _written(options: argparse.Namespace, seed: int, results: list[dict[str, Any]]) -> Path:
    now = datetime.now(UTC)
    options.output.mkdir(parents=True, exist_ok=True)
    path: Path = options.output / f"soak-{now:%Y%m%dT%H%M%S}.json"
    head = {"started": now.isoformat(), "broker": options.broker, "seed": seed}
    data = {**head, "quick": options.quick, "results": results}
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nox -s soak --",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--broker", default="reference", metavar="SPEC", help="whom (%(default)s)")
    add("--quick", action="store_true", help="small numbers, to see that all works")
    add("--minutes", type=float, default=10, metavar="N", help="of mixed load (%(default)s)")
    add("--seed", type=int, metavar="N", help="of the mixed load")
    add("--only", action="append", choices=[s.name for s in SCENARIOS], help="one scenario")
    add("--output", type=Path, default=_RUNS, metavar="DIR", help="for the JSON (%(default)s)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
