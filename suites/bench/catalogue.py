"""Every scenario, in the order of the report."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from suites.bench.scenario import Scenario
from suites.bench.scenarios import (
    confirm,
    drain,
    latency,
    library,
    lifecycle,
    process,
    publish,
    relay,
    routing,
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
)


def chosen(patterns: Sequence[str]) -> list[Scenario]:
    """Those whose name matches one of the globs, or all; ValueError names a glob without match."""
    for pattern in patterns:
        if not any(fnmatchcase(scenario.name, pattern) for scenario in SCENARIOS):
            names = ", ".join(scenario.name for scenario in SCENARIOS)
            raise ValueError(f"no scenario matches {pattern!r}; there are: {names}")
    return [
        scenario
        for scenario in SCENARIOS
        if not patterns or any(fnmatchcase(scenario.name, pattern) for pattern in patterns)
    ]
