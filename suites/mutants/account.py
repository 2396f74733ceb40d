"""Which requirements a mutant puts at stake: an account of what the judge was tried on.

Each requirement that binds and has a test owes a mutant that this test kills, or a reason why no
bug of the reference broker can break it (`unreachable.toml`).
"""

import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from suites.mutants import Mutant, MutantError
from suites.requirements import Requirement
from suites.rules.coverage import table

BINDING = ("MUST", "RABBITMQ", "MEMCACHEQ")
FATES = ("mutant", "reason", "neither")

_REASONS = Path(__file__).parent / "unreachable.toml"


@cache
def reasons(path: Path = _REASONS) -> Mapping[str, str]:
    """Why requirements have no mutant, by their ids. Raises MutantError for what is wrong."""
    found: dict[str, str] = {}
    for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("unreachable", []):
        if set(entry) != {"requirements", "reason"} or not entry["reason"]:
            raise MutantError(f"{path.name}: write requirements and a reason, not {sorted(entry)}")
        for identifier in entry["requirements"]:
            if identifier in found:
                raise MutantError(f"{path.name}: {identifier} stands there twice")
            found[identifier] = entry["reason"]
    return found


@dataclass(frozen=True)
class Account:
    """From values alone; `tested` are the ids that collected tests bear."""

    requirements: Mapping[str, Requirement]
    mutants: Iterable[Mutant]
    reasons: Mapping[str, str]
    tested: Collection[str]

    @property
    def fates(self) -> Mapping[str, str]:
        """Each requirement that owes a mutant: whether there is one, or a reason, or neither."""
        named = {identifier for mutant in self.mutants for identifier in mutant.requirements}
        return {
            r.id: "mutant" if r.id in named else "reason" if r.id in self.reasons else "neither"
            for r in self.requirements.values()
            if r.level in BINDING and r.id in self.tested
        }

    @property
    def neither(self) -> list[str]:
        """The ids of those that still owe one."""
        return [identifier for identifier, fate in self.fates.items() if fate == "neither"]

    @property
    def mistakes(self) -> list[str]:
        """What the reasons claim and the rest belies, one sentence each."""
        fates = self.fates
        return [
            f"{identifier} has a reason for no mutant, and {why}"
            for identifier in self.reasons
            if (why := _belied(identifier, self.requirements, fates))
        ]

    @property
    def settled(self) -> bool:
        """Whether nobody owes a mutant any more, and no reason is belied."""
        return not (self.neither or self.mistakes)

    def render(self) -> str:
        """A table of the areas, and one line."""
        fates = self.fates
        counted = Counter(fates.values())
        areas: dict[str, Counter[str]] = {}
        for identifier, fate in fates.items():
            areas.setdefault(self.requirements[identifier].area, Counter())[fate] += 1
        told = ", ".join(f"{counted[fate]} {_TOLD[fate]}" for fate in FATES)
        owing = [f"{name} has neither a mutant nor a reason" for name in self.neither]
        lines = [*self.mistakes, *owing, f"{len(fates)} requirements bind and have a test: {told}"]
        return table("area", list(FATES), areas) + "\n\n" + "\n".join(lines)


_TOLD = {"mutant": "with a mutant", "reason": "with a reason for none", "neither": "with neither"}


def _belied(
    identifier: str, requirements: Mapping[str, Requirement], fates: Mapping[str, str]
) -> str:
    if identifier not in requirements:
        return "does not exist"
    if identifier not in fates:
        return "owes none: it has no test, or does not bind"
    return "has one" if fates[identifier] == "mutant" else ""
