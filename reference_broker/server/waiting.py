"""How the server waits for its sockets: a short while awake, then asleep.

To fall asleep and be woken costs some 35 microseconds on a virtual machine, more than a broker
needs for a whole request. A client that sends one request after the other is back sooner than that.
So, as the schedulers of Erlang do for RabbitMQ (`+sbwt`, https://www.erlang.org/doc/man/erl), the
server looks a few times before it sleeps. It stops doing so where that was in vain: an idle broker,
or one whose clients think for longer, burns nothing.
"""

import asyncio
import os
import selectors
import time
from collections.abc import Callable

_LOOKS = 50  # before sleeping: some 40 microseconds
_SOON = 100e-6  # seconds; a sleep that was shorter would better have been looks
_PATIENCE = 8  # how far what has paid off before is trusted


class EagerSelector(selectors.DefaultSelector):
    """A selector that looks some times before it sleeps, as long as that pays."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._patience = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready within `timeout` seconds; None waits for ever."""
        look = super().select
        if timeout is not None and timeout <= 0:
            return look(0)
        if self._patience:
            for _ in range(_LOOKS):
                ready = look(0)
                if ready:
                    self._trust(1)
                    return ready
            self._trust(-2)
        begun = self._clock()
        ready = look(timeout)
        if ready and self._clock() - begun < _SOON:
            self._trust(2)
        return ready

    def _trust(self, change: int) -> None:
        self._patience = max(0, min(self._patience + change, _PATIENCE))


def new_event_loop() -> asyncio.AbstractEventLoop:
    """The event loop of a broker that has a process of its own, and more than one processor."""
    alone = _processors() < 2  # noqa: PLR2004  then looking keeps the client from its work
    return asyncio.SelectorEventLoop(selectors.DefaultSelector() if alone else EagerSelector())


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
