"""What is said of a data directory that cannot be written to."""

import errno
import os
from pathlib import Path

import pytest

from reference_broker.storage.reason import reason


@pytest.fixture
def descriptor(tmp_path: Path) -> int:
    """An empty file that is open."""
    return os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)


def test_nothing_is_wrong(descriptor: int) -> None:
    """Then nothing is said, and the file is empty as before."""
    assert reason(descriptor) == ""
    assert os.fstat(descriptor).st_size == 0
    os.close(descriptor)


def test_the_system_says_why(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words, and by the name of the number."""

    def fail(_descriptor: int) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "fsync", fail)
    assert reason(descriptor) == "Read-only file system (EROFS)"
    os.close(descriptor)
