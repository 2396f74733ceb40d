"""Put mutants on trial: the tests of the requirements at stake must fail, and not by accident."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reports.model import Verdict
from suites.mutants import Mutant
from suites.mutants.campaign import FAILED, Campaign, Judged, Order, Outcome


class Fate(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    UNDECIDED = "undecided"  # the harness broke, or there was no test


@dataclass(frozen=True, slots=True)
class Trial:
    """One mutant, its fate, and the tests that failed on it."""

    mutant: Mutant
    fate: Fate
    killers: tuple[str, ...] = ()
    reason: str = ""


def run(
    campaign: Campaign,
    mutants: Sequence[Mutant],
    jobs: int,
    *,
    every: bool,
    tell: Callable[[Trial], None],
) -> list[Trial]:
    """Try them side by side. With `every` all tests run, without only up to the first that fails.

    `tell` hears of each trial as soon as it is over.
    """
    trials: dict[str, Trial] = {}

    def note(trial: Trial) -> None:
        trials[trial.mutant.id] = trial
        tell(trial)

    def ended(order: Order, outcome: Outcome) -> None:
        chosen = own_tests(campaign, order.mutant.requirements)
        if isinstance(outcome, str):
            note(Trial(order.mutant, Fate.UNDECIDED, reason=outcome))
        else:
            note(judge(order.mutant, outcome, chosen))

    orders = []
    for mutant in mutants:
        chosen = own_tests(campaign, mutant.requirements)
        if not chosen:
            note(Trial(mutant, Fate.UNDECIDED, reason="no test bears its requirements"))
        else:
            orders.append(Order(mutant, campaign.all if every else chosen, first=not every))
    campaign.run(orders, jobs, ended)
    return [trials[mutant.id] for mutant in mutants]


def own_tests(campaign: Campaign, requirements: Iterable[str]) -> list[str]:
    """The tests that bear these requirements, each once."""
    return list(
        dict.fromkeys(test for name in requirements for test in campaign.tests.get(name, ()))
    )


def judge(mutant: Mutant, cases: Sequence[Judged], chosen: Collection[str]) -> Trial:
    """Killed if a test of its own requirements failed; other failures are only noted."""
    failed = [case.test for case in cases if case.verdict in FAILED]
    if set(chosen).intersection(failed):
        return Trial(mutant, Fate.KILLED, tuple(failed))
    broken = [case for case in cases if case.verdict is Verdict.ERROR]
    if broken:
        return Trial(mutant, Fate.UNDECIDED, tuple(failed), broken[0].reason or "an error")
    if not any(case.verdict is not Verdict.UNSUPPORTED for case in cases):
        return Trial(mutant, Fate.UNDECIDED, reason="every test was unsupported")
    return Trial(mutant, Fate.SURVIVED, tuple(failed))
