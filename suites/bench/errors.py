"""What can go wrong in a measurement, and the time that one may take."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

PATIENCE = 20.0  # seconds without one octet or one free place in a socket's buffer


class BenchError(Exception):
    """A measurement could not be made; the text says what was missing."""


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """BenchError in the main thread after so many seconds, whatever it is waiting for.

    A socket has its own deadline, but a broker may answer a little, again and again, and a client
    library may wait for ever.
    """

    def expire(_number: int, _frame: FrameType | None) -> None:
        raise BenchError(f"the measurement did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expire)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)
