"""A run as JSON, and where its files go."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports.record import run_path
from reports.scrub import scrub
from suites.bench.curve import Growth, drawn
from suites.bench.render import markdown
from suites.bench.runner import Sample
from suites.bench.summary import Line, Summary, shown


def write(
    summary: Summary,
    command: str,
    folder: Path,
    notes: Sequence[str] = (),
    growths: Sequence[Growth] = (),
) -> list[Path]:
    """Write the pages of a run, Markdown, JSON and pictures; OSError if they cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    stem = run_path(folder, "bench", now)
    pictures = {
        stem.with_name(f"{stem.stem}-{name}.svg"): svg for name, svg in drawn(growths).items()
    }
    links = {path.stem.rpartition("-")[2]: path.name for path in pictures}
    pages = {
        stem.with_suffix(".md"): markdown(summary, command, notes, links),
        stem.with_suffix(".json"): as_json(summary, command, now, growths),
        **pictures,
    }
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return list(pages)


def as_json(summary: Summary, command: str, now: datetime, growths: Sequence[Growth] = ()) -> str:
    """Every figure, median, ratio and verdict, for programs."""
    data = {
        "written": now.isoformat(timespec="seconds"),
        "command": command,
        "machine": {"system": platform.system(), "processors": os.cpu_count()},
        "python": platform.python_version(),
        "rounds": summary.plan.rounds,
        "quick": summary.plan.quick,
        "brokers": [
            {
                "name": shown(spec),
                "product": identity.product,
                "version": identity.version,
                "configuration": dict(identity.configuration),
            }
            for spec, identity in summary.identities.items()
        ],
        "lines": [_line(line) for line in summary.lines],
        "growth": [_growth(growth) for growth in growths],
        "client_share": {shown(spec): summary.client_shares(spec) for spec in summary.plan.brokers},
        "failures": [_failure(sample) for sample in summary.failures],
    }
    return scrub(json.dumps(data, indent=1, ensure_ascii=False)) + "\n"


def _line(line: Line) -> dict[str, Any]:
    return {
        "scenario": line.scenario.name,
        "metric": line.metric.name,
        "unit": line.metric.unit,
        "values": {shown(spec): list(found) for spec, found in line.values.items()},
        "medians": {shown(spec): value for spec, value in line.medians.items()},
        "ratios": {shown(spec): value for spec, value in line.ratios.items()},
        "must": line.mark and line.mark.must,
        "aim": line.mark and line.mark.aim,
        "verdict": line.verdict,
    }


def _growth(growth: Growth) -> dict[str, Any]:
    return {
        "curve": growth.curve.name,
        "broker": shown(growth.broker),
        "metric": growth.metric.name,
        "unit": growth.metric.unit,
        "costs": [list(point) for point in growth.costs],
        "factor": growth.factor,
        "must": growth.must,
    }


def _failure(sample: Sample) -> dict[str, Any]:
    return {
        "scenario": sample.scenario,
        "broker": shown(sample.broker),
        "round": sample.round,
        "reason": sample.failure,
    }
