"""How the server waits for its sockets: a short while awake, then asleep.

To fall asleep and be woken costs some 35 microseconds on a virtual machine, more than a broker
needs for a whole request. A client that sends one request after the other is back sooner than that.
So, as the schedulers of Erlang do for RabbitMQ (`+sbwt`, https://www.erlang.org/doc/man/erl), the
server looks a few times before it sleeps. It leaves that off where more than one wait of five is
longer, so that an idle broker, or one whose clients think for a while, burns nothing; and where
other processes want the processor: to sleep costs little there, and looks keep a client waiting.
"""

import asyncio
import importlib
import os
import resource
import selectors
import time
from collections.abc import Callable

from .listening import StartError

EVENT_LOOPS = ("eager", "asyncio", "uvloop")

_LOOKS = 50  # before sleeping: some 40 microseconds
_SOON = 60e-6  # seconds; a sleep that was shorter would better have been looks
_HIT, _VAIN, _SHORT = 1, -4, 2  # what looks, and sleeps that were too long for their use, add
_MOST = 8  # trust in looking; none at 0 and below
_CROWDED = -200  # where others want the processor: a hundred short sleeps to try again


def _preemptions() -> int:
    """How often the system has taken the processor from this process to give it to another."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw


class EagerSelector(selectors.DefaultSelector):
    """A selector that looks some times before it sleeps, as long as that pays."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        preemptions: Callable[[], int] = _preemptions,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._preemptions = preemptions
        self._preempted = preemptions()
        self._trust = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready within `timeout` seconds; None waits for ever."""
        look = super().select
        if timeout is not None and timeout <= 0:
            return look(0)
        if self._trust > 0:
            for _ in range(_LOOKS):
                ready = look(0)
                if ready:
                    self._trust = min(self._trust + _HIT, _MOST)
                    return ready
            self._distrust()
        begun = self._clock()
        ready = look(timeout)
        if ready and self._clock() - begun < _SOON:
            self._trust = min(self._trust + _SHORT, _MOST)
        return ready

    def _distrust(self) -> None:
        """Looking was in vain; if it has cost others their time, leave off for a while."""
        before, self._preempted = self._preempted, self._preemptions()
        self._trust = _CROWDED if self._preempted > before else max(self._trust + _VAIN, 0)


def event_loop(kind: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """What makes the loop of a broker with a process of its own: `eager`, `asyncio`, `uvloop`.

    Raises StartError when the package uvloop is wanted and missing.
    """
    if kind == "uvloop":
        return _uvloop()
    eager = kind == "eager" and _processors() > 1  # else looking keeps the client from its work
    selector = EagerSelector if eager else selectors.DefaultSelector
    return lambda: asyncio.SelectorEventLoop(selector())


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        module = importlib.import_module("uvloop")
    except ImportError as cause:
        wanted = "the package uvloop is not installed: install the extra of that name"
        raise StartError(f"{wanted}, or choose another --event-loop") from cause
    make: Callable[[], asyncio.AbstractEventLoop] = module.new_event_loop
    return make


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
