"""Data directories that cannot be used: one clear line each, nothing harmed, and none of ours."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import reference_broker
from reference_broker.broker.ports import StoreError
from reference_broker.storage.opening import FILE
from reference_broker.storage.schema import APPLICATION_ID, VERSION
from reference_broker.storage.sqlite import SqliteStore
from suites.unit.doubles import message
from suites.unit.stores import WAL, as_killed, left_in, opened, queue_of

ROOT = Path(reference_broker.__file__).parents[1]
NOBODY = 65534
SOON = 20.0  # seconds; far more than a refusal takes on a busy machine
PAGE = 4096


def refusal(folder: Path) -> str:
    """Why the directory is refused, by recovery as well as by opening."""
    before = held_open(folder)
    with pytest.raises(StoreError) as caught, opened(folder):
        pass
    assert held_open(folder) == before
    told = str(caught.value)
    assert "\n" not in told
    assert str(folder) in told or "damaged" in told
    return told


def held_open(folder: Path) -> list[str]:
    """The files of a directory that this process has open; none where the kernel does not tell."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        return []
    targets = [str(path.readlink()) for path in descriptors.iterdir() if path.is_symlink()]
    return [target for target in targets if target.startswith(str(folder))]


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A directory with ten messages in the queue q."""
    folder = tmp_path / "data"
    with opened(folder) as (_store, broker):
        queue = queue_of(broker)
        for number in range(10):
            queue.put(message(b"%d" % number * 500, delivery_mode=2))
    return folder


def test_a_missing_directory_is_made(tmp_path: Path) -> None:
    """Also the ones above it."""
    with opened(tmp_path / "a" / "b"):
        pass
    assert (tmp_path / "a" / "b" / FILE).exists()


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """The line says so."""
    path = tmp_path / "file"
    path.touch()
    assert refusal(path) == f"{path} is not a directory"


def test_garbage(tmp_path: Path) -> None:
    """A database that is none is refused and left as it is."""
    garbage = b"garbage" * 1000
    (tmp_path / FILE).write_bytes(garbage)
    assert "not a database" in refusal(tmp_path)
    assert (tmp_path / FILE).read_bytes() == garbage


def pragma(folder: Path, name: str, value: int) -> None:
    """Write into the header of a database."""
    db = sqlite3.connect(folder / FILE)
    db.execute(f"pragma {name} = {value}")
    db.commit()
    db.close()


@pytest.mark.parametrize("owner", [0, 1, APPLICATION_ID + 1])
def test_another_application(used: Path, owner: int) -> None:
    """A SQLite database that is not ours is not touched."""
    pragma(used, "application_id", owner)
    before = (used / FILE).read_bytes()
    assert "was not written by this broker" in refusal(used)
    assert (used / FILE).read_bytes() == before


@pytest.mark.parametrize("version", [0, VERSION + 1, 1000])
def test_another_version(used: Path, version: int) -> None:
    """A format that we do not know is refused, with both numbers, and is usable by its owner."""
    pragma(used, "user_version", version)
    told = refusal(used)
    assert f"format {version}" in told
    assert f"format {VERSION}" in told
    pragma(used, "user_version", VERSION)
    assert len(left_in(used)) == 10


def test_other_files(tmp_path: Path) -> None:
    """A directory of something else is not taken over: the line names a file of it."""
    (tmp_path / "thesis.tex").write_text("precious", encoding="utf-8")
    assert "thesis.tex" in refusal(tmp_path)
    assert FILE not in {path.name for path in tmp_path.iterdir()}


def test_a_foreign_file_beside_ours(used: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is named, left alone, and harms nothing."""
    (used / "notes.txt").write_text("mine", encoding="utf-8")
    assert len(left_in(used)) == 10
    assert "notes.txt" in caplog.text
    assert (used / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_second_broker(used: Path) -> None:
    """It is refused while the first lives, and welcome afterwards."""
    with opened(used):
        assert refusal(used) == f"{used} is in use by another broker"
    assert len(left_in(used)) == 10


def test_a_second_process(used: Path) -> None:
    """It says so on standard error and exits 2."""
    with opened(used):
        arguments = ["serve", "--port", "0", "--data-dir", str(used)]
        done = subprocess.run(  # noqa: S603  our own interpreter and package
            [sys.executable, "-m", "reference_broker", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=SOON,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == f"reference_broker: {used} is in use by another broker\n"


def test_a_refused_directory_is_let_go(used: Path) -> None:
    """Once it is mended the same process can open it."""
    pragma(used, "user_version", VERSION + 1)
    refusal(used)
    pragma(used, "user_version", VERSION)
    assert len(left_in(used)) == 10


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may write anywhere: be somebody else for a moment."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def others() -> Iterator[Path]:
    """A directory that anybody may enter: pytest's own may be entered by nobody else."""
    folder = Path(tempfile.mkdtemp(prefix="mqproof-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_read_only_directory(used: Path, others: Path) -> None:
    """A broker's data that must not be written are refused, and so is a place for new ones."""
    folder = others / "data"
    shutil.copytree(used, folder)
    folder.chmod(0o555)
    for path in folder.iterdir():
        path.chmod(0o444)
    with unprivileged():
        assert refusal(folder) == f"cannot use {folder}: Permission denied"
        below = folder / "below"
        assert refusal(below) == f"cannot use {below}: Permission denied"
    folder.chmod(0o755)


def test_a_hidden_directory(others: Path) -> None:
    """A place that cannot even be looked at."""
    others.chmod(0o700)
    with unprivileged():
        folder = others / "data"
        if os.access(others, os.X_OK, effective_ids=True):
            pytest.skip("this user owns the directory")
        assert refusal(folder) == f"cannot use {folder}: Permission denied"


def test_a_kill_during_the_first_start(used: Path, tmp_path: Path) -> None:
    """Whatever is left of a database in the making, the next start begins anew."""
    whole = (used / FILE).read_bytes()
    for size in (0, 100, PAGE, len(whole) // 2):
        folder = tmp_path / f"made to {size}"
        folder.mkdir()
        (folder / "broker.new").write_bytes(whole[:size])
        (folder / "broker.new-journal").write_bytes(b"\0" * size)
        with opened(folder) as kept:
            assert kept.broker.vhosts == {}


def test_a_log_without_its_database(used: Path) -> None:
    """What is left of a database that somebody removed does not get into a new one's pages."""
    with opened(used) as (store, broker):
        queue_of(broker).put(message(b"late", delivery_mode=2))
        store.commit()
        killed = as_killed(used)
    assert (killed / WAL).stat().st_size > 0
    (killed / FILE).unlink()
    assert "write-ahead log without its broker.sqlite3" in refusal(killed)


@pytest.mark.parametrize("page", range(12))
def test_a_damaged_page(used: Path, page: int) -> None:
    """A page of garbage: a clear refusal, or all that other pages hold."""
    path = used / FILE
    octets = bytearray(path.read_bytes())
    if page * PAGE >= len(octets):
        pytest.skip("the database is smaller")
    start = max(page * PAGE, 100)  # the header has tests of its own
    octets[start : (page + 1) * PAGE] = b"\xa5" * ((page + 1) * PAGE - start)
    path.write_bytes(octets)
    try:
        with opened(used) as kept:
            queues = {name for vhost in kept.broker.vhosts.values() for name in vhost.queues}
    except StoreError as refused:
        assert "\n" not in str(refused)  # noqa: PT017  either is right, a traceback is not
        assert not held_open(used)  # while the error, and with it each frame it came by, is there
    else:
        assert queues <= {"q"}


@pytest.mark.parametrize("size", [1, 50, 99, 100, PAGE - 1, PAGE, 3 * PAGE])
def test_a_database_cut_short(used: Path, size: int) -> None:
    """What is no whole database is refused, and never taken for a new one."""
    os.truncate(used / FILE, size)
    refusal(used)
    assert (used / FILE).stat().st_size == size


def test_an_empty_database(used: Path) -> None:
    """A file of no octets is no new database: somebody has emptied it."""
    os.truncate(used / FILE, 0)
    assert "was not written by this broker" in refusal(used)


def test_a_copy_is_a_backup(used: Path, tmp_path: Path) -> None:
    """The files of a stopped broker are all there is to it."""
    copy = tmp_path / "copy"
    shutil.copytree(used, copy)
    shutil.rmtree(used)
    assert len(left_in(copy)) == 10
    SqliteStore(copy).close()
