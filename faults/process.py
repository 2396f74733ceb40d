"""Faults of a process: killed, terminated, paused, restarted, crashing again and again."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from random import Random
from typing import Protocol

from .compose import Fault

POLL_INTERVAL = 0.005
PATIENCE = 30.0
"""Seconds in which a process must have followed a signal."""


class Subject(Protocol):
    """A process that can be started again."""

    @property
    def pid(self) -> int:
        """Its id, of the run that is on or was the last."""

    def kill(self) -> None:
        """End it with SIGKILL and reap it; harmless when it has ended."""

    def start(self) -> object:
        """Start it, again if it has run before, and wait until it is of use."""


class Kill(Fault):
    """SIGKILL; leaving starts the process again."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    def hurt(self) -> None:
        """Kill."""
        self.subject.kill()

    def restore(self) -> None:
        """Start."""
        self.subject.start()


class Terminate(Fault):
    """SIGTERM, and its orderly end; leaving starts the process again.

    Raises TimeoutError when it has not ended after `patience` seconds.
    """

    def __init__(self, subject: Subject, patience: float = PATIENCE) -> None:
        self.subject = subject
        self._patience = patience

    def hurt(self) -> None:
        """Ask it to end, and wait until it has."""
        pid = self.subject.pid
        os.kill(pid, signal.SIGTERM)
        _wait(lambda: has_ended(pid), self._patience, f"process {pid} ignores SIGTERM")
        self.subject.kill()  # which reaps it

    def restore(self) -> None:
        """Start."""
        self.subject.start()


class Pause(Fault):
    """SIGSTOP: it does nothing, and its sockets stay open; leaving sends SIGCONT.

    A process that leads a group is stopped with its group.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._pid = 0

    def hurt(self) -> None:
        """Stop it, and wait until it stands still where the system can tell."""
        self._pid = self.subject.pid
        _signal(self._pid, signal.SIGSTOP)
        _wait(lambda: _stands_still(self._pid), PATIENCE, f"process {self._pid} ignores SIGSTOP")

    def restore(self) -> None:
        """Let it go on, unless it has been killed meanwhile."""
        with contextlib.suppress(ProcessLookupError):
            _signal(self._pid, signal.SIGCONT)


class Restart(Fault):
    """SIGKILL and a start at once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    @property
    def duration(self) -> float:
        """It is over when the process is back."""
        return 0.0

    def hurt(self) -> None:
        """Kill and start."""
        self.subject.kill()
        self.subject.start()

    def restore(self) -> None:
        """It is back already."""


class CrashLoop(Fault):
    """Kills the process every `period` seconds, give or take `jitter`, and starts it at once.

    `crashes` counts. Leaving waits until the process is back; an error of its start ends the loop
    (`failed`), and is raised then.
    """

    def __init__(self, subject: Subject, period: float, jitter: float = 0.0, seed: int = 0) -> None:
        if period <= 0 or not 0 <= jitter <= period:
            raise ValueError(
                f"period {period:g} with jitter {jitter:g}: give a period above 0, jitter within it"
            )
        self.subject = subject
        self.crashes = 0
        self._period = period
        self._jitter = jitter
        self._seed = seed
        self._left = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None

    @property
    def failed(self) -> bool:
        """Whether a start has failed."""
        return self._failure is not None

    def hurt(self) -> None:
        """Start the loop."""
        self.crashes = 0
        self._failure = None
        self._left.clear()
        self._thread = threading.Thread(target=self._run, name="crash-loop", daemon=True)
        self._thread.start()

    def restore(self) -> None:
        """End the loop."""
        self._left.set()
        if self._thread is not None:
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        random = Random(self._seed)  # noqa: S311  repeatable, no secret
        while not self._left.wait(self._period + random.uniform(-1, 1) * self._jitter):
            try:
                self.subject.kill()
                self.crashes += 1
                self.subject.start()
            except Exception as failure:  # noqa: BLE001  handed to the thread that leaves the block
                self._failure = failure
                return


def has_ended(pid: int) -> bool:
    """Whether there is no such process any more, or only what its parent has not reaped yet."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return _state(pid) == "Z" or _is_dead_child(pid)


def _is_dead_child(pid: int) -> bool:
    if not hasattr(os, "waitid"):  # macOS before Python 3.13; /proc is not there either
        return False
    try:
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT  # its owner reaps it
        return os.waitid(os.P_PID, pid, flags) is not None
    except ChildProcessError:
        return False


def _state(pid: int) -> str:
    """Linux's letter for what a process does; empty elsewhere."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123  a file of the kernel
            return stat.read().rpartition(") ")[2][:1]
    except OSError:
        return ""


def _stands_still(pid: int) -> bool:
    return _state(pid) in {"T", "t", ""}


def _signal(pid: int, number: signal.Signals) -> None:
    if os.getpgid(pid) == pid:
        os.killpg(pid, number)
    else:
        os.kill(pid, number)


def _wait(condition: Callable[[], bool], patience: float, text: str) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{text} for {patience:g} s")
        time.sleep(POLL_INTERVAL)
