"""From pytest's phases of a conformance test to its verdict, and back to pytest's outcome."""

from collections.abc import Generator
from pathlib import Path

import pytest

from faults import Unsupported as FaultUnsupported
from reports.model import Verdict
from suites.brokers.base import UnendingError, Unsupported
from suites.clients import pika as pika_client
from suites.harness import casebook
from suites.harness.collection import requirements_of
from suites.harness.evidence import EVIDENCE, Evidence
from suites.harness.station import STATION, Station
from suites.harness.verdict import End, Judgement, Seen, judge
from suites.verify import Mismatch

DEADLY_NEEDS = frozenset({"kill", "restart", "pause"})
"""A test that needs one of these may leave the broker dead or frozen: that is no one's crime."""

TRANSCRIPT_SHOWN = 30

TROUBLE = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.WEAK})
"""Verdicts that the broker's log goes with."""

XFAILED = frozenset({Verdict.DEVIATION, Verdict.WEAK})
"""Verdicts on a test that failed, and that do not fail the run."""


def pytest_configure(config: pytest.Config) -> None:
    """Set up the holder of this process's broker."""
    config.stash[STATION] = Station(config.getoption("broker"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave no broker behind."""
    station = config.stash.get(STATION, None)
    if station is not None:
        station.close()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin to collect a conformance test's evidence."""
    if requirements_of(item):
        item.stash[EVIDENCE] = Evidence()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge a conformance test when its call, or what broke before or after it, is over."""
    report = yield
    evidence = item.stash.get(EVIDENCE, None)
    if evidence is None:
        return report
    station = item.config.stash[STATION]
    evidence.seconds += call.duration
    if call.when == "call" or call.excinfo is not None:
        _judge(report, item, call, station)
    if call.when == "setup":
        setattr(report, casebook.IDENTITY, casebook.identity(station))
        setattr(report, casebook.BEGUN, casebook.begun(item, station))
    if call.when == "teardown":
        setattr(report, casebook.CASE, casebook.finished(item, station))
    return report


def _judge(
    report: pytest.TestReport, item: pytest.Item, call: pytest.CallInfo[None], station: Station
) -> None:
    evidence = item.stash[EVIDENCE]
    if call.when == "teardown" and _failed(evidence.judgement):
        return  # what broke after a failure is its consequence
    evidence.seen = seen = _seen(item, call, evidence, station)
    identifiers = requirements_of(item)
    concerned = [e for e in station.expectations if e.concerns(identifiers, item.nodeid)]
    level = None if item.config.getoption("ungraded") else casebook.level_of(item)
    evidence.judgement = judgement = judge(seen, concerned, level)
    if judgement.verdict in TROUBLE:
        evidence.log = station.log()
    _reshape(report, item, call, judgement)


def _seen(
    item: pytest.Item, call: pytest.CallInfo[None], evidence: Evidence, station: Station
) -> Seen:
    error = call.excinfo.value if call.excinfo else None
    seen = _ending(call.when, error, evidence.observation)
    if seen.end is End.UNSUPPORTED or call.when == "teardown" or _may_kill(item):
        return seen
    doubtful = error is not None or any(client.link.ended for client in evidence.clients)
    lost = station.lost(doubtful=doubtful)
    if lost is None:
        return seen
    told = f"{lost}: {seen.message}" if seen.message else lost
    if call.when == "setup":  # of which some earlier test is guilty
        return Seen(End.BROKEN, told)
    return Seen(End.FAILED, told, seen.expected, lost, fatal=True)


def _failed(judgement: Judgement | None) -> bool:
    return judgement is not None and judgement.verdict in {Verdict.FAIL, Verdict.WEAK}


def _may_kill(item: pytest.Item) -> bool:
    return any(DEADLY_NEEDS.intersection(mark.args) for mark in item.iter_markers("needs"))


def _ending(when: str, error: BaseException | None, observation: str | None) -> Seen:
    """How the phase ended; what else than the broker goes wrong is no verdict on it."""
    if error is None:
        return Seen(End.PASSED, observation=observation)
    message = _one_line(error)
    if isinstance(error, Unsupported | FaultUnsupported | pytest.skip.Exception):
        return Seen(End.UNSUPPORTED, message)
    mismatch = error if isinstance(error, Mismatch) else pika_client.mismatch(error)
    if when != "teardown" and mismatch is not None:
        return Seen(End.FAILED, _one_line(mismatch), mismatch.expected, mismatch.actual)
    if when != "teardown" and isinstance(error, UnendingError):
        return Seen(End.FAILED, message, "the broker ends", "it does not end")
    if when != "teardown" and isinstance(error, AssertionError | pytest.fail.Exception):
        timed_out = message.startswith("Timeout")  # pytest-timeout raises pytest.fail
        return Seen(End.BROKEN if timed_out else End.FAILED, message)
    kind = type(error).__name__
    return Seen(End.BROKEN, f"{when}: {kind}: {message}" if message else f"{when}: {kind}")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split("\n", 1)[0].split())


def _reshape(
    report: pytest.TestReport,
    item: pytest.Item,
    call: pytest.CallInfo[None],
    judgement: Judgement,
) -> None:
    """Make pytest's outcome agree with the verdict."""
    verdict, reason = judgement.verdict, judgement.reason or ""
    if verdict in XFAILED or (verdict is Verdict.INFORMATIONAL and report.outcome == "failed"):
        report.outcome = "skipped"
        report.wasxfail = f"{verdict}: {reason}"
    elif verdict is Verdict.UNSUPPORTED:
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {reason}")
    elif verdict is Verdict.FAIL:
        report.outcome = "failed"
        report.longrepr = _evidence_text(item, call, reason)
    elif verdict is Verdict.ERROR:
        report.outcome = "failed"


def _evidence_text(item: pytest.Item, call: pytest.CallInfo[None], reason: str) -> str:
    """Where, what, and the end of the transcript: more use than a trace through our clients."""
    lines = item.stash[EVIDENCE].transcript.lines[-TRANSCRIPT_SHOWN:]
    return "\n".join([reason, f"at {_where(item, call)}", "", *lines])


def _where(item: pytest.Item, call: pytest.CallInfo[None]) -> str:
    """The innermost line of the test's own file that the failure passed through."""
    file, line, _name = item.location
    entries = call.excinfo.traceback if call.excinfo else ()
    lines = [entry.lineno + 1 for entry in entries if Path(entry.path) == item.path]
    return f"{file}:{lines[-1] if lines else (line or 0) + 1}"
