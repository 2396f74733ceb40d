"""The event loop's clock, as the broker's port wants it."""

import asyncio
import time
from collections.abc import Callable


class LoopClock:
    """The running loop's time; `settle` is called after each call that came due."""

    def __init__(self, settle: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._settle = settle

    def now(self) -> float:
        """Seconds that never run backwards."""
        return self._loop.time()

    @staticmethod
    def epoch() -> int:
        """Seconds since 1970."""
        return int(time.time())

    def call_later(self, delay: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call in `delay` seconds."""
        return self._loop.call_later(delay, self._run, call)

    def _run(self, call: Callable[[], None]) -> None:
        call()
        self._settle()
