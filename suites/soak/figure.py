"""What a scenario measured, with the bound that fails the run."""

from typing import NamedTuple


class Figure(NamedTuple):
    """One value; `most` is the largest that is good, None where none is bad."""

    name: str
    value: float
    unit: str
    most: float | None = None

    @property
    def broken(self) -> bool:
        """Whether it is out of bounds."""
        return self.most is not None and self.value > self.most


class ShortageError(Exception):
    """This machine cannot hold what the scenario needs; the text says what to do."""
