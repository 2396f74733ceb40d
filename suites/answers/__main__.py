"""The command line: `python -m suites.answers --help`."""

import argparse
import platform
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import msgspec

from reports.answers import publish
from reports.answers.model import Cell, Head, Study, save
from reports.model import Broker as Who
from reports.model import RecordError
from suites.answers import experiments
from suites.answers.experiment import BROKE, Experiment, Stage
from suites.brokers import registry
from suites.brokers.base import Broker, BrokerError

_FAILED, _BAD_INPUT, _INTERRUPTED = 1, 2, 130
_RUNS = Path("reports/runs")
_DESCRIPTION = "Answer what users ask by experiments, on one broker or on several side by side."
_EPILOG = """\
examples:
  nox -s answers -- --broker reference --broker rabbitmq
  nox -s answers -- --question anonymous-queues --set heartbeat=1

Each question gets a study (JSON lines), a page in Markdown, one in HTML with the evidence of each
cell, and a picture. Exit code: 0 if every experiment was made, 1 if one broke, 2 if the run could
not begin or a page not be written.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, write the pages; the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(words)
    try:
        chosen = [_named(identifier) for identifier in options.question or experiments.known()]
        changes = dict(_change(text, chosen) for text in options.set)
        specs = list(dict.fromkeys(options.broker or ["reference"]))
        brokers = [registry.parse(spec) for spec in specs]
        folder = options.output or _RUNS / f"answers-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        return _run(chosen, brokers, changes, options.seed, folder)
    except (BrokerError, RecordError, ValueError) as error:
        sys.stderr.write(f"answers: {error}\n")
        return _BAD_INPUT
    except KeyboardInterrupt:
        sys.stderr.write("answers: interrupted; the pages of finished questions are written\n")
        return _INTERRUPTED


def _run(
    chosen: list[Experiment],
    brokers: list[Broker],
    changes: dict[str, float],
    seed: int,
    folder: Path,
) -> int:
    broken = 0
    try:
        for broker in brokers:
            _tell(f"starting {broker.name}")
            broker.start()
        for experiment in chosen:
            parameters = {**experiment.defaults, **changes}
            kept = {name: parameters[name] for name in experiment.defaults}
            study = _study(experiment, brokers, kept, seed)
            broken += sum(1 for cell in study.cells if (cell.trouble or "").startswith(BROKE))
            save(study, folder / f"{experiment.question.id}.jsonl")
            for path in publish.write(study, folder):
                sys.stdout.write(f"{path}\n")
        sys.stdout.write(f"{publish.write_index(folder)}\n")
    finally:
        for broker in brokers:
            broker.close()
    return _FAILED if broken else 0


def _study(
    experiment: Experiment, brokers: list[Broker], parameters: dict[str, float], seed: int
) -> Study:
    cells: list[Cell] = []
    started = datetime.now(UTC)
    for broker in brokers:
        cells += _cells(experiment, broker, parameters, seed)
    return Study(head=_head(experiment, brokers, parameters, seed, started), cells=cells)


def _cells(
    experiment: Experiment, broker: Broker, parameters: dict[str, float], seed: int
) -> Iterator[Cell]:
    """What the experiment gives, with lines about its progress."""
    identifier = experiment.question.id
    began = time.monotonic()

    def progress(text: str) -> None:
        _tell(f"{identifier} on {broker.name}: {text} ({time.monotonic() - began:.0f} s)")

    if not broker.alive():
        broker.start()
    yield from experiment.run(Stage(broker, seed, parameters, progress))
    progress("done")


def _head(
    experiment: Experiment,
    brokers: list[Broker],
    parameters: dict[str, float],
    seed: int,
    started: datetime,
) -> Head:
    words = ["nox", "-s", "answers", "--"]
    for broker in brokers:
        words += ["--broker", broker.name]
    words += ["--question", experiment.question.id, "--seed", str(seed)]
    for name, value in parameters.items():
        if value != experiment.defaults[name]:
            words += ["--set", f"{name}={value:g}"]
    return Head(
        question=experiment.question.id,
        started=started,
        seed=seed,
        parameters=dict(parameters),
        brokers=[_who(broker) for broker in brokers],
        platform=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        project=metadata.version("mqproof"),
        repeat=shlex.join(words),
    )


def _who(broker: Broker) -> Who:
    identity = broker.identity
    configuration = msgspec.to_builtins(dict(identity.configuration))
    return Who(
        spec=broker.name,
        product=identity.product,
        version=identity.version,
        configuration=configuration,
    )


def _named(identifier: str) -> Experiment:
    experiment = experiments.known().get(identifier)
    if experiment is None:
        offer = ", ".join(experiments.known())
        raise ValueError(f"no question is named {identifier!r}; there are: {offer}")
    return experiment


def _change(text: str, chosen: list[Experiment]) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    known = sorted({name for experiment in chosen for name in experiment.defaults})
    if not equals or name not in known:
        raise ValueError(f"--set {text}: give NAME=SECONDS, with a name of {', '.join(known)}")
    try:
        seconds = float(value)
    except ValueError:
        raise ValueError(f"--set {text}: {value!r} is no number") from None
    if seconds <= 0:
        raise ValueError(f"--set {text}: give a number above 0")
    return name, seconds


def _tell(text: str) -> None:
    sys.stderr.write(f"answers: {text}\n")
    sys.stderr.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suites.answers",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--broker",
        action="append",
        metavar="SPEC",
        help="whom to ask, as in the suites; may be repeated (default: reference)",
    )
    parser.add_argument(
        "--question",
        action="append",
        metavar="ID",
        help=f"only this one; may be repeated: {', '.join(experiments.known())}",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=SECONDS",
        help="change a parameter of the experiments, for instance heartbeat=1",
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="of the order of the cells (%(default)s)"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="where to write (default: reports/runs/…)"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
