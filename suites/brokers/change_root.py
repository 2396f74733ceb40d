"""Another Debian's programs on this machine's kernel: a folder with a root file system of its own.

A command is run there in a private mount namespace, which ends with the last process in it, so that
nothing stays mounted however the harness ends. The network, the names of hosts, the processes and
the folder of temporary files are this machine's; each program becomes the next, so that the
harness's child is the program itself.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from suites.brokers.base import BrokerError, Unsupported
from suites.brokers.process import Command

ENTER = """\
set -e
mount --rbind /proc "$1/proc"
mount --rbind /dev "$1/dev"
touch "$1/etc/hosts"
mount --bind /etc/hosts "$1/etc/hosts"
mkdir -p "$1$2"
mount --rbind "$2" "$1$2"
root=$1
shift 2
exec chroot "$root" "$@"
"""


class ChangeRoot:
    """A root file system in a folder; BrokerError where this machine or user cannot enter one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        if not folder.is_dir():
            raise BrokerError(f"there is no folder {folder}: {HOW_TO_MAKE_ONE}")
        if lacking := [name for name in ("unshare", "chroot", "mount") if not shutil.which(name)]:
            raise BrokerError(f"a change root needs {', '.join(lacking)}, of Linux")
        if os.geteuid() != 0:
            raise BrokerError("a change root needs root, for mounts of its own: run it by sudo")

    def outside(self, path: Path) -> Path:
        """Where a path of the inside is for the harness."""
        return self.folder / path.relative_to("/")

    def inside(self, path: Path) -> Path:
        """What a path of the harness is within."""
        return "/" / path.relative_to(self.folder)

    def command(self, command: Command) -> Command:
        """The same, run within."""
        enter = ["unshare", "--mount", "sh", "-c", ENTER, "sh", str(self.folder)]
        return Command([*enter, tempfile.gettempdir(), *command.argv], command.env)

    def require(self, variables: Mapping[str, str]) -> None:
        """Unsupported if a library that these variables load is not there within."""
        library = Path(variables.get("LD_PRELOAD", "/"))
        if library.is_relative_to(tempfile.gettempdir()) or self.outside(library).exists():
            return
        raise Unsupported(f"{self.folder} has no {library}: install its package there")


HOW_TO_MAKE_ONE = "make one by `python -m suites.brokers.roots make VERSION DIR`"
