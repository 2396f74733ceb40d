import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from faults import Unsupported
from faults.clock import SHARED, VARIABLE, Skew
from faults.disk import (
    BrokenDisk,
    FailingFsync,
    FileLimit,
    FullDisk,
    ImageDisk,
    ReadOnlyDisk,
    SmallDisk,
    TornTail,
)


class Worker:
    """A Python process that evaluates a line at a time."""

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter
            [sys.executable, "-u", "-S", "-c", "import os, sys, time\n" + LOOP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
        )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ask(self, expression: str) -> str:
        """What the expression gives, or the error's number."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(expression + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def kill(self) -> None:
        """End it without a word."""
        self._process.kill()
        self._process.communicate()


LOOP = """
for line in sys.stdin:
    try:
        print(eval(line))
    except OSError as error:
        print("errno", error.errno)
"""


def supported(fault: Any, *arguments: Any) -> Any:
    """The fault in force; the test is skipped where the machine cannot produce it."""
    try:
        made = fault(*arguments)
        made.start()
    except Unsupported as reason:
        pytest.skip(str(reason))
    return made


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 1 MiB."""
    small = supported(SmallDisk, tmp_path, 1 << 20)
    yield tmp_path
    small.stop()
    assert not list(tmp_path.iterdir())


def test_a_small_disk_is_small(disk: Path) -> None:
    """More than its size cannot be written."""
    with pytest.raises(OSError, match="No space left") as caught:
        (disk / "large").write_bytes(bytes(2 << 20))
    assert caught.value.errno == errno.ENOSPC


def test_a_full_disk_takes_nothing_until_left(disk: Path) -> None:
    """Not one octet more; what was there can be read, and there is room again afterwards."""
    old = disk / "old"
    old.write_bytes(b"kept")
    with FullDisk(disk), pytest.raises(OSError, match="No space left"):
        (disk / "new").write_bytes(b"x")
    assert old.read_bytes() == b"kept"
    (disk / "new").write_bytes(bytes(1 << 19))


def test_a_nearly_full_disk_takes_what_is_left(disk: Path) -> None:
    """So much, and not much more."""
    with FullDisk(disk, left=1 << 17):
        (disk / "new").write_bytes(bytes(1 << 16))
        with pytest.raises(OSError, match="No space left"):
            (disk / "newer").write_bytes(bytes(1 << 17))


def test_a_broken_disk_keeps_what_was_synced(tmp_path: Path) -> None:
    """Nothing can be written any more, not even by who has a file open; later it works again."""
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = supported(ImageDisk, folder, 1 << 23)
    try:
        with (folder / "old").open("wb", buffering=0) as old:
            old.write(b"synced")
            os.fsync(old.fileno())
            os.sync()
            with BrokenDisk(disk):
                with pytest.raises(OSError, match="Read-only file system"):
                    old.write(b"more")
                with pytest.raises(OSError, match="Read-only file system"):
                    (folder / "new").write_bytes(b"x")
                assert (folder / "old").read_bytes() == b"synced"
        assert (folder / "old").read_bytes() == b"synced"
        (folder / "old").write_bytes(b"changed")
    finally:
        disk.stop()
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]
    assert not list(folder.iterdir())


def test_an_image_needs_room_and_an_empty_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is wrong is told in one line, and no image is left."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with pytest.raises(ValueError, match="octets is 5: give 4194304 or more"):
        ImageDisk(folder, 5)
    monkeypatch.setattr("faults.disk._require_mount", lambda _what: None)
    monkeypatch.setattr("shutil.which", lambda _program: None)
    with pytest.raises(Unsupported, match=r"needs mkfs\.ext4"):
        ImageDisk(folder, 1 << 23).start()
    monkeypatch.setattr("shutil.which", lambda program: program)
    (folder / "file").touch()
    with pytest.raises(ValueError, match="is not empty"):
        ImageDisk(folder, 1 << 23).start()
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_a_large_disk_is_not_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why, and writes nothing."""
    monkeypatch.setattr("faults.disk.LARGEST_BALLAST", 0)
    with pytest.raises(Unsupported, match="a full disk needs a small one"):
        FullDisk(tmp_path).start()
    assert not list(tmp_path.iterdir())


def test_a_read_only_disk_can_be_read(tmp_path: Path) -> None:
    """Neither a new file nor an old one can be written, until left."""
    old = tmp_path / "old"
    old.write_bytes(b"kept")
    fault = supported(ReadOnlyDisk, tmp_path)
    try:
        with pytest.raises(OSError, match=r"Read-only|Permission denied"):
            (tmp_path / "new").write_bytes(b"x")
        with pytest.raises(OSError, match=r"Read-only|Permission denied"):
            old.write_bytes(b"x")
        assert old.read_bytes() == b"kept"
    finally:
        fault.stop()
    old.write_bytes(b"changed")


def test_a_read_only_disk_by_file_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modes lose every write bit and get exactly what they had."""
    old = tmp_path / "old"
    old.touch(0o640)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with ReadOnlyDisk(tmp_path):
        assert old.stat().st_mode & 0o777 == 0o440
        assert tmp_path.stat().st_mode & 0o222 == 0
    assert old.stat().st_mode & 0o777 == 0o640
    assert tmp_path.stat().st_mode & 0o200


def test_what_needs_root_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is unsupported, in one line."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Unsupported, match=r"a small disk needs Linux and root \(mount\)"):
        SmallDisk(tmp_path, 1 << 20).start()


def test_a_file_limit_binds_a_running_process(tmp_path: Path) -> None:
    """It cannot write beyond it inside the block, and can after it."""
    worker = Worker()
    write = f"os.pwrite(os.open({str(tmp_path / 'f')!r}, os.O_CREAT | os.O_WRONLY), b'xx', 1000)"
    try:
        assert worker.ask(write) == "2"
        fault = supported(FileLimit, worker.pid, 1000)
        assert worker.ask(write) == f"errno {errno.EFBIG}"
        fault.stop()
        assert worker.ask(write) == "2"
    finally:
        worker.close()


def test_a_torn_tail_is_put_back(tmp_path: Path) -> None:
    """Exactly the last octets are missing inside the block, and the file is as before after it."""
    file = tmp_path / "journal"
    file.write_bytes(b"whole records, torn one")
    with TornTail(file, 4):
        assert file.read_bytes() == b"whole records, torn"
    assert file.read_bytes() == b"whole records, torn one"


def test_a_torn_tail_that_was_written_over_stays_so(tmp_path: Path) -> None:
    """What came after the tear is left alone, and so is a file that is gone."""
    file = tmp_path / "journal"
    file.write_bytes(b"one two")
    with TornTail(file, 3):
        file.write_bytes(b"one six")
    assert file.read_bytes() == b"one six"
    with TornTail(file, 3):
        file.unlink()
    assert not file.exists()


def test_a_torn_tail_of_wrong_length_is_one_clear_line(tmp_path: Path) -> None:
    """Nothing, and more than there is."""
    file = tmp_path / "journal"
    file.write_bytes(b"abc")
    with pytest.raises(ValueError, match="octets is 0: give 1 or more"):
        TornTail(file, 0)
    with pytest.raises(ValueError, match="has 3 octets: 4 cannot be torn off it"):
        TornTail(file, 4).start()
    assert file.read_bytes() == b"abc"


def test_a_failing_fsync(tmp_path: Path) -> None:
    """Both calls fail inside the block, and work outside it."""
    try:
        fault = FailingFsync()
    except Unsupported as reason:
        pytest.skip(str(reason))
    worker = Worker(**fault.environment)
    calls = [
        f"os.{call}(os.open({str(tmp_path / 'f')!r}, os.O_CREAT | os.O_WRONLY))"
        for call in ("fsync", "fdatasync")
    ]
    try:
        assert [worker.ask(call) for call in calls] == ["None", "None"]
        with fault:
            assert [worker.ask(call) for call in calls] == [f"errno {errno.EIO}"] * 2
        assert [worker.ask(call) for call in calls] == ["None", "None"]
    finally:
        worker.close()
        fault.close()


def test_a_failing_fsync_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a compiler it is unsupported."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Unsupported, match="needs Linux and a C compiler called cc"):
        FailingFsync()


def test_skew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wall clock is an hour fast inside the block and right outside it; the other is right."""
    try:
        fault = Skew(3600)
    except Unsupported as reason:
        pytest.skip(str(reason))
    worker = Worker(**fault.environment)
    try:
        assert abs(float(worker.ask("time.time()")) - time.time()) < 60
        with fault:
            assert abs(float(worker.ask("time.time()")) - 3600 - time.time()) < 60
            assert abs(float(worker.ask("time.monotonic()")) - time.monotonic()) < 60
        assert abs(float(worker.ask("time.time()")) - time.time()) < 60
    finally:
        worker.close()
        fault.close()
    monkeypatch.setattr("faults.clock._PLACES", ())
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(Unsupported, match="a wrong clock needs libfaketime: install it"):
        Skew(1)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared memory as files here")
def test_what_libfaketime_shares_goes_with_a_process_that_was_killed() -> None:
    """Else the next process of that number would not start; what a living one shares stays."""
    try:
        first, second = Skew(1), Skew(1)
    except Unsupported as reason:
        pytest.skip(str(reason))
    killed, alive = Worker(**first.environment), Worker(**second.environment)
    try:
        assert [killed.ask("1"), alive.ask("1")] == ["1", "1"]
        of_killed, of_alive = (f"*faketime_*_{worker.pid}" for worker in (killed, alive))
        assert len(list(SHARED.glob(of_killed))) == 2
        killed.kill()
        first.close()
        assert not list(SHARED.glob(of_killed))
        assert len(list(SHARED.glob(of_alive))) == 2
    finally:
        killed.kill()
        alive.kill()
        second.close()
    assert not list(SHARED.glob(of_alive))
