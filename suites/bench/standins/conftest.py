"""Measures each test whole, with what its fixtures do before and after, and prints the table."""

import time
from collections import defaultdict
from collections.abc import Iterator
from statistics import median

import pytest

MILLI = 1e3  # of a second

_costs: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Function) -> Iterator[None]:
    """Wall and CPU time of this process (s); what another process does for it shows as wall."""
    wall, busy = time.perf_counter(), time.process_time()
    result = yield
    cost = (time.perf_counter() - wall, time.process_time() - busy)
    _costs[item.function.__name__].append(cost)
    return result


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A row for each stand-in."""
    line = terminalreporter.write_line
    line("| stand-in | tests | median wall, ms | least wall, ms | median CPU, ms |")
    line("|---|---:|---:|---:|---:|")
    for name, costs in _costs.items():
        walls, busies = ([MILLI * cost for cost in column] for column in zip(*costs, strict=True))
        figures = f"{median(walls):.1f} | {min(walls):.1f} | {median(busies):.1f}"
        line(f"| {name.removeprefix('test_')} | {len(costs)} | {figures} |")
