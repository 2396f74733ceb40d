"""Memory for large contents is kept for the next ones.

By default glibc gives a freed block of some megabytes back to the system at once, which has to be
asked for it, page by page, for the next content: half of what relaying bodies of 4 MiB and more
costs. See mallopt(3).
"""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's numbers of these parameters
_LARGEST = 32 << 20  # octets of a block that is not asked of the system on its own; glibc's most
_KEPT = 64 << 20  # octets that may lie free at the end of the heap


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
