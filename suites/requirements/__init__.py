"""The requirements that a broker is judged by: one TOML file an area, each table one sentence."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

LEVELS = ("MUST", "SHOULD", "MAY", "RABBITMQ", "MEMCACHEQ")
TIERS = ("core", "extension", "fault")

_FOLDER = Path(__file__).parent


class RequirementError(Exception):
    """A file of requirements is wrong, or an id is unknown; the text names both."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One testable sentence: `level` says how binding it is, `source` where it stands.

    `rules` are the specification's rules it covers (see `suites.rules`), `needs` what its tests
    take beyond a client, `untested` why it has no test, where it has none.
    """

    id: str
    level: str
    tier: str
    summary: str
    rules: tuple[str, ...]
    source: str
    needs: tuple[str, ...]
    untested: str = ""

    @property
    def area(self) -> str:
        """The part of the id before the slash."""
        return self.id.partition("/")[0]


@cache
def load(folder: Path = _FOLDER) -> Mapping[str, Requirement]:
    """Every requirement by its id; RequirementError names the file and id that are wrong."""
    found: dict[str, Requirement] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in _entries(path):
            requirement = _requirement(path, entry)
            if requirement.id in found:
                raise RequirementError(f"{path.name}: {requirement.id} stands there twice")
            found[requirement.id] = requirement
    return found


def named(identifier: str) -> Requirement:
    """The requirement with this id; RequirementError if there is none."""
    requirement = load().get(identifier)
    if requirement is None:
        raise RequirementError(f"unknown requirement {identifier!r}: see suites/requirements/")
    return requirement


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RequirementError(f"{path.name}: {error}") from error
    unknown = entries.keys() - {"requirement"}
    if unknown or not isinstance(entries.get("requirement"), list):
        raise RequirementError(f"{path.name}: write only [[requirement]] tables")
    return list(entries["requirement"])


def _requirement(path: Path, entry: dict[str, Any]) -> Requirement:
    where = f"{path.name}: {entry.get('id', 'a requirement without id')}"
    names = {field.name for field in fields(Requirement)}
    if entry.keys() | {"untested"} != names:
        wrong = ", ".join(sorted((entry.keys() ^ names) - {"untested"}))
        raise RequirementError(f"{where}: missing or unknown: {wrong}")
    for name, value in entry.items():
        is_list = name in {"rules", "needs"}
        texts = value if is_list and isinstance(value, list) else [value]
        wrong_shape = is_list is not isinstance(value, list)
        if wrong_shape or not all(isinstance(text, str) and text for text in texts):
            kind = "a list of strings" if is_list else "a string"
            raise RequirementError(f"{where}: {name} should be {kind}, not {value!r}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}
    requirement = Requirement(**values)
    _check(path, where, requirement)
    return requirement


def _check(path: Path, where: str, requirement: Requirement) -> None:
    if requirement.area != path.stem or not requirement.id.partition("/")[2]:
        raise RequirementError(f"{where}: its id should be {path.stem}/NAME")
    if requirement.level not in LEVELS:
        raise RequirementError(f"{where}: level {requirement.level} is none of {LEVELS}")
    if requirement.tier not in TIERS:
        raise RequirementError(f"{where}: tier {requirement.tier} is none of {TIERS}")
