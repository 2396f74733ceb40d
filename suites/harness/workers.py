"""How many tests run side by side: what `-n auto` means where a broker is on trial.

Most conformance tests wait for a protocol timer rather than for a processor, so that more of them
than there are processors run side by side. Each worker has a broker of its own, which costs more
where that is not the reference broker.
"""

import os
from pathlib import Path

import pytest

from suites.harness.collection import JUDGED_FOLDERS

AT_LEAST = {"reference": 6}
OTHERS_AT_LEAST = 4

_SUITES = Path(__file__).parents[1]


def side_by_side(kind: str, processors: int) -> int:
    """How many workers a broker of this kind is given."""
    return max(AT_LEAST.get(kind, OTHERS_AT_LEAST), processors)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """As many as wait well, if all that runs is judged; else xdist decides (None)."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ or not all(map(_judged, config.args)):
        return None
    kind: str = config.getoption("--broker").partition(":")[0]
    return side_by_side(kind, os.cpu_count() or 1)


def _judged(argument: str) -> bool:
    path = Path(argument.partition("::")[0]).resolve()
    return any(path.is_relative_to(_SUITES / folder) for folder in JUDGED_FOLDERS)
