"""The record of a run: seeds, figures and whatever was found, as one JSON file."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from suites.stateful.campaign import Outcome

_RUNS = Path("reports/runs")


def write(
    outcomes: Sequence[Outcome],
    identities: Mapping[str, str],
    words: Sequence[str],
    path: Path | None,
) -> Path:
    """Write it; where it is. Raises OSError."""
    now = datetime.now(UTC)
    target = path or _RUNS / f"{now:%Y%m%dT%H%M%SZ}-twin.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "ended": now.isoformat(timespec="seconds"),
        "command": shlex.join(["nox", "-s", "twin", *(["--", *words] if words else [])]),
        "brokers": dict(identities),
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    target.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return target
