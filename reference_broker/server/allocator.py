"""Memory that is free: kept for the next large content, given back after a backlog.

By default glibc gives a freed block of some megabytes back to the system at once, which has to be
asked for it, page by page, for the next content: half of what relaying bodies of 4 MiB and more
costs. See mallopt(3).

Small objects lie in arenas of Python's own. What it keeps of freed ones for the next of their kind
(a few thousand tuples and the like) lies scattered, and holds on to most arenas after a backlog: of
77 MB for 300,000 messages 65 stayed, and 12 after a full collection, which lets go of them.
"""

import ctypes
import gc
import sys
from collections.abc import Callable

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's numbers of these parameters
_LARGEST = 32 << 20  # octets of a block that is not asked of the system on its own; glibc's most
_KEPT = 64 << 20  # octets that may lie free at the end of the heap
_WORTH = 16 << 20  # octets
_FEW = 5_000  # messages


def keep_freed_memory() -> None:
    """Tell the allocator of this process, where it is glibc's; others are left as they are."""
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # musl has no such call
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST)
    mallopt(_TRIM_THRESHOLD, _KEPT)


class Reclaim:
    """Gives memory back when nearly all messages have gone; `check` is called now and then.

    `resident` gives the octets of memory of this process, `messages` how many it holds.
    """

    def __init__(self, resident: Callable[[], int], messages: Callable[[], int]) -> None:
        self._resident = resident
        self._messages = messages
        self._least = resident()  # that there was, or that was left

    def check(self) -> None:
        """Look, and collect if it is worth it, and takes the milliseconds that few objects take."""
        used = self._resident()
        self._least = min(self._least, used)
        if used - self._least >= _WORTH and self._messages() <= _FEW:
            gc.collect()
            self._least = self._resident()
