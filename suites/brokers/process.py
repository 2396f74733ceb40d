"""One child process in a session of its own, so that it and its children end together."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from suites.brokers.base import BrokerError

POLL_INTERVAL = 0.01
KILL_TIMEOUT = 10.0
PAUSE_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Command:
    """What to execute, and its whole environment."""

    argv: Sequence[str]
    env: Mapping[str, str]


class Process:
    """A running child whose output is appended to a log file; POSIX only."""

    def __init__(
        self, command: Command, folder: Path, log: Path, forget: Callable[[int], None]
    ) -> None:
        self._forget = forget
        self._ended = False
        with log.open("ab") as output:
            try:
                self._child = subprocess.Popen(  # noqa: S603  a command of the harness's own
                    command.argv,
                    cwd=folder,
                    env=command.env,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise BrokerError(f"cannot execute {command.argv[0]}: {error}") from error

    @property
    def pid(self) -> int:
        """The pid, which is also its process group and session."""
        return self._child.pid

    def exit_code(self) -> int | None:
        """None while it runs, else its status (negative: the signal that ended it)."""
        code = self._child.poll()
        if code is not None and not self._ended:
            self._ended = True
            self._signal(signal.SIGKILL)  # what it left in its group, before the id is used again
            self._forget(self.pid)
        return code

    def alive(self) -> bool:
        """Whether it runs, paused or not."""
        return self.exit_code() is None

    def pause(self) -> None:
        """Freeze the whole group, and wait until the kernel reports the child as stopped."""
        self._require("paused")
        self._signal(signal.SIGSTOP)
        if hasattr(os, "waitid"):  # on macOS only from Python 3.13 on
            flags = os.WSTOPPED | os.WNOHANG
            self._wait(lambda: os.waitid(os.P_PID, self.pid, flags) is not None, PAUSE_TIMEOUT)

    def resume(self) -> None:
        """Let a paused group go on."""
        self._require("resumed")
        self._signal(signal.SIGCONT)

    def terminate(self, timeout: float) -> bool:
        """Ask it to end; False if it still runs after `timeout` seconds."""
        if self.alive():
            self._signal(signal.SIGCONT)  # a paused process would never see the request
            self._child.terminate()
        return self.wait(timeout)

    def kill(self) -> None:
        """End the whole group at once and reap the child."""
        if self.alive():
            self._signal(signal.SIGKILL)
        if not self.wait(KILL_TIMEOUT):
            raise BrokerError(
                f"process {self.pid} did not end within {KILL_TIMEOUT:g} s of SIGKILL"
            )

    def wait(self, timeout: float) -> bool:
        """Wait for its end; False if it still runs after `timeout` seconds."""
        return self._wait(lambda: not self.alive(), timeout)

    def _require(self, verb: str) -> None:
        if not self.alive():
            raise BrokerError(f"process {self.pid} cannot be {verb}: it has ended")

    def _signal(self, number: signal.Signals) -> None:
        # macOS answers EPERM for a group of which only zombies are left.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL_INTERVAL)
        return True
