"""A question of no importance, and a study of it, for the tests of what is done with any."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar

from reports.answers.model import Cell, Head, Mark, Span, Study
from reports.answers.question import Plain, Question, Tone
from reports.model import Broker


class Example(Question):
    """Is it blue?"""

    id = "is-it-blue"
    title = "Is it <blue>?"
    method = "Somebody looks."
    rows: ClassVar[Mapping[str, str]] = {"sky": "above", "grass": "below"}
    columns: ClassVar[Mapping[str, str]] = {"day": "with the sun", "night": "without"}
    caption = "The sky."
    pictured = (("sky", "", "day"),)

    def told(self, cell: Cell) -> str:
        """The colour."""
        return f"it is {cell.facts['colour']}"

    def tone(self, cell: Cell) -> Tone:
        """Blue is good."""
        return Tone.GOOD if cell.facts["colour"] == "blue" else Tone.BAD

    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """How often."""
        cells = [c for c in study.cells if c.broker == broker and c.trouble is None]
        blue = sum(1 for cell in cells if cell.facts["colour"] == "blue")
        return [Plain("Is it?", f"In {blue} of {len(cells)} places.")]


def cell(broker: str, row: str, column: str, colour: str, **more: Any) -> Cell:
    """One look at the colour."""
    return Cell(broker=broker, row=row, column=column, facts={"colour": colour}, **more)


def study(*cells: Cell) -> Study:
    """Of the brokers that the cells name."""
    brokers = [
        Broker(spec=spec, product=spec.title(), version="1.0")
        for spec in dict.fromkeys(each.broker for each in cells)
    ]
    head = Head(
        question=Example.id,
        started=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        seed=7,
        parameters={"patience": 1.5},
        brokers=brokers,
        platform="Linux x86_64",
        python="3.11",
        project="0.1.0",
        repeat="nox -s answers -- --question is-it-blue",
    )
    return Study(head=head, cells=list(cells))


SEEN = cell(
    "one",
    "sky",
    "day",
    "blue",
    times={"seen": 0.25},
    figures={"width, MiB": 1234.5},
    spans=[Span(who="eye", start=-0.1, end=0.4, what="open & wide", tone="good")],
    marks=[Mark(at=0.2, who="eye", what="sees <it>")],
    transcript=["   0.001 A > ch 0 look </pre>"],
)
