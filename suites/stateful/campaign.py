"""Many programs from one seed, until they are done or one of them finds a difference."""

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


Tell = Callable[[Outcome], None]


def conduct(contest: Contest, outcome: Outcome, tell: Tell, *, shrink: bool = True) -> None:
    """Compare programs until the outcome has as many as it wants, or one finds a difference.

    The first difference that repeats ends it, made small. `tell` hears of each program, and of the
    difference when it is first seen.
    """
    check = _Check(contest, outcome, tell)

    @seed(outcome.seed)
    @_settings(outcome.wanted, shrink=shrink)
    @given(contest.programs())
    def compare(program: Any) -> None:
        check(program)

    try:
        compare()
    except Difference as difference:
        outcome.finding = difference.finding
    except Flaky:  # it came and went while it was made smaller: the last that was seen stands
        pass
    outcome.seconds = check.elapsed()


class _Check:
    """What is done with each program."""

    def __init__(self, contest: Contest, outcome: Outcome, tell: Tell) -> None:
        self._contest, self._outcome, self._tell = contest, outcome, tell
        self._began = time.monotonic()

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def __call__(self, program: Any) -> None:
        """Run it. Raises Difference."""
        outcome = self._outcome
        finding = self._contest.differs(program)
        if finding is not None and outcome.finding is None and not self._repeats(program):
            outcome.once.append(finding)
            finding = None
        if finding is not None:
            self._found(finding)
            raise Difference(finding)
        if outcome.finding is None:
            outcome.compared += 1
            outcome.steps += len(program)
            outcome.seconds = self.elapsed()
            self._tell(outcome)

    def _repeats(self, program: Any) -> bool:
        return all(self._contest.differs(program) is not None for _ in range(AGAIN))

    def _found(self, finding: Finding) -> None:
        first = self._outcome.finding is None
        self._outcome.finding = finding
        if first:
            self._contest.hurry()
            self._outcome.seconds = self.elapsed()
            self._tell(self._outcome)


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
