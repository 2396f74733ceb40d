"""A temporary folder and the processes that live in it, all gone when it closes.

Three nets hold: `close`, an exit handler, and a guard process for a harness that is killed.
"""

import atexit
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from suites.brokers import guard
from suites.brokers.base import BrokerError
from suites.brokers.process import Command, Process

GUARD_TIMEOUT = guard.COMMAND_TIMEOUT + guard.GROUP_TIMEOUT


def _start_guard() -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603  a script of ours
        [sys.executable, "-I", "-S", guard.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # or Ctrl-C in a terminal would end it first
        text=True,
    )


class Sandbox:
    """Owns one temporary folder and every process that was spawned in it."""

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"mqproof-{name}-"))
        self._processes: list[Process] = []
        try:
            self._guard = _start_guard()
            atexit.register(self.close)
            self.watch("folder", str(self.folder))
        except BaseException:  # Ctrl-C as well: nobody else knows of the folder yet
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def watch(self, kind: str, value: object) -> None:
        """Have the guard clean this up should the harness die (kinds: see `guard`)."""
        self._tell("watch", kind, value)

    def forget(self, kind: str, value: object) -> None:
        """Tell the guard that this is gone already."""
        self._tell("forget", kind, value)

    def spawn(self, command: Command, log: str) -> Process:
        """Start a child in the folder, its output appended to the file `log` there."""
        process = Process(
            command, self.folder, self.folder / log, lambda pid: self.forget("group", pid)
        )
        self.watch("group", process.pid)
        self._processes.append(process)
        return process

    def run(self, command: Command, timeout: float) -> str:
        """Run a command to its end and give its output; BrokerError if it fails or hangs."""
        code, text = self.attempt(command, timeout)
        if code != 0:
            raise BrokerError(f"`{' '.join(command.argv)}` failed ({code}): {text.strip()}")
        return text

    def attempt(self, command: Command, timeout: float) -> tuple[int, str]:
        """Run a command to its end; its exit code and output. BrokerError if it hangs."""
        descriptor, name = tempfile.mkstemp(prefix="run-", suffix=".log", dir=self.folder)
        with open(descriptor, "rb") as output:  # noqa: PTH123  an open descriptor, not a path
            process = self.spawn(command, name)
            ended = process.wait(timeout)
            process.kill()
            self._processes.remove(process)
            text = output.read().decode(errors="replace")
        Path(name).unlink()
        if not ended:
            raise BrokerError(f"`{' '.join(command.argv)}` did not end within {timeout:g} s")
        return process.exit_code() or 0, text

    def close(self) -> None:
        """Kill every process, remove the folder, and end the guard; harmless when repeated."""
        if self._guard.stdin is None or self._guard.stdin.closed:
            return
        atexit.unregister(self.close)
        try:
            for process in reversed(self._processes):
                process.kill()
            shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            with contextlib.suppress(OSError):
                self._guard.stdin.close()
            self._guard.wait(GUARD_TIMEOUT)

    def _tell(self, verb: str, kind: str, value: object) -> None:
        line = json.dumps([verb, kind, value]) + "\n"
        # Without its guard the sandbox still cleans up on close and on exit.
        with contextlib.suppress(OSError):
            if self._guard.stdin is not None:
                self._guard.stdin.write(line)
                self._guard.stdin.flush()
