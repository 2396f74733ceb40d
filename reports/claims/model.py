"""Each rule's claim and what records measured of it, from values alone."""

import tomllib
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from reports.model import Case, Name, Record, RecordError, Verdict
from reports.render import words

CLAIMANT = "RabbitMQ"
PAGE = "https://www.rabbitmq.com/docs/specification"
KEPT = {"ok", "does"}
"""Claims that a rule is kept; the others are that it is not."""


class Excuse(Struct, frozen=True, forbid_unknown_fields=True):
    """Why no test can decide a rule."""

    kind: Name
    reason: Name


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule as the files of rules have it."""

    id: Name
    actor: Name
    level: Name
    summary: Name
    source: Name
    claim: str = ""
    undecided: Excuse | None = None

    @property
    def group(self) -> str:
        """The class that it is about, or `prose`."""
        return "prose" if self.id.startswith("pdf.") else self.id.partition("/")[0].split(".")[0]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    rule: list[Rule]


class Deed(StrEnum):
    """What a broker did of a rule."""

    KEPT = "kept"
    PARTLY = "kept in part"
    BROKEN = "broken"
    OPEN = "open"  # the specification leaves it open, and what was seen is no verdict
    UNSUPPORTED = "unsupported"
    UNDECIDED = "undecided"  # no case of this run decides it


class Measure(Struct, frozen=True, kw_only=True):
    """What one record says of one rule; `broken` are the cases in which it was not kept.

    `cases` are those that decide it, `borne` all that bear it, whatever their verdict.
    """

    deed: Deed
    cases: int
    borne: int
    broken: list[Case]

    @property
    def told(self) -> str:
        """The deed in words, with how many cases it stands on."""
        if self.deed in {Deed.PARTLY, Deed.BROKEN}:
            return f"{self.deed} ({len(self.broken)} of {self.cases})"
        return str(self.deed)


class Row(Struct, frozen=True, kw_only=True):
    """One rule beside what each record says of it, in the records' order."""

    rule: Rule
    measures: list[Measure]

    def agrees(self, index: int) -> bool | None:
        """Whether the claim is what was measured; None where either is silent."""
        deed = self.measures[index].deed
        if not self.rule.claim or deed in {Deed.OPEN, Deed.UNSUPPORTED, Deed.UNDECIDED}:
            return None
        return (deed is Deed.KEPT) == (self.rule.claim in KEPT)


class Claims(Struct, frozen=True, kw_only=True):
    """The whole comparison."""

    records: list[Record]
    rows: list[Row]

    @property
    def names(self) -> list[str]:
        """Each record's broker: product, version, and what it was told."""
        return words.names(self.records)

    @property
    def claimants(self) -> list[int]:
        """Which of the records are of the product whose claims these are."""
        products = [record.header.broker.product for record in self.records]
        return [index for index, product in enumerate(products) if product == CLAIMANT]

    def differing(self, index: int) -> list[Row]:
        """Rules whose claim this record belies."""
        return [row for row in self.rows if row.agrees(index) is False]

    def agreeing(self, index: int) -> list[Row]:
        """Rules whose claim this record confirms."""
        return [row for row in self.rows if row.agrees(index)]


def read_rules(folder: Path) -> list[Rule]:
    """The rules in a folder's files; RecordError names the file that is wrong."""
    rules: list[Rule] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
            rules += msgspec.convert(content, _File).rule
        except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise RecordError(f"cannot read the rules in {path}: {error}") from error
    if not rules:
        raise RecordError(f"no rules in {folder}: name the folder of the files of rules")
    return rules


def compare(rules: Iterable[Rule], records: Sequence[Record]) -> Claims:
    """Put each rule beside what the records say of it; RecordError for a record without rules."""
    cases = [_by_rule(record) for record in records]
    rows = [
        Row(rule=rule, measures=[_measure(found.get(rule.id, [])) for found in cases])
        for rule in rules
    ]
    return Claims(records=list(records), rows=rows)


def _by_rule(record: Record) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in record.cases:
        for rule in case.rules:
            found.setdefault(rule, []).append(case)
    if not found:
        name = words.broker_name(record)
        raise RecordError(f"the record of {name} names no rules: run the suites anew")
    return found


_BROKEN = {Verdict.FAIL, Verdict.WEAK, Verdict.DEVIATION}


def _measure(cases: list[Case]) -> Measure:
    broken = [case for case in cases if case.verdict in _BROKEN]
    verdicts = {case.verdict for case in cases}
    decided = [case for case in cases if case.verdict in _BROKEN | {Verdict.PASS}]
    if broken:
        deed = Deed.PARTLY if Verdict.PASS in verdicts else Deed.BROKEN
    elif Verdict.PASS in verdicts:
        deed = Deed.KEPT
    elif Verdict.INFORMATIONAL in verdicts:
        deed = Deed.OPEN
    else:
        deed = Deed.UNSUPPORTED if Verdict.UNSUPPORTED in verdicts else Deed.UNDECIDED
    return Measure(deed=deed, cases=len(decided), borne=len(cases), broken=broken)
