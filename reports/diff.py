"""What has changed from one run to another, requirement by requirement."""

import re
from enum import StrEnum

from msgspec import Struct

from reports.analyse import GRAVEST_FIRST
from reports.matrix import Cell, compare
from reports.model import Case, Record, Requirement, Verdict
from reports.render import words

BAD = frozenset({Verdict.FAIL, Verdict.ERROR, Verdict.WEAK})
"""What is newly failing when it was not there before."""

GOOD = frozenset({Verdict.PASS, Verdict.INFORMATIONAL})

# Times and generated names differ from run to run, and say nothing of the broker.
_PASSING = re.compile(
    r"\d+(?:\.\d+)?(?= ?(?:µs|ms|s|seconds|msg/s|[KMG]iB|%)\b)|\b[0-9a-f]{8,}\b|\d+\.\d+"
)


class Kind(StrEnum):
    """What has become of a requirement, the gravest first."""

    WORSE = "newly failing"
    GONE = "no longer decided"
    CHANGED = "changed"
    FIXED = "fixed"
    ADDED = "newly decided"


class Change(Struct, frozen=True, kw_only=True):
    """One requirement that is not as it was."""

    kind: Kind
    requirement: Requirement
    old: Cell | None
    new: Cell | None

    @property
    def told(self) -> str:
        """One line: the verdicts, and what is seen now beside what was seen."""
        before, after = _verdict(self.old), _verdict(self.new)
        seen = "; ".join(_why(self.new or self.old, self.old if self.new else None))
        line = f"{self.requirement.id}: {before} → {after}"
        return words.visible(f"{line}: {seen}" if seen else line)


def changes(old: Record, new: Record) -> list[Change]:
    """Every requirement that changed, the gravest kind first."""
    found = []
    for row in compare([old, new]).rows:
        before, after = row.cells
        kind = _kind(before, after)
        if kind is not None:
            found.append(Change(kind=kind, requirement=row.requirement, old=before, new=after))
    order = list(Kind)
    return sorted(found, key=lambda change: order.index(change.kind))


def exit_code(found: list[Change], *, strict: bool = False) -> int:
    """Give 1 when something is newly failing; if strict, when anything but a repair changed."""
    harmful = {Kind.WORSE, Kind.GONE, Kind.CHANGED} if strict else {Kind.WORSE}
    return int(any(change.kind in harmful for change in found))


def _kind(old: Cell | None, new: Cell | None) -> Kind | None:
    if old is None or new is None:
        return Kind.ADDED if old is None and new and new.verdict not in BAD else _one_sided(new)
    if new.verdict in BAD and _rank(new.verdict) < _rank(old.verdict):
        return Kind.WORSE
    if new.verdict in GOOD and old.verdict not in GOOD:
        return Kind.FIXED
    return Kind.CHANGED if observed(old) != observed(new) else None


def _one_sided(new: Cell | None) -> Kind:
    """A requirement that only one run decides; one that fails at once is no addition."""
    return Kind.GONE if new is None else Kind.WORSE


def _rank(verdict: Verdict) -> int:
    return GRAVEST_FIRST.index(verdict)


def observed(cell: Cell) -> list[tuple[str, ...]]:
    """What was seen of a requirement, without what differs from run to run."""
    return sorted(_observed(case) for case in cell.cases)


def _observed(case: Case) -> tuple[str, ...]:
    seen = (case.actual or "", case.observation or "")
    return (case.test, case.verdict, *(_PASSING.sub("#", text) for text in seen))


def _verdict(cell: Cell | None) -> str:
    return cell.verdict if cell else "not run"


def _why(cell: Cell | None, other: Cell | None) -> list[str]:
    """What the cases tell that are not as they were."""
    known = set(observed(other)) if other else set()
    cases = [case for case in (cell.cases if cell else []) if _observed(case) not in known]
    return list(dict.fromkeys(told for case in cases if (told := words.told(case))))


def report(found: list[Change]) -> str:
    """The changes as text, by kind; one line where there are none."""
    if not found:
        return "Nothing has changed.\n"
    parts = []
    for kind in Kind:
        lines = [f"  {change.told}" for change in found if change.kind is kind]
        if lines:
            parts.append("\n".join([f"{kind} ({len(lines)})", *lines]))
    return "\n\n".join(parts) + "\n"
