"""What every fault is: something that hurts one subject, and restores it on leaving."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Unsupported(Exception):  # noqa: N818  a claim to be reported, not a failure
    """This machine cannot produce the fault; the text says in one line what is missing."""


class Injector(ABC):
    """One fault, in force for the length of a `with` block, once or again and again.

    A fault that is chosen at random somewhere takes a `seed`, and does the same with the same seed.
    """

    _active = False

    @property
    def duration(self) -> float | None:
        """For how many seconds it hurts by nature; None: until it is left."""
        return None

    @property
    def active(self) -> bool:
        """Whether it is in force."""
        return self._active

    @abstractmethod
    def hurt(self) -> None:
        """Do the harm; called once before each `restore`. Leaves nothing behind if it raises."""

    @abstractmethod
    def restore(self) -> None:
        """Undo the harm as far as the world allows."""

    def start(self) -> None:
        """Bring it into force. Raises RuntimeError when it is in force already."""
        if self._active:
            raise RuntimeError(f"{self!r} is in force already: leave it first, or make a second")
        self.hurt()
        self._active = True

    def stop(self) -> None:
        """Leave it; harmless when it is not in force."""
        if self._active:
            self._active = False
            self.restore()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
