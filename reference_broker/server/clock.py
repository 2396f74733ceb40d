"""The event loop's clock, as the broker's port wants it."""

import asyncio
import time
from collections.abc import Callable


class LoopClock:
    """The running loop's time; each call that comes due is made by `run`."""

    def __init__(self, run: Callable[[Callable[[], None]], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._run = run

    def now(self) -> float:
        """Seconds that never run backwards."""
        return self._loop.time()

    @staticmethod
    def epoch() -> float:
        """Seconds since 1970."""
        return time.time()

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call in `delay` seconds."""
        return self._loop.call_later(delay, self._run, call)
