"""What a page must know of its question."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from .model import Cell, Study


class Tone(StrEnum):
    """How a cell looks, so that a table can be read at a glance, also without colour."""

    GOOD = "good"
    BAD = "bad"
    MIXED = "mixed"
    NONE = "none"


SIGNS = {Tone.GOOD: "✓", Tone.BAD: "✗", Tone.MIXED: "◐", Tone.NONE: "·"}


@dataclass(frozen=True, slots=True)
class Plain:
    """A part of the question, as a user would put it, and its answer in plain words."""

    asked: str
    answer: str


class Question(ABC):
    """One question: its words, the axes of its table, and what follows from the facts."""

    id: ClassVar[str]
    order: ClassVar[int] = 100
    """Its place among the questions."""
    title: ClassVar[str]
    method: ClassVar[str]
    """How the experiment goes, in a few sentences."""
    rows: ClassVar[Mapping[str, str]]
    """What the rows are, in order: name and meaning."""
    columns: ClassVar[Mapping[str, str]]
    variants: ClassVar[Mapping[str, str]] = {"": ""}
    legend: ClassVar[Mapping[Tone, str]] = {tone: tone.value for tone in Tone}
    """What the signs of the table mean here."""
    caption: ClassVar[str] = ""
    """What the picture shows."""
    pictured: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    """Places (row, variant, column) whose spans make the page's picture."""

    @abstractmethod
    def told(self, cell: Cell) -> str:
        """The facts of a cell in a few words; lines are parted by newlines. No times."""

    @abstractmethod
    def tone(self, cell: Cell) -> Tone:
        """How good the news of a cell is for whoever asks."""

    def timed(self, cell: Cell, parameters: Mapping[str, float]) -> str:
        """The times of a cell in a few words, for instance as multiples of the heartbeat."""
        del parameters
        return ", ".join(f"{name} {seconds:.2f} s" for name, seconds in cell.times.items())

    @abstractmethod
    def conclude(self, study: Study, broker: str) -> list[Plain]:
        """What follows for one broker, from its cells alone."""

    def places(self) -> list[tuple[str, str, str]]:
        """Every place of the table, in order."""
        return [(r, v, c) for r in self.rows for v in self.variants for c in self.columns]
