"""The reference broker with exactly one seeded bug each: the judge is on trial.

A mutant is data: a module of the broker, a passage of its source, and what stands there instead
(the TOML files here). Nothing of it is in the broker: `patch` changes the module while Python loads
it, in a process of its own. A requirement whose test no mutant can fail is not tested.

    nox -s conformance -- --broker reference:mutant=topic-hash-needs-a-word
    nox -s mutants -- --only 'topic-*'
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = "reference_broker"
PROGRAM = "suites.mutants.serve"

_FOLDER = Path(__file__).parent


class MutantError(Exception):
    """There is no such mutant, or its passage is not in the broker; the text says which."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug: in `module`, `old` becomes `new`; tests of `requirements` must notice."""

    id: str
    summary: str
    module: str
    old: str
    new: str
    requirements: tuple[str, ...]
    area: str

    @property
    def module_name(self) -> str:
        """The module as Python imports it."""
        return f"{PACKAGE}.{self.module}"

    def apply(self, source: str) -> str:
        """The module's source with the bug. Raises MutantError unless the passage is there once."""
        found = source.count(self.old)
        if found != 1:
            raise MutantError(
                f"mutant {self.id}: its passage stands {found} times in {self.module_name}; mend"
                f" suites/mutants/{self.area}.toml: {self.old.strip()!r}"
            )
        return source.replace(self.old, self.new)


@cache
def load() -> Mapping[str, Mutant]:
    """Every mutant by its id. Raises MutantError for what is wrong in a file."""
    found: dict[str, Mutant] = {}
    for path in sorted(_FOLDER.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("mutant", []):
            try:
                requirements = tuple(entry.pop("requirements"))
                mutant = Mutant(**entry, requirements=requirements, area=path.stem)
            except (KeyError, TypeError) as error:
                raise MutantError(f"{path.name}: {entry.get('id', '(no id)')}: {error}") from error
            if mutant.id in found:
                raise MutantError(f"{path.name}: {mutant.id} stands there twice")
            found[mutant.id] = mutant
    return found


def named(identifier: str) -> Mutant:
    """The mutant with this id. Raises MutantError that says how to see those that there are."""
    mutant = load().get(identifier)
    if mutant is None:
        raise MutantError(f"no mutant is named {identifier!r}: see suites/mutants/*.toml")
    return mutant
