"""What a broker is known not to meet: one TOML file a broker, read strictly.

A file's name is the broker's string made file-safe (`reference-semantics-spec`), its kind
(`reference`), or its product (`rabbitmq`); the first that exists holds. It may stand on another
file: `extends = "rabbitmq"`, judged as that product's `extends_version`. Its own entries replace
those that it inherits for the same requirement and test, and `conforms` lists requirements whose
inherited expectations do not hold. What a broker does `sometimes` is not inherited: another's bad
luck excuses nobody.
"""

import re
import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from suites.requirements import RequirementError, load

FOLDER = Path(__file__).parent
_CONDITION = re.compile(r"(>=|<=|==|>|<)\s*(\d+(?:\.\d+)*)")
_TOP = {"extends", "extends_version", "conforms", "expectation"}


class ExpectationError(Exception):
    """A file of expectations is wrong; the text names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """A known deviation: the broker does `observed` (or what that pattern matches) instead.

    `versions` limits it, such as `>=3.8,<4`; `test` to node ids that end so. With `sometimes` the
    broker does it in some runs and conforms in others, so that a pass is no surprise.
    """

    requirement: str
    observed: str
    reason: str
    link: str
    versions: str = ""
    test: str = ""
    sometimes: bool = False

    def describes(self, actual: str | None) -> bool:
        """Whether this is what was seen."""
        return actual is not None and (
            actual == self.observed or fnmatchcase(actual, self.observed)
        )

    def concerns(self, requirements: Collection[str], test: str) -> bool:
        """Whether a test that bears these requirements is expected to see it."""
        return self.requirement in requirements and test.endswith(self.test)


def for_broker(
    names: Iterable[str], version: str, folder: Path = FOLDER
) -> tuple[Expectation, ...]:
    """The expectations of the first of these names that has a file, for this version."""
    for name in names:
        path = folder / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.toml"
        if path.exists():
            return read(path, version)
    return ()


def check(folder: Path = FOLDER) -> None:
    """Read every file there is; ExpectationError names what is wrong in the first wrong one."""
    for path in sorted(folder.glob("*.toml")):
        read(path, "0")


def read(path: Path, version: str, above: tuple[str, ...] = ()) -> tuple[Expectation, ...]:
    """The file's expectations and those it stands on; ExpectationError if one is wrong."""
    if path.name in above:
        raise ExpectationError(f"{path.name} extends itself through {', '.join(above)}")
    content = _content(path)
    own = [_expectation(path, entry) for entry in content.get("expectation", ())]
    inherited: tuple[Expectation, ...] = ()
    if "extends" in content:
        base = path.with_name(f"{content['extends']}.toml")
        found = read(base, str(content.get("extends_version", version)), (*above, path.name))
        inherited = tuple(entry for entry in found if not entry.sometimes)
    dropped = _conforming(path, content, inherited)
    replaced = {(entry.requirement, entry.test) for entry in own}
    kept = [
        entry
        for entry in inherited
        if entry.requirement not in dropped and (entry.requirement, entry.test) not in replaced
    ]
    return (*kept, *(entry for entry in own if _holds(path, entry, version)))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ExpectationError(f"{path.name} does not exist") from error
    except tomllib.TOMLDecodeError as error:
        raise ExpectationError(f"{path.name}: {error}") from error
    if unknown := content.keys() - _TOP:
        raise ExpectationError(f"{path.name}: unknown {', '.join(sorted(unknown))}")
    return content


def _expectation(path: Path, entry: dict[str, Any]) -> Expectation:
    where = f"{path.name}: {entry.get('requirement', 'an expectation without requirement')}"
    known = {field.name for field in fields(Expectation)}
    needed = known - {"versions", "test", "sometimes"}
    if wrong := (entry.keys() - known) | (needed - entry.keys()):
        raise ExpectationError(f"{where}: missing or unknown: {', '.join(sorted(wrong))}")
    for name, value in entry.items():
        if name == "sometimes" and value is not True:
            raise ExpectationError(f"{where}: sometimes should be true or absent, not {value!r}")
        if name != "sometimes" and (not isinstance(value, str) or not value):
            raise ExpectationError(f"{where}: {name} should be a string, not {value!r}")
    _known(path, entry["requirement"])
    return Expectation(**entry)


def _known(path: Path, requirement: str) -> None:
    try:
        known = requirement in load()
    except RequirementError as error:
        raise ExpectationError(f"{path.name}: {error}") from error
    if not known:
        raise ExpectationError(f"{path.name}: unknown requirement {requirement!r}")


def _conforming(
    path: Path, content: dict[str, Any], inherited: tuple[Expectation, ...]
) -> frozenset[str]:
    """The ids under `conforms`, each of which must be inherited, lest the list goes stale."""
    dropped = frozenset(content.get("conforms", ()))
    for requirement in dropped - {entry.requirement for entry in inherited}:
        raise ExpectationError(f"{path.name}: conforms lists {requirement!r}, not inherited")
    return dropped


def _holds(path: Path, entry: Expectation, version: str) -> bool:
    """Whether the version meets every condition; an unknown version meets none."""
    for condition in filter(None, map(str.strip, entry.versions.split(","))):
        match = _CONDITION.fullmatch(condition)
        if match is None:
            raise ExpectationError(
                f"{path.name}: {entry.requirement}: cannot read the versions {entry.versions!r}"
            )
        if not _compare(match[1], _numbers(version), _numbers(match[2])):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, match[0].split("."))) if match else ()


def _compare(operator: str, left: tuple[int, ...], right: tuple[int, ...]) -> bool:
    if not left:
        return False
    width = max(len(left), len(right))
    left, right = (side + (0,) * (width - len(side)) for side in (left, right))
    return {
        ">=": left >= right,
        "<=": left <= right,
        "==": left == right,
        ">": left > right,
        "<": left < right,
    }[operator]
