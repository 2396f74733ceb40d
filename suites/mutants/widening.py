"""Which requirements does a mutant break? Each test is run, and each requirement judged alone.

A trial stops at the first test that fails, which is enough to kill. Here a requirement counts when
one of its own tests fails, so that the mutants' lists can be made as long as they may be.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from suites.mutants import Mutant
from suites.mutants.campaign import FAILED, Campaign, Order, Outcome
from suites.mutants.trial import own_tests

LIMIT = 60  # seconds for a test, which is then undecided: broken brokers make many wait
MUCH = 0.5  # of the tests: a mutant that fails more of them breaks the broker as a whole
FEW = 4  # tests, of which all may fail


@dataclass(frozen=True, slots=True)
class Width:
    """What a mutant breaks: `further` requirements that it does not name, and named ones not."""

    mutant: Mutant
    further: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    failed: int = 0
    tests: int = 0
    reason: str = ""

    def __str__(self) -> str:
        told = [*(f"+{name}" for name in self.further), *(f"-{name}" for name in self.missed)]
        much = self.further and self.tests > FEW and self.failed > MUCH * self.tests
        why = self.reason or ("breaks the broker as a whole?" if much else "")
        counts = f"{self.failed}/{self.tests} failed"
        return " ".join([f"{self.mutant.id}: {counts}", *told, *([f"({why})"] if why else [])])


def widen(
    campaign: Campaign,
    mutants: Sequence[Mutant],
    lacking: Collection[str],
    jobs: int,
    tell: Callable[[Width], None],
) -> None:
    """Run each against its own tests and those of the requirements that lack a mutant.

    Of the latter only those of the areas that the mutant's own requirements are of.
    """

    def tried(mutant: Mutant) -> list[str]:
        areas = {_area(name) for name in mutant.requirements}
        return [*mutant.requirements, *(name for name in lacking if _area(name) in areas)]

    def ended(order: Order, outcome: Outcome) -> None:
        mutant = order.mutant
        if isinstance(outcome, str):
            tell(Width(mutant, missed=mutant.requirements, reason=outcome))
            return
        failed = {case.test for case in outcome if case.verdict in FAILED}
        broken = [n for n in tried(mutant) if failed.intersection(campaign.tests.get(n, ()))]
        further = tuple(name for name in broken if name not in mutant.requirements)
        missed = tuple(name for name in mutant.requirements if name not in broken)
        tell(Width(mutant, further, missed, len(failed), len(outcome)))

    orders = [Order(mutant, own_tests(campaign, tried(mutant))) for mutant in mutants]
    campaign.run(orders, jobs, ended)


def _area(identifier: str) -> str:
    return identifier.partition("/")[0]
