"""What the collected tests decide: requirements with a test, and rules with such a requirement."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from suites.requirements import Requirement
from suites.rules import Rule


@dataclass(frozen=True)
class Coverage:
    """What is decided, from values alone; `tested` are the ids that collected tests bear."""

    rules: Mapping[str, Rule]
    requirements: Mapping[str, Requirement]
    tested: Collection[str]

    @property
    def decided(self) -> Mapping[str, list[str]]:
        """Each rule that tests decide, with the tested requirements that say so."""
        found: dict[str, list[str]] = {}
        for requirement in self.requirements.values():
            if requirement.id in self.tested:
                for rule in requirement.rules:
                    found.setdefault(rule, []).append(requirement.id)
        return found

    @property
    def missing_rules(self) -> list[Rule]:
        """Rules with neither a test nor a reason."""
        decided = self.decided
        return [
            rule for rule in self.rules.values() if not rule.undecided and rule.id not in decided
        ]

    @property
    def untested(self) -> list[Requirement]:
        """Requirements with neither a test nor a reason."""
        return [
            requirement
            for requirement in self.requirements.values()
            if requirement.id not in self.tested and not requirement.untested
        ]

    @property
    def mistakes(self) -> list[str]:
        """What the data claims and the tests belie, one sentence each."""
        unknown = {
            rule for requirement in self.requirements.values() for rule in requirement.rules
        } - self.rules.keys()
        decided = self.decided
        return [
            *(f"no such rule: {rule}" for rule in sorted(unknown)),
            *(
                f"{rule.id} is called undecided, and is decided by {', '.join(decided[rule.id])}"
                for rule in self.rules.values()
                if rule.undecided and rule.id in decided
            ),
            *(
                f"{requirement.id} is called untested, and has a test"
                for requirement in self.requirements.values()
                if requirement.untested and requirement.id in self.tested
            ),
        ]

    @property
    def complete(self) -> bool:
        """Whether nothing is missing and nothing is belied."""
        return not (self.missing_rules or self.untested or self.mistakes)

    def fate(self, rule: Rule) -> str:
        """`decided`, `missing`, or the kind of reason why no test decides the rule."""
        if rule.undecided:
            return str(rule.undecided.kind)
        return "decided" if rule.id in self.decided else "missing"


def by_fate(coverage: Coverage, key: str) -> dict[str, Counter[str]]:
    """Count rules by fate for each value of an attribute of theirs, such as `level`."""
    counts: dict[str, Counter[str]] = {}
    for rule in coverage.rules.values():
        counts.setdefault(getattr(rule, key), Counter())[coverage.fate(rule)] += 1
    return counts


def by_area(coverage: Coverage) -> dict[str, Counter[str]]:
    """Count requirements by whether they have a test, a reason or neither, for each area."""
    counts: dict[str, Counter[str]] = {}
    for requirement in coverage.requirements.values():
        tested = requirement.id in coverage.tested
        fate = "tested" if tested else "reasoned" if requirement.untested else "missing"
        counts.setdefault(requirement.area, Counter())[fate] += 1
    return counts


def table(first: str, columns: Iterable[str], rows: Mapping[str, Counter[str]]) -> str:
    """Counts as text, with a line of totals."""
    heads = [*columns, "all"]
    lines = [f"{first:<14}" + "".join(f"{head:>16}" for head in heads)]
    total: Counter[str] = Counter()
    for name, counts in rows.items():
        total += counts
        lines.append(_row(name, heads, counts))
    return "\n".join([*lines, _row("all", heads, total)])


def _row(name: str, heads: list[str], counts: Counter[str]) -> str:
    cells = [counts[head] for head in heads[:-1]] + [sum(counts.values())]
    return f"{name:<14}" + "".join(f"{cell or '.':>16}" for cell in cells)
