"""From how a test ended, and what was expected of this broker, to a verdict: values alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.model import Level, Verdict
from suites.expectations import Expectation


class End(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"  # a Mismatch, an assertion, or the broker's death
    UNSUPPORTED = "unsupported"
    BROKEN = "broken"  # the harness, the test or the environment, not the broker


@dataclass(frozen=True, slots=True)
class Seen:
    """What a test left behind; `message` is one line, `actual` a canonical form if there is one."""

    end: End
    message: str = ""
    expected: str | None = None
    actual: str | None = None
    observation: str | None = None
    fatal: bool = False  # the broker died or hung, which no level of a requirement excuses


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict with its reason; `link` documents a deviation."""

    verdict: Verdict
    reason: str | None = None
    link: str | None = None


GRADES = {Level.SHOULD: Verdict.WEAK, Level.MAY: Verdict.INFORMATIONAL}
"""What a broken requirement comes to by its level; where none stands here it is a failure."""


def judge(seen: Seen, expectations: Sequence[Expectation], level: Level | None = None) -> Judgement:
    """The verdict; `expectations` are those that concern this test on this broker.

    Strict both ways: a known deviation that is gone, or has changed, is a failure. What nobody
    expected is graded by `level`; without one any broken requirement is a failure.
    """
    if seen.end is End.BROKEN:
        return Judgement(Verdict.ERROR, seen.message)
    if seen.end is End.UNSUPPORTED:
        return Judgement(Verdict.UNSUPPORTED, seen.message)
    if seen.end is End.PASSED:
        return _passed(seen, expectations)
    for expectation in expectations:
        if expectation.describes(seen.actual):
            return Judgement(Verdict.DEVIATION, expectation.reason, expectation.link)
    if expectations:
        known = " or ".join(expectation.observed for expectation in expectations)
        return Judgement(Verdict.FAIL, f"{seen.message}; the known deviation is another: {known}")
    grade = Verdict.FAIL if seen.fatal or level is None else GRADES.get(level, Verdict.FAIL)
    return Judgement(grade, seen.message)


def _passed(seen: Seen, expectations: Sequence[Expectation]) -> Judgement:
    always = [expectation for expectation in expectations if not expectation.sometimes]
    if always:
        gone = ", ".join(sorted({expectation.requirement for expectation in always}))
        return Judgement(Verdict.FAIL, f"deviation is gone: remove the expectation of {gone}")
    if seen.observation:
        return Judgement(Verdict.INFORMATIONAL)
    return Judgement(Verdict.PASS)
