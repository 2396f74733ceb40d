import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from faults.process import CrashLoop, Kill, Pause, Restart, Terminate, has_ended
from suites.unit.faults_world import PATIENCE, QUIET


class Cat:
    """A process that sends back what it is told."""

    def __init__(self, *command: str) -> None:
        self._command = command or ("cat",)
        self.starts = 0
        self.start()

    @property
    def pid(self) -> int:
        """Of the last run."""
        return self._process.pid

    def start(self) -> None:
        """Run."""
        self.starts += 1
        self._process = subprocess.Popen(  # noqa: S603  cat, or what the test names
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )

    def kill(self) -> None:
        """End it and its pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    def answers(self, timeout: float = PATIENCE) -> bool:
        """Whether it sends a line back in time."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(b"x\n")
        self._process.stdin.flush()
        return self.speaks(timeout)

    def speaks(self, timeout: float = PATIENCE) -> bool:
        """Whether a line comes in time."""
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], timeout)[0]:
            return False
        return os.read(self._process.stdout.fileno(), 2) == b"x\n"


@pytest.fixture
def cat() -> Iterator[Cat]:
    """A process that answers."""
    process = Cat()
    yield process
    process.kill()


def test_kill_and_leaving_starts_again(cat: Cat) -> None:
    """Dead inside the block, another run after it."""
    pid = cat.pid
    with Kill(cat):
        assert has_ended(pid)
    assert cat.pid != pid
    assert cat.answers()


def test_terminate_waits_for_the_end(cat: Cat) -> None:
    """SIGTERM has ended it when the block begins."""
    pid = cat.pid
    with Terminate(cat):
        assert has_ended(pid)
    assert cat.answers()


def test_what_ignores_sigterm_is_one_clear_line() -> None:
    """The process lives on, and the fault is not in force."""
    deaf = Cat("sh", "-c", "trap '' TERM; echo x; exec cat")
    try:
        assert deaf.speaks()
        fault = Terminate(deaf, patience=0.1)
        with pytest.raises(TimeoutError, match=r"process \d+ ignores SIGTERM for 0.1 s"):
            fault.start()
        assert not fault.active
        assert deaf.answers()
    finally:
        deaf.kill()


def test_pause_and_leaving_resumes(cat: Cat) -> None:
    """It does nothing inside the block, and then all that it was asked."""
    with Pause(cat):
        assert not cat.answers(QUIET)
        assert not has_ended(cat.pid)
    assert cat.speaks()
    assert cat.starts == 1


def test_pause_of_what_dies_meanwhile_is_harmless(cat: Cat) -> None:
    """There is nothing to resume."""
    with Pause(cat):
        cat.kill()
        cat.start()
    assert cat.answers()


def test_restart_is_over_at_once(cat: Cat) -> None:
    """Another run answers inside the block."""
    pid = cat.pid
    with Restart(cat):
        assert has_ended(pid)
        assert cat.answers()
    assert cat.starts == 2


def test_crash_loop_kills_until_left(cat: Cat) -> None:
    """It crashes again and again, and is up afterwards."""
    deadline = time.monotonic() + PATIENCE
    with CrashLoop(cat, 0.02, jitter=0.01, seed=1) as loop:
        while loop.crashes < 3:
            assert time.monotonic() < deadline
            time.sleep(0.005)
    assert cat.starts == 1 + loop.crashes
    assert cat.answers()


def test_crash_loop_tells_of_a_failed_start(cat: Cat, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong in its thread is raised on leaving."""

    def fail() -> None:
        raise OSError("no such broker")

    with monkeypatch.context() as patched:
        patched.setattr(cat, "start", fail)
        loop = CrashLoop(cat, 0.001)
        loop.start()
        while not loop.failed:
            time.sleep(0.005)
        assert has_ended(cat.pid)
        with pytest.raises(OSError, match="no such broker"):
            loop.stop()
    cat.start()


def test_crash_loop_refuses_a_wrong_period(cat: Cat) -> None:
    """It says what to give."""
    with pytest.raises(ValueError, match="period 0 with jitter 0: give a period above 0"):
        CrashLoop(cat, 0)


def test_has_ended_knows_the_living_and_the_dead(cat: Cat) -> None:
    """A zombie has ended, too."""
    assert not has_ended(cat.pid)
    os.kill(cat.pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE
    while not has_ended(cat.pid):
        assert time.monotonic() < deadline
