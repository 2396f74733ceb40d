"""On how many requirements and generated programs a stand-in does as the broker it stands for."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from reports.diff import observed
from reports.matrix import Cell, compare
from reports.model import Record, RecordError, Requirement, Verdict
from reports.render import words

_UNDECIDED = frozenset({Verdict.UNSUPPORTED, Verdict.ERROR})


class Kind(StrEnum):
    """What comes of comparing two brokers on one requirement."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNCOMPARED = "not compared"  # one of the two does not decide it


class Compared(Struct, frozen=True, kw_only=True):
    """One requirement, and what each broker did, in one line each."""

    kind: Kind
    requirement: Requirement
    stand_in: str
    real: str


class Programs(Struct, frozen=True, kw_only=True):
    """How many generated programs both brokers ran, and on how many they did the same."""

    equal: int = 0
    run: int = 0


class Fidelity(Struct, frozen=True, kw_only=True):
    """All that was compared, from two records of whole runs and, perhaps, of a twin's."""

    stand_in: Record
    real: Record
    requirements: list[Compared]
    programs: Programs | None = None

    def of(self, kind: Kind) -> list[Compared]:
        """The requirements of one kind."""
        return [one for one in self.requirements if one.kind is kind]


class _Outcome(Struct, frozen=True):
    """Of a twin's campaign, what counts here."""

    subjects: list[str]
    compared: int
    finding: dict[str, Any] | None = None


class _Twin(Struct, frozen=True):
    brokers: dict[str, str]
    outcomes: list[_Outcome] = field(default_factory=list)


def fidelity(stand_in: Record, real: Record, programs: Programs | None = None) -> Fidelity:
    """Compare what the two records say of each requirement.

    Equal are the same verdicts of the same tests with the same observations, but for times and
    generated names. What either broker does not support, or where a test broke, is not compared.
    """
    found = []
    for row in compare([stand_in, real]).rows:
        ours, theirs = row.cells
        found.append(
            Compared(
                kind=_kind(ours, theirs),
                requirement=row.requirement,
                stand_in=_told(ours),
                real=_told(theirs),
            )
        )
    return Fidelity(stand_in=stand_in, real=real, requirements=found, programs=programs)


def read_programs(path: Path, product: str) -> Programs:
    """Count the programs that a twin's record says were run on this product. Raises RecordError."""
    try:
        twin = msgspec.json.decode(path.read_bytes(), type=_Twin)
    except (OSError, msgspec.DecodeError) as error:
        raise RecordError(f"{path}: no record of a twin: {error}") from error
    found = [
        outcome
        for outcome in twin.outcomes
        if any(product in twin.brokers.get(subject, subject) for subject in outcome.subjects)
    ]
    equal = sum(outcome.compared for outcome in found)
    return Programs(equal=equal, run=equal + sum(outcome.finding is not None for outcome in found))


def _kind(ours: Cell | None, theirs: Cell | None) -> Kind:
    if ours is None or theirs is None or {ours.verdict, theirs.verdict} & _UNDECIDED:
        return Kind.UNCOMPARED
    return Kind.EQUAL if observed(ours) == observed(theirs) else Kind.DIFFERENT


def _told(cell: Cell | None) -> str:
    if cell is None:
        return "not run"
    seen = [
        case.observation or case.actual or case.reason
        for case in cell.cases
        if case.verdict is cell.verdict
    ]
    return words.visible("; ".join([cell.verdict, *dict.fromkeys(filter(None, seen))]))


def report(found: Fidelity) -> str:
    """The numbers, what differs, and what was not compared, as Markdown."""
    names = [_name(record) for record in (found.stand_in, found.real)]
    equal, different = found.of(Kind.EQUAL), found.of(Kind.DIFFERENT)
    date = f"{max(found.stand_in.header.started, found.real.header.started):%Y-%m-%d}"
    share = _share(len(equal), len(equal) + len(different))
    lines = [f"{names[0]} does as {names[1]} on **{share}** requirements ({date})."]
    if found.programs is not None:
        lines.append(f"Of generated programs: {_share(found.programs.equal, found.programs.run)}.")
    lines.append(f"Not compared: {len(found.of(Kind.UNCOMPARED))}.")
    for title, kind in (("What differs", Kind.DIFFERENT), ("Not compared", Kind.UNCOMPARED)):
        rows = [
            f"| {one.requirement.id} | {_cell(one.stand_in)} | {_cell(one.real)} |"
            for one in found.of(kind)
        ]
        if rows:
            head = [f"| | {names[0]} | {names[1]} |", "|---|---|---|"]
            lines += ["", f"**{title}**", "", *head, *rows]
    return "\n".join(lines) + "\n"


def _name(record: Record) -> str:
    broker = record.header.broker
    return words.visible(f"{broker.product} {broker.version}".strip())


def _share(part: int, whole: int) -> str:
    """`9 of 10 (90.0 %)`; never rounded up to all."""
    percent = int(1000 * part / whole) / 10 if whole else 0.0
    return f"{part:,} of {whole:,} ({percent:.1f} %)"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
