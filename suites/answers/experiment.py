"""What every experiment is, and what it has to work with."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Protocol, TypeVar

from faults import Unsupported as FaultUnsupported
from reports.answers.model import Cell
from reports.answers.question import Question
from suites.brokers.base import CAPABILITIES, Broker, BrokerError, Endpoint, Unsupported
from suites.clients.process import ClientError
from suites.verify import Mismatch

Item = TypeVar("Item")
Subject = TypeVar("Subject", bound="HasPlace")
Result = TypeVar("Result")

BROKE = "broke"
"""How the trouble of a cell begins that ought to have been."""

AT_ONCE = 20  # cells of one experiment that are under way at the same time


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the table a cell stands."""

    row: str
    column: str
    variant: str = ""


class HasPlace(Protocol):
    """What a cell is about."""

    place: Place


@dataclass(frozen=True)
class Stage:
    """One broker on stage: `parameters` are the experiment's, `progress` tells a line."""

    broker: Broker
    seed: int
    parameters: Mapping[str, float]
    progress: Callable[[str], None]

    @property
    def endpoint(self) -> Endpoint:
        """Where it listens."""
        return self.broker.endpoint

    def cell(self, place: Place, **seen: Any) -> Cell:
        """The cell of a place, with what was seen: the fields of `Cell`."""
        where: dict[str, Any] = {"row": place.row, "column": place.column}
        return Cell(broker=self.broker.name, variant=place.variant, **where, **seen)

    def unsupported(self, place: Place, needs: Sequence[str]) -> Cell | None:
        """The cell of a place whose experiment this broker cannot be put to; None if it can."""
        lacking = [need for need in needs if need not in self.broker.capabilities]
        if not lacking:
            return None
        why = f"unsupported: needs `{lacking[0]}`: {CAPABILITIES[lacking[0]]}"
        return self.cell(place, trouble=why)

    def attempt(self, place: Place, work: Callable[[], Result]) -> Result | Cell:
        """What the work gives, or a cell that says what broke it."""
        try:
            return work()
        except (Unsupported, FaultUnsupported) as error:
            return self.cell(place, trouble=f"unsupported: {error}")
        except (Mismatch, ClientError, BrokerError, OSError, TimeoutError) as error:
            return self.cell(place, trouble=f"{BROKE}: {type(error).__name__}: {error}")

    def prepared(
        self, subjects: list[Subject], prepare: Callable[[Subject], None]
    ) -> tuple[list[Cell], list[Subject]]:
        """Prepare all at the same time: the cells of those that broke, and those that are ready."""
        found = self.side_by_side(
            lambda subject: self.attempt(subject.place, lambda: prepare(subject)), subjects
        )
        broken = [cell for cell in found if cell is not None]
        return broken, [s for s, cell in zip(subjects, found, strict=True) if cell is None]

    def shuffled(self, items: list[Item]) -> list[Item]:
        """In an order that the seed chooses, so that no result rests on the order."""
        found = list(items)
        Random(self.seed).shuffle(found)  # noqa: S311  repeatable, no secret
        return found

    def side_by_side(self, work: Callable[[Item], Result], items: list[Item]) -> list[Result]:
        """Do it for all at the same time; what one raises is raised when all are over."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(work, items))


class Experiment(ABC):
    """Makes the cells of one question on one broker."""

    question: ClassVar[Question]
    defaults: ClassVar[Mapping[str, float]]
    """Its parameters: what `--set NAME=VALUE` may change, in seconds unless the name says so."""

    @abstractmethod
    def run(self, stage: Stage) -> Iterator[Cell]:
        """One cell a place; what this broker cannot do is told as the trouble of its cells."""


def until(condition: Callable[[], bool], deadline: float, interval: float = 0.02) -> bool:
    """Wait for it until the deadline (monotonic seconds); whether it came."""
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(interval)
    return True


def at_rest(
    look: Callable[[], Item], still: float, deadline: float, interval: float = 0.1
) -> tuple[Item, bool]:
    """Look until it has been the same for `still` seconds: what was seen last, and whether it was.

    The deadline is in monotonic seconds.
    """
    seen, since = look(), time.monotonic()
    while time.monotonic() - since < still:
        if time.monotonic() >= deadline:
            return seen, False
        time.sleep(interval)
        now = look()
        if now != seen:
            seen, since = now, time.monotonic()
    return seen, True
