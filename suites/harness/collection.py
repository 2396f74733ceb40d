"""Options, markers, and the rules that a conformance test must obey to be collected."""

from collections.abc import Generator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from suites import expectations
from suites.brokers import registry
from suites.brokers.base import CAPABILITIES, BrokerError
from suites.requirements import RequirementError, named

JUDGED_FOLDERS = ("amqp", "durability", "management", "memcacheq", "resilience")
PROTOCOL_CAPABILITIES = frozenset(
    {
        "publisher_confirms",
        "exchange_exchange_bindings",
        "basic.nack",
        "consumer_cancel_notify",
        "connection.blocked",
        "consumer_priorities",
        "authentication_failure_close",
        "per_consumer_qos",
        "direct_reply_to",
    }
)
"""What a broker may advertise in connection.start."""

_SUITES = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the suites."""
    group = parser.getgroup("mqproof", "message brokers on trial")
    group.addoption(
        "--broker",
        default="reference",
        metavar="SPEC",
        help="the broker under test: reference, rabbitmq, garagemq, docker:IMAGE, amqp://…",
    )
    group.addoption(
        "--requirement",
        action="append",
        default=[],
        metavar="GLOB",
        help="only the tests of requirements that match, such as 'queue/*'; may be repeated",
    )
    group.addoption(
        "--ungraded",
        action="store_true",
        help="a broken recommendation (SHOULD) or option (MAY) is a fail, as a broken MUST is",
    )
    group.addoption(
        "--record",
        metavar="PATH",
        help="where to write the run's record (default: reports/runs/…); none for no record",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; a wrong broker string or expectation ends the run at once."""
    config.addinivalue_line("markers", "requirement(id, …): the requirements that a test decides")
    config.addinivalue_line(
        "markers", "needs(capability, …): the test is unsupported on brokers that lack it"
    )
    try:
        registry.parse(config.getoption("broker"))
        expectations.check()
    except (BrokerError, expectations.ExpectationError) as error:
        raise pytest.UsageError(str(error)) from error


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a wrong marker into an error of its file's collection."""
    report = yield
    problems = [
        f"{item.nodeid}: {problem}"
        for item in report.result or ()
        if isinstance(item, pytest.Item) and (problem := _problem(item))
    ]
    if problems:
        report.outcome = "failed"
        report.longrepr = "\n".join(problems)
        report.result = []
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep only the tests that `--requirement` asks for."""
    globs = config.getoption("requirement")
    if not globs:
        return
    kept = [item for item in items if _matches(requirements_of(item), globs)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say why nothing ran: a run that decided nothing must not look like a clean one."""
    if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        globs = " ".join(config.getoption("requirement"))
        why = f"no test bears a requirement that matches {globs}" if globs else "no test was found"
        terminalreporter.write_line(f"ERROR: nothing was run: {why}")


def requirements_of(item: pytest.Item) -> list[str]:
    """The ids that a test bears, the nearest marker's first."""
    return [identifier for mark in item.iter_markers("requirement") for identifier in mark.args]


def _matches(identifiers: list[str], globs: list[str]) -> bool:
    return any(fnmatchcase(identifier, glob) for identifier in identifiers for glob in globs)


def _problem(item: pytest.Item) -> str | None:
    """What is wrong with a test's markers, if anything."""
    identifiers = requirements_of(item)
    try:
        for identifier in identifiers:
            named(identifier)
    except RequirementError as error:
        return str(error)
    if not identifiers and _judged(item.path):
        return "a conformance test bears the requirement it decides: @pytest.mark.requirement(ID)"
    known = PROTOCOL_CAPABILITIES.union(CAPABILITIES)
    for need in (need for mark in item.iter_markers("needs") for need in mark.args):
        if need not in known:
            return f"nothing is named {need!r}; a test may need {', '.join(sorted(known))}"
    return None


def _judged(path: Path) -> bool:
    return any(path.is_relative_to(_SUITES / folder) for folder in JUDGED_FOLDERS)
