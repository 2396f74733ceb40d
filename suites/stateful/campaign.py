"""Many programs from one seed, until they are done or one of them finds a difference."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky

AGAIN = 2
"""How often a difference must be seen again, to tell it from a moment's overload."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference: what was said by whom, the program as data, and as a test."""

    title: str
    transcript: str
    program: list[Any]
    test: str = ""


class Contest(Protocol):
    """Two subjects at least, the model that judges them, and what programs they are given."""

    what: str
    subjects: list[str]

    def programs(self) -> st.SearchStrategy[Any]:
        """What to draw programs from."""

    def differs(self, program: Any) -> Finding | None:
        """Run it on all subjects, and compare."""

    def hurry(self) -> None:
        """From now on the same difference is looked for in ever smaller programs."""

    def close(self) -> None:
        """End what was begun."""


class Difference(AssertionError):  # noqa: N818  a finding, not an error of ours
    """A program on which the subjects, or a subject and the model, differ."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.title)
        self.finding = finding


@dataclass(slots=True)
class Outcome:
    """What a campaign has come to."""

    what: str
    subjects: list[str]
    seed: int
    wanted: int
    compared: int = 0
    steps: int = 0
    seconds: float = 0.0
    finding: Finding | None = None
    once: list[Finding] = field(default_factory=list)
    """Differences that did not repeat: chance or overload, and worth a look."""


def conduct(
    contest: Contest,
    examples: int,
    number: int,
    tell: Callable[[Outcome], None],
    *,
    shrink: bool = True,
) -> Outcome:
    """Compare so many programs; the first difference that repeats ends it, made small."""
    outcome = Outcome(contest.what, contest.subjects, number, examples)
    began = time.monotonic()

    def check(program: Any) -> None:
        """One program on all subjects."""
        finding = contest.differs(program)
        if finding is None:
            return
        if outcome.finding is None and not _repeats(contest, program):
            outcome.once.append(finding)
            return
        if outcome.finding is None:
            contest.hurry()
            outcome.finding = finding
            outcome.seconds = time.monotonic() - began
            tell(outcome)
        outcome.finding = finding
        raise Difference(finding)

    @seed(number)
    @_settings(examples, shrink=shrink)
    @given(contest.programs())
    def compare(program: Any) -> None:
        check(program)
        if outcome.finding is None:
            outcome.compared += 1
            outcome.steps += len(program)
            outcome.seconds = time.monotonic() - began
            tell(outcome)

    random.seed(number)
    try:
        compare()
    except Difference as difference:
        outcome.finding = difference.finding
    except Flaky:  # it came and went while it was made smaller: the last that was seen stands
        pass
    outcome.seconds = time.monotonic() - began
    return outcome


def _repeats(contest: Contest, program: Any) -> bool:
    return all(contest.differs(program) is not None for _ in range(AGAIN))


def _settings(examples: int, *, shrink: bool) -> settings:
    return settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )
