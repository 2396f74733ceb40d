"""A pytest plugin that writes which tests bear which requirement, and runs none.

pytest --collect-only -p suites.mutants.collecting --tests-by-requirement FILE
"""

import json
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where to write."""
    parser.addoption("--tests-by-requirement", type=Path, required=True, metavar="FILE")


def pytest_collection_finish(session: pytest.Session) -> None:
    """A JSON object: ids of requirements, each with the ids of its tests."""
    from suites.harness.collection import requirements_of  # noqa: PLC0415  pytest rewrites it first

    found: dict[str, list[str]] = {}
    for item in session.items:
        for identifier in requirements_of(item):
            found.setdefault(identifier, []).append(item.nodeid)
    path: Path = session.config.getoption("tests_by_requirement")
    path.write_text(json.dumps(found), encoding="utf-8")
