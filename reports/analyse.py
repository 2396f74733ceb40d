"""What the cases of a run amount to: counts, outcome and exit code, from values alone."""

from collections import Counter
from collections.abc import Hashable, Iterable
from enum import StrEnum
from typing import TypeVar

from reports.model import Case, Closing, Level, Record, Verdict

Counts = dict[Verdict, int]
Key = TypeVar("Key", bound=Hashable)

GRAVEST_FIRST = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.WEAK,
    Verdict.DEVIATION,
    Verdict.UNSUPPORTED,
    Verdict.INFORMATIONAL,
    Verdict.PASS,
)


class Outcome(StrEnum):
    """What a whole run came to."""

    OK = "ok"
    FAILED = "failed"
    INCOMPLETE = "incomplete"


def tally(verdicts: Iterable[Verdict]) -> Counts:
    """Count each verdict, those that did not occur being 0, in the order of every table."""
    found = Counter(verdicts)
    return {verdict: found[verdict] for verdict in Verdict}


def by_area(cases: Iterable[Case]) -> dict[str, Counts]:
    """Count the cases of each area by verdict, the areas in alphabetical order."""
    return dict(sorted(_grouped((case.area, case.verdict) for case in cases).items()))


def by_level(cases: Iterable[Case]) -> dict[Level, Counts]:
    """Count the cases of each level that occurs by verdict, the most binding first."""
    found = _grouped((case.level, case.verdict) for case in cases)
    return {level: found[level] for level in Level if level in found}


def by_closing(cases: Iterable[Case]) -> dict[Closing, int]:
    """Count how connections ended where the broker ended them, the best first."""
    found = Counter(case.closing for case in cases)
    return {closing: found[closing] for closing in Closing if found[closing]}


def by_requirement(cases: Iterable[Case]) -> dict[str, Verdict]:
    """Give each requirement the gravest verdict among the cases that bear it."""
    gravest: dict[str, Verdict] = {}
    for case in cases:
        for requirement in case.requirements:
            known = gravest.get(requirement, case.verdict)
            gravest[requirement] = min(known, case.verdict, key=GRAVEST_FIRST.index)
    return gravest


def exit_code(counts: Counts) -> int:
    """Give 0 only when there was a case, and neither a failure nor an error; else 1."""
    clean = not counts.get(Verdict.FAIL) and not counts.get(Verdict.ERROR)
    return 0 if clean and any(counts.values()) else 1


def outcome(record: Record) -> Outcome:
    """Judge the run: a failure counts even if the run was cut, success only if it was not."""
    if any(case.verdict in {Verdict.FAIL, Verdict.ERROR} for case in record.cases):
        return Outcome.FAILED
    if record.footer is None:
        return Outcome.INCOMPLETE
    clean = not record.footer.exit_code and not exit_code(tally(c.verdict for c in record.cases))
    return Outcome.OK if clean else Outcome.FAILED


def _grouped(pairs: Iterable[tuple[Key, Verdict]]) -> dict[Key, Counts]:
    verdicts: dict[Key, list[Verdict]] = {}
    for key, verdict in pairs:
        verdicts.setdefault(key, []).append(verdict)
    return {key: tally(found) for key, found in verdicts.items()}
