"""Every rule of AMQP 0-9-1 and of RabbitMQ's extensions, and RabbitMQ's published word on each.

The ids are those of amqp0-9-1.xml and amqp0-9-1.extended.xml (`queue.bind/unique`), or name a
section of the specification's prose (`pdf.4.2.3/frame-end`); the summaries are ours. `claim` is
what https://www.rabbitmq.com/docs/specification says: ok and does, or doesn't, planned and failing.
A requirement says in its `rules` which of them its tests decide; a rule that none can decide says
why.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

ACTORS = ("server", "client", "both")
LEVELS = ("MUST", "SHOULD", "MAY")
CLAIMS = ("ok", "does", "doesn't", "planned", "failing")

_FOLDER = Path(__file__).parent


class RuleError(Exception):
    """A file of rules is wrong; the text names the file, the rule and what is wrong."""


class Kind(StrEnum):
    """Why no test can decide a rule."""

    CLIENT_SIDE = "client-side"
    NOT_OBSERVABLE = "not observable"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True, slots=True)
class Undecided:
    """Why no test decides a rule: the kind of reason, and the reason in a sentence."""

    kind: Kind
    reason: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: whom it binds, how firmly, what it says, what RabbitMQ claims."""

    id: str
    actor: str
    level: str
    summary: str
    source: str
    claim: str = ""
    undecided: Undecided | None = None

    @property
    def group(self) -> str:
        """The class that it is about, or `prose`."""
        return "prose" if self.id.startswith("pdf.") else self.id.partition("/")[0].split(".")[0]


@cache
def load(folder: Path = _FOLDER) -> Mapping[str, Rule]:
    """Every rule by its id; RuleError names the file and the rule that are wrong."""
    found: dict[str, Rule] = {}
    for path in sorted(folder.glob("*.toml")):
        for entry in _entries(path):
            rule = _rule(path, entry)
            if rule.id in found:
                raise RuleError(f"{path.name}: {rule.id} stands there twice")
            found[rule.id] = rule
    return found


def _entries(path: Path) -> list[dict[str, Any]]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"{path.name}: {error}") from error
    if content.keys() != {"rule"} or not isinstance(content["rule"], list):
        raise RuleError(f"{path.name}: write only [[rule]] tables")
    return list(content["rule"])


def _rule(path: Path, entry: dict[str, Any]) -> Rule:
    where = f"{path.name}: {entry.get('id', 'a rule without id')}"
    known = {field.name for field in fields(Rule)}
    needed = known - {"claim", "undecided"}
    if wrong := (entry.keys() - known) | (needed - entry.keys()):
        raise RuleError(f"{where}: missing or unknown: {', '.join(sorted(wrong))}")
    texts = {name: value for name, value in entry.items() if name != "undecided"}
    for name, value in texts.items():
        if not isinstance(value, str) or not value:
            raise RuleError(f"{where}: {name} should be a string, not {value!r}")
    _check(where, texts)
    return Rule(**texts, undecided=_undecided(where, entry.get("undecided")))


def _check(where: str, texts: Mapping[str, str]) -> None:
    allowed = {"actor": ACTORS, "level": LEVELS, "claim": CLAIMS}
    for name, values in allowed.items():
        if name in texts and texts[name] not in values:
            raise RuleError(f"{where}: {name} {texts[name]!r} is none of {', '.join(values)}")


def _undecided(where: str, entry: Any) -> Undecided | None:
    if entry is None:
        return None
    lawful = isinstance(entry, dict) and entry.keys() == {"kind", "reason"}
    if not lawful or not all(isinstance(value, str) and value for value in entry.values()):
        raise RuleError(f"{where}: undecided should be {{ kind = …, reason = … }}")
    if entry["kind"] not in list(Kind):
        raise RuleError(f"{where}: undecided: kind {entry['kind']!r} is none of {', '.join(Kind)}")
    return Undecided(Kind(entry["kind"]), entry["reason"])
