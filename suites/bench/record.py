"""A run as JSON, and where its files go."""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reports.record import run_path
from reports.scrub import scrub
from suites.bench.render import markdown
from suites.bench.runner import Sample
from suites.bench.summary import Line, Summary, shown


def write(summary: Summary, command: str, folder: Path) -> list[Path]:
    """Write the Markdown and the JSON file of a run; OSError if they cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    stem = run_path(folder, "bench", now)
    pages = {
        stem.with_suffix(".md"): markdown(summary, command),
        stem.with_suffix(".json"): as_json(summary, command, now),
    }
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return list(pages)


def as_json(summary: Summary, command: str, now: datetime) -> str:
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


def _failure(sample: Sample) -> dict[str, Any]:
    return {
        "scenario": sample.scenario,
        "broker": shown(sample.broker),
        "round": sample.round,
        "reason": sample.failure,
    }
