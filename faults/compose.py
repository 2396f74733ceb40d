"""Faults put together: `a | b` at once, `a >> b` one after the other, `schedule` by the clock."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from .base import Injector


class Fault(Injector):
    """A fault that can be put together with others."""

    def __or__(self, other: "Fault") -> "Together":
        return Together(self, other)

    def __rshift__(self, other: "Fault") -> "Timeline":
        return in_order(self, other)

    def lasting(self, seconds: float) -> "Timeline":
        """This fault, left after so many seconds even when the block goes on."""
        if seconds < 0:
            raise ValueError(f"a fault cannot last {seconds:g} s: give 0 or more")
        return Timeline((_begin(0.0, self), _end(seconds, self, seconds)), seconds)


class Together(Fault):
    """All of them at once: entered from left to right, left from right to left."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        self._entered = ExitStack()

    @property
    def duration(self) -> float | None:
        """The longest of them."""
        return _longest([fault.duration for fault in self.faults])

    def hurt(self) -> None:
        """Enter all, or none."""
        with ExitStack() as entered:
            for fault in self.faults:
                entered.enter_context(fault)
            self._entered = entered.pop_all()

    def restore(self) -> None:
        """Leave all, in reverse."""
        self._entered.close()

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.faults))


class Step(NamedTuple):
    """At so many seconds after the beginning, a fault starts or stops."""

    at: float
    order: int  # among the steps of one moment
    fault: Fault
    starts: bool


def _begin(at: float, fault: Fault) -> Step:
    return Step(at, 1, fault, starts=True)


def _end(at: float, fault: Fault, length: float) -> Step:
    # At one moment, what was in force ends before another begins. Only a fault of no length must
    # begin first, and then ends before the next one given.
    return Step(at, 0 if length else 1, fault, starts=False)


class Timeline(Fault):
    """Starts and stops faults by the clock, from a thread of its own.

    What is due at 0 is in force when the block begins. Leaving the block ends whatever is in force
    and what was yet to come, and raises the first error that a fault raised meanwhile.
    """

    def __init__(self, steps: tuple[Step, ...], duration: float | None) -> None:
        self.steps = sorted(steps, key=lambda step: (step.at, step.order))
        self._duration = duration
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    @property
    def duration(self) -> float | None:
        """From the first step to the last; None if one of the faults has no end of its own."""
        return self._duration

    def wait(self, timeout: float) -> bool:
        """Wait until the last step is done; False if it is not after `timeout` seconds."""
        return self._finished.wait(timeout)

    def hurt(self) -> None:
        """Start what is due now, and the clock for the rest."""
        self._rewind()
        begin = time.monotonic()
        due = [step for step in self.steps if step.at == 0]
        self._perform(due, begin)
        if self._failure is not None:
            self._stop_all()
            raise self._failure
        rest = self.steps[len(due) :]
        self._thread = threading.Thread(
            target=self._run, args=(rest, begin), name="fault-timeline", daemon=True
        )
        self._thread.start()

    def restore(self) -> None:
        """Stop the clock and every fault that it started."""
        self._cancelled.set()
        if self._thread is not None:
            self._thread.join()
        self._stop_all()
        if self._failure is not None:
            raise self._failure

    def _rewind(self) -> None:
        self._cancelled.clear()
        self._finished.clear()
        self._failure = None

    def _run(self, steps: list[Step], begin: float) -> None:
        self._perform(steps, begin)
        self._finished.set()

    def _perform(self, steps: list[Step], begin: float) -> None:
        for step in steps:
            if self._cancelled.wait(begin + step.at - time.monotonic()):
                return
            self._attempt(step.fault.start if step.starts else step.fault.stop)
            if self._failure is not None:
                return

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception as failure:  # noqa: BLE001  handed to the thread that leaves the block
            self._failure = self._failure or failure

    def _stop_all(self) -> None:
        for step in reversed(self.steps):
            if step.starts:
                self._attempt(step.fault.stop)

    def __repr__(self) -> str:
        return f"schedule({', '.join(f'({s.at:g}, {s.fault!r})' for s in self.steps if s.starts)})"


def schedule(*entries: tuple[float, Fault]) -> Timeline:
    """Each fault starts at its number of seconds after the block began.

    Faults of a length (see `lasting`) end by it, the others with the block.
    """
    for at, fault in entries:
        if at < 0:
            raise ValueError(f"{fault!r} cannot start at {at:g} s: give 0 or more")
    steps: list[Step] = []
    for at, fault in entries:
        steps.append(_begin(at, fault))
        if fault.duration is not None:
            steps.append(_end(at + fault.duration, fault, fault.duration))
    ends = [None if f.duration is None else at + f.duration for at, f in entries]
    return Timeline(tuple(steps), _longest(ends))


def in_order(*faults: Fault) -> Timeline:
    """Each fault when the one before has ended; only the last may be without a length."""
    at = 0.0
    entries: list[tuple[float, Fault]] = []
    for fault in faults:
        entries.append((at, fault))
        if fault.duration is None and fault is not faults[-1]:
            raise ValueError(
                f"{fault!r} never ends, so nothing can follow it: add .lasting(SECONDS)"
            )
        at += fault.duration or 0.0
    return schedule(*entries)


def _longest(durations: list[float | None]) -> float | None:
    known = [duration for duration in durations if duration is not None]
    return max(known, default=0.0) if len(known) == len(durations) else None
