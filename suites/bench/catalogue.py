"""Every scenario, in the order of the report."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TypeVar

from suites.bench.curve import Curve
from suites.bench.scenario import Scenario
from suites.bench.scenarios import (
    aio,
    confirm,
    drain,
    growth,
    latency,
    library,
    lifecycle,
    process,
    publish,
    relay,
    routing,
    text,
)

SCENARIOS = (
    *publish.SCENARIOS,
    *drain.SCENARIOS,
    *relay.SCENARIOS,
    *routing.SCENARIOS,
    *confirm.SCENARIOS,
    *latency.SCENARIOS,
    *lifecycle.SCENARIOS,
    *process.SCENARIOS,
    *library.SCENARIOS,
    *aio.SCENARIOS,
    *text.SCENARIOS,
)


CURVES = growth.CURVES

Named = TypeVar("Named", Scenario, Curve)


def chosen(patterns: Sequence[str]) -> list[Scenario]:
    """Those whose name matches one of the globs, or all; ValueError names a glob without match."""
    return _chosen("scenario", SCENARIOS, patterns)


def chosen_curves(patterns: Sequence[str]) -> list[Curve]:
    """The same of the curves."""
    return _chosen("curve", CURVES, patterns)


def _chosen(what: str, known: Sequence[Named], patterns: Sequence[str]) -> list[Named]:
    for pattern in patterns:
        if not any(fnmatchcase(one.name, pattern) for one in known):
            names = ", ".join(one.name for one in known)
            raise ValueError(f"no {what} matches {pattern!r}; there are: {names}")
    return [
        one
        for one in known
        if not patterns or any(fnmatchcase(one.name, pattern) for pattern in patterns)
    ]
