"""Requirements beside brokers: what each record says of each requirement, from values alone."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from reports.analyse import GRAVEST_FIRST
from reports.model import Case, Level, Record, Requirement, Verdict

_DECIDED_WELL = frozenset({Verdict.PASS, Verdict.INFORMATIONAL})


class Cell(Struct, frozen=True, kw_only=True):
    """What one record says of one requirement: the gravest verdict, and the cases behind it."""

    verdict: Verdict
    cases: list[Case]

    @property
    def ratio(self) -> str:
        """How many of several cases have that verdict; empty when all have it."""
        having = sum(case.verdict is self.verdict for case in self.cases)
        return "" if having == len(self.cases) else f"{having}/{len(self.cases)}"


class Row(Struct, frozen=True, kw_only=True):
    """One requirement with a cell a record, None where no case of a record bears it."""

    requirement: Requirement
    cells: list[Cell | None]

    @property
    def differs(self) -> bool:
        """Whether the records that decide it have different verdicts."""
        return len({cell.verdict for cell in self.cells if cell is not None}) > 1

    @property
    def verdicts(self) -> list[Verdict]:
        """The verdicts that occur in it, in the order of every table."""
        found = {cell.verdict for cell in self.cells if cell is not None}
        return [verdict for verdict in Verdict if verdict in found]


class Matrix(Struct, frozen=True, kw_only=True):
    """All rows by area and id, over the records that they were made from."""

    records: list[Record]
    rows: list[Row]

    @property
    def areas(self) -> dict[str, list[Row]]:
        """The rows of each area, in alphabetical order."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.requirement.area, []).append(row)
        return found

    @property
    def levels(self) -> list[Level]:
        """The levels that occur, the most binding first."""
        found = {row.requirement.level for row in self.rows}
        return [level for level in Level if level in found]


def compare(records: Sequence[Record]) -> Matrix:
    """Put the records side by side, requirement by requirement."""
    told = [pair for record in records for case in record.cases for pair in _told(case)]
    known = {one.id: one for _doubt, one in sorted(told, key=lambda pair: -pair[0])}
    found = [_by_requirement(record.cases) for record in records]
    order = sorted(known.values(), key=lambda requirement: (requirement.area, requirement.id))
    rows = [
        Row(requirement=one, cells=[_cell(cases.get(one.id)) for cases in found]) for one in order
    ]
    return Matrix(records=list(records), rows=rows)


def passing(rows: Iterable[Row], index: int) -> tuple[int, int]:
    """How many of the rows that one record decides have nothing against the broker, of how many."""
    cells = [row.cells[index] for row in rows]
    decided = [cell for cell in cells if cell is not None]
    return sum(cell.verdict in _DECIDED_WELL for cell in decided), len(decided)


def keys(case: Case) -> list[str]:
    """The rows that a case belongs to: its requirements, or its own where it bears none."""
    return case.requirements or [case.test]


def _told(case: Case) -> Iterator[tuple[int, Requirement]]:
    """What a case tells of its requirements, each with how doubtful that is."""
    yield from ((0, one) for one in case.also)
    several = len(case.requirements) > 1
    for place, identifier in enumerate(keys(case)):
        doubt = 2 if place else int(several)  # the level may be another's, or all of the words
        level, summary = case.level, case.summary
        yield doubt, Requirement(id=identifier, area=case.area, level=level, summary=summary)


def _by_requirement(cases: Iterable[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        for key in keys(case):
            found.setdefault(key, []).append(case)
    return found


def _cell(cases: list[Case] | None) -> Cell | None:
    if not cases:
        return None
    gravest = min((case.verdict for case in cases), key=GRAVEST_FIRST.index)
    return Cell(verdict=gravest, cases=cases)
