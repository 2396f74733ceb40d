"""Where brokers differ, and why: every difference is explained, or is a bug of somebody's."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reports.model import RecordError

from .model import Cell, Fact, Study
from .questions import named

_FILE = Path(__file__).with_name("explanations.toml")


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a fact differs in some places; a name that is None stands for any."""

    question: str
    fact: str
    why: str
    link: str
    row: str | None = None
    variant: str | None = None
    column: str | None = None

    def covers(self, question: str, cell: Cell, fact: str) -> bool:
        """Whether it is about this fact of this cell."""
        mine = (self.row, self.variant, self.column)
        there = all(own is None or own == its for own, its in zip(mine, cell.place, strict=True))
        return there and (self.question, self.fact) == (question, fact)


@dataclass(frozen=True, slots=True)
class Difference:
    """A fact that is not the same on all brokers; `seen` by broker."""

    place: tuple[str, str, str]
    fact: str
    seen: dict[str, Fact]
    explanation: Explanation | None


@cache
def explanations() -> tuple[Explanation, ...]:
    """All of them; RecordError says what is wrong with the file."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8")).get("explanation", [])
    try:
        return tuple(Explanation(**entry) for entry in entries)
    except TypeError as error:
        raise RecordError(f"{_FILE.name}: {error}") from error


def differences(study: Study) -> Iterator[Difference]:
    """Facts of one place that not all brokers share, in the order of the table."""
    question = named(study.head.question)
    for place in question.places():
        cells = [cell for cell in study.of(place).values() if cell.trouble is None]
        for fact in dict.fromkeys(name for cell in cells for name in cell.facts):
            seen = {cell.broker: cell.facts.get(fact, "(nothing)") for cell in cells}
            if len(set(seen.values())) > 1:
                why = (e for e in explanations() if e.covers(question.id, cells[0], fact))
                yield Difference(place, fact, seen, next(why, None))
