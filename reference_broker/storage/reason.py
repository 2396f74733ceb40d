"""Why a data directory cannot be written to, in the system's words, which SQLite keeps back."""

import errno
import os

_PROBE = bytes(4096)  # a block, so that it needs room


def reason(descriptor: int) -> str:
    """What the system says of writing to an empty file that is open, and of syncing it.

    Such as `No space left on device (ENOSPC)`; nothing where it works. The file is emptied again.
    """
    try:
        os.pwrite(descriptor, _PROBE, 0)
        os.fsync(descriptor)
        os.ftruncate(descriptor, 0)
    except OSError as error:
        return f"{error.strerror} ({errno.errorcode.get(error.errno or 0, error.errno)})"
    return ""
