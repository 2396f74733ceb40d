"""Faults of a disk: small, full, read-only, broken, of limited file size, torn, failing fsync."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .base import Unsupported
from .compose import Fault

LARGEST_BALLAST = 256 << 20
"""Octets that may be written to fill a disk; more would hurt more than the subject."""

_CHUNK = 1 << 16
_SMALLEST_IMAGE = 1 << 22  # octets, with room for a journal
_SHIM = Path(__file__).with_name("fsync_shim.c")


class SmallDisk(Fault):
    """A file system of so many octets in place of an empty folder; Linux, as root."""

    def __init__(self, folder: Path, octets: int) -> None:
        if octets < 1:
            raise ValueError(f"octets is {octets}: give 1 or more")
        self.folder = folder
        self._octets = octets

    def hurt(self) -> None:
        """Mount it."""
        _require_mount("a small disk")
        if any(self.folder.iterdir()):
            raise ValueError(f"{self.folder} is not empty: its files would be out of reach")
        options = f"size={self._octets},mode=0777"
        _run("mount", "-t", "tmpfs", "-o", options, "mqproof", str(self.folder))

    def restore(self) -> None:
        """Unmount it, with all that is on it."""
        _run("umount", "-l", str(self.folder))


class ImageDisk(Fault):
    """Like SmallDisk, but ext4 on a loop device: it can break (see BrokenDisk).

    The image is a file beside the folder, and is removed with the disk.
    """

    def __init__(self, folder: Path, octets: int) -> None:
        if octets < _SMALLEST_IMAGE:
            raise ValueError(f"octets is {octets}: give {_SMALLEST_IMAGE} or more")
        self.folder = folder
        self._octets = octets
        self._image = folder.with_name(folder.name + ".ext4")

    def hurt(self) -> None:
        """Make the image and mount it."""
        _require_mount("a disk in an image")
        if shutil.which("mkfs.ext4") is None:
            raise Unsupported("a disk in an image needs mkfs.ext4 (e2fsprogs)")
        if any(self.folder.iterdir()):
            raise ValueError(f"{self.folder} is not empty: its files would be out of reach")
        try:
            with self._image.open("xb") as image:
                image.truncate(self._octets)
            _run("mkfs.ext4", "-q", "-m", "0", str(self._image))
            self.mount()
        except Unsupported:
            self._image.unlink()
            raise

    def mount(self) -> None:
        """Put it in place."""
        _run("mount", "-o", "loop", str(self._image), str(self.folder))

    def replace(self) -> None:
        """Put a copy in its place: it is what a machine would find that is switched on again.

        The disk itself may be held by who has files open, or by another mount namespace.
        """
        self.unmount()
        copy = self._image.with_suffix(".copy")
        shutil.copyfile(self._image, copy)
        copy.replace(self._image)
        self.mount()

    def unmount(self) -> None:
        """Take it away."""
        _run("umount", "-l", str(self.folder))

    def restore(self) -> None:
        """Unmount it, with all that is on it."""
        self.unmount()
        self._image.unlink()


class BrokenDisk(Fault):
    """The kernel has given an ext4 disk up, as it does after errors of the device.

    Nothing can be written to it any more (EROFS), not even by who has a file open, and what was not
    synced is lost. Leaving puts the disk as it then is back in its place, to be used by who opens
    its files anew.
    """

    def __init__(self, disk: ImageDisk) -> None:
        self.disk = disk

    def hurt(self) -> None:
        """Break it, by the option that ext4 has for such tests."""
        _run("mount", "-o", "remount,abort", str(self.disk.folder))

    def restore(self) -> None:
        """Have it mended from its journal, and mounted."""
        self.disk.replace()


class FullDisk(Fault):
    """Only `left` octets can be written where the folder is: a ballast file takes what is free.

    Only where little is free, for instance on a SmallDisk; elsewhere it is unsupported.
    """

    def __init__(self, folder: Path, left: int = 0) -> None:
        self.folder = folder
        self._left = left
        self._ballast = folder / ".mqproof-ballast"

    def hurt(self) -> None:
        """Write until there is no more room than that."""
        free = shutil.disk_usage(self.folder).free
        if free > LARGEST_BALLAST:
            raise Unsupported(
                f"a full disk needs a small one: {self.folder} has {free >> 20} MiB free,"
                f" at most {LARGEST_BALLAST >> 20} are filled"
            )
        try:
            with self._ballast.open("wb", buffering=0) as ballast:
                _fill(ballast.fileno(), free - self._left if self._left else LARGEST_BALLAST)
        except BaseException:
            self._ballast.unlink(missing_ok=True)
            raise

    def restore(self) -> None:
        """Make room again."""
        self._ballast.unlink(missing_ok=True)


class ReadOnlyDisk(Fault):
    """Files below the folder can be read, and no longer opened for writing.

    By file modes; for root, whom these do not bind, by a read-only mount, which takes Linux. What
    is open for writing stays so, as the kernel has it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modes: dict[Path, int] = {}

    def hurt(self) -> None:
        """Take the right to write away."""
        if os.geteuid() == 0:
            _require_mount("a read-only disk, for root,")
            self._mount()
            return
        for path in [self.folder, *self.folder.rglob("*")]:
            if not path.is_symlink():
                mode = path.stat().st_mode
                self._modes[path] = mode
                path.chmod(mode & ~0o222)

    def _mount(self) -> None:
        _run("mount", "--bind", str(self.folder), str(self.folder))
        try:
            _run("mount", "-o", "remount,ro,bind", str(self.folder))
        except Unsupported:
            _run("umount", "-l", str(self.folder))
            raise

    def restore(self) -> None:
        """Give it back."""
        if os.geteuid() == 0:
            _run("umount", "-l", str(self.folder))
        for path, mode in self._modes.items():
            path.chmod(mode)
        self._modes.clear()


class FileLimit(Fault):
    """A running process cannot make any file longer than so many octets (EFBIG); Linux.

    The kernel also sends it SIGXFSZ, which ends a process that does not ignore it; Python does.
    """

    def __init__(self, pid: int, octets: int) -> None:
        self.pid = pid
        self._octets = octets
        self._former = (0, 0)

    def hurt(self) -> None:
        """Lower the limit."""
        if sys.platform != "linux":
            raise Unsupported("a limit on the files of a running process needs Linux (prlimit)")
        self._former = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        limits = (self._octets, self._former[1])
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, limits)

    def restore(self) -> None:
        """Put the former limit back, unless the process has ended."""
        try:
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, self._former)
        except ProcessLookupError:
            return


class TornTail(Fault):
    """The last octets of a file are missing, as when a machine stops in the middle of a write.

    To be entered while nobody writes to the file. Leaving puts them back, unless the file has
    changed since: who has gone on from the torn file must not find them behind his own.
    """

    def __init__(self, file: Path, octets: int) -> None:
        if octets < 1:
            raise ValueError(f"octets is {octets}: give 1 or more")
        self.file = file
        self._octets = octets
        self._tail = b""
        self._torn = (0, 0)

    def hurt(self) -> None:
        """Cut them off. ValueError if the file has not so many."""
        size = self.file.stat().st_size
        if size < self._octets:
            raise ValueError(f"{self.file} has {size} octets: {self._octets} cannot be torn off it")
        with self.file.open("r+b") as torn:
            torn.seek(size - self._octets)
            self._tail = torn.read()
            torn.truncate(size - self._octets)
        self._torn = self._state()

    def restore(self) -> None:
        """Put them back."""
        if self.file.exists() and self._state() == self._torn:
            with self.file.open("ab") as whole:
                whole.write(self._tail)

    def _state(self) -> tuple[int, int]:
        status = self.file.stat()
        return status.st_size, status.st_mtime_ns


class FailingFsync(Fault):
    """While it is in force, fsync and fdatasync of a process fail with EIO; Linux, and cc.

    Start the process with `environment` added to its own; it is hurt only inside the block. Close
    it (`close`) when the process has ended.
    """

    def __init__(self) -> None:
        compiler = shutil.which("cc")
        if sys.platform != "linux" or compiler is None:
            raise Unsupported("a failing fsync needs Linux and a C compiler called cc")
        self._folder = Path(tempfile.mkdtemp(prefix="mqproof-fsync-"))
        self._switch = self._folder / "fails"
        self._library = self._folder / "shim.so"
        _run(compiler, "-shared", "-fPIC", "-O1", "-o", str(self._library), str(_SHIM))

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the process must be started with."""
        return {"LD_PRELOAD": str(self._library), "MQPROOF_FSYNC_FAILS": str(self._switch)}

    def hurt(self) -> None:
        """Let them fail."""
        self._switch.touch()

    def restore(self) -> None:
        """Let them work."""
        self._switch.unlink(missing_ok=True)

    def close(self) -> None:
        """Remove the compiled shim."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _fill(file: int, most: int) -> None:
    """Write up to so many octets, in ever smaller pieces towards the end of the disk."""
    size = _CHUNK
    while size and most > 0:
        try:
            most -= os.write(file, bytes(min(size, most)))
        except OSError:
            size //= 2


def _require_mount(what: str) -> None:
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        raise Unsupported(f"{what} needs Linux and root (mount)")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise Unsupported(f"`{command[0]}` failed with status {done.returncode}: {said[-1]}")
