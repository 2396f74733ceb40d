"""This run beside an earlier one, from its JSON file."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suites.bench import table
from suites.bench.summary import Line, Summary, shown

NOTICED = 1.15  # times better or worse; below it a busy machine is as likely as a change


@dataclass(frozen=True, slots=True)
class Past:
    """What an earlier run has measured."""

    written: str
    medians: Mapping[tuple[str, str, str], float]
    """By scenario, metric and broker."""


def load(path: Path) -> Past:
    """The earlier run. ValueError says what is wrong with the file."""
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
        if data["quick"]:
            raise ValueError(f"{path} is of a quick run: its figures mean nothing")
        medians = {
            (line["scenario"], line["metric"], broker): float(value)
            for line in data["lines"]
            for broker, value in line["medians"].items()
        }
        return Past(str(data["written"]), medians)
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not the JSON file of a bench run") from error


def remarks(summary: Summary, past: Past) -> list[str]:
    """What has become better or worse since, the largest change first, a sentence each."""
    changes = sorted(_changes(summary, past), key=lambda change: -max(change[0], 1 / change[0]))
    told = [
        f"Since {past.written}: {words}, {max(times, 1 / times):.2f} times "
        f"{'better' if times > 1 else 'worse'}."
        for times, words in changes
        if max(times, 1 / times) >= NOTICED
    ]
    if not changes:
        return [f"Nothing here was measured in the run of {past.written}."]
    return told or [f"Nothing has changed by {NOTICED - 1:.0%} or more since {past.written}."]


def _changes(summary: Summary, past: Past) -> Iterator[tuple[float, str]]:
    """How many times better each figure is, and its words."""
    for line in summary.lines:
        for broker, value in line.medians.items():
            before = past.medians.get((line.scenario.name, line.metric.name, shown(broker)))
            if before and value:
                times = value / before if line.metric.more_is_better else before / value
                yield times, _words(line, broker, before, value)


def _words(line: Line, broker: str, before: float, value: float) -> str:
    name = f"{line.scenario.name} ({table.label(line.metric)}) on {shown(broker)}"
    return f"{name} went from {table.number(before)} to {table.number(value)}"
