"""A clock that is wrong: skew of a process by libfaketime."""

import contextlib
import os
import tempfile
from pathlib import Path

from .base import Unsupported
from .compose import Fault

VARIABLE = "MQPROOF_LIBFAKETIME"
_PLACES = (
    "/usr/lib/*/faketime/libfaketimeMT.so.1",  # Debian
    "/usr/lib*/faketime/libfaketimeMT.so.1",  # Fedora, Arch
    "/opt/homebrew/lib/faketime/libfaketimeMT.1.dylib",
    "/usr/local/lib/faketime/libfaketimeMT.*",
)
SHARED = Path("/dev/shm")  # noqa: S108  where Linux has POSIX shared memory and semaphores as files


class Skew(Fault):
    """While it is in force, the wall clock of a process is wrong by `seconds`.

    Start the process with `environment` added to its own; its clock is right outside the block. The
    monotonic clock does not follow, as when an administrator sets the time. Close it (`close`) when
    the process has ended.
    """

    def __init__(self, seconds: float, library: Path | None = None) -> None:
        self.seconds = seconds
        self._library = library or _find_library()
        handle, name = tempfile.mkstemp(prefix="mqproof-clock-")
        os.close(handle)
        self._file = Path(name)
        self._set(0)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the process must be started with."""
        preload = "DYLD_INSERT_LIBRARIES" if self._library.suffix == ".dylib" else "LD_PRELOAD"
        return {
            preload: str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def hurt(self) -> None:
        """Set the clock wrong."""
        self._set(self.seconds)

    def restore(self) -> None:
        """Set it right."""
        self._set(0)

    def close(self) -> None:
        """Remove the file that the process read its offset from, and what libfaketime left."""
        self._file.unlink(missing_ok=True)
        _sweep()

    def _set(self, seconds: float) -> None:
        # Replaced at once, since the process may read it at any moment.
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{seconds:+f}\n", encoding="ascii")
        fresh.replace(self._file)


def _sweep() -> None:
    """Remove the shared memory that libfaketime leaves of processes that were killed.

    It is named by the number of the process, and the next process of that number, preloaded in its
    turn, would refuse to start (libfaketime's README, "Leftover files").
    """
    for left in SHARED.glob("*faketime_*"):
        number = left.name.rpartition("_")[2]
        if number.isdigit() and not Path("/proc", number).exists():
            with contextlib.suppress(OSError):  # another user's, or another run has just done it
                left.unlink()


def _find_library() -> Path:
    given = os.environ.get(VARIABLE)
    if given:
        return Path(given)
    for pattern in _PLACES:
        for found in sorted(Path("/").glob(pattern.lstrip("/"))):
            return found
    raise Unsupported(
        f"a wrong clock needs libfaketime: install it (Debian: faketime), or name it in {VARIABLE}"
    )
