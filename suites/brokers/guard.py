"""A small process that cleans up after the harness, however the harness ends.

It is run as a script, reads one JSON line a promise from its standard input, and acts when that
closes, which the kernel does even for a harness that was killed:

    ["watch", "group", 4711]      kill this process group
    ["watch", "command", [...]]   run this command
    ["watch", "folder", "/tmp/x"] remove this folder
    ["forget", "group", 4711]     it is gone already

A death signal on the child (prctl) would need Linux, would leave the folders, and would fire
when the thread that started the broker ends.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from typing import Any

COMMAND_TIMEOUT = 60.0
GROUP_TIMEOUT = 5.0


def main(lines: Iterable[str]) -> None:
    """Collect what to clean until the input closes, then clean: processes first, folders last."""
    watched: dict[str, tuple[str, Any]] = {}
    for line in lines:
        with contextlib.suppress(ValueError):  # a harness killed while writing leaves half a line
            verb, kind, value = json.loads(line)
            key = json.dumps([kind, value])
            if verb == "watch":
                watched[key] = (kind, value)
            else:
                watched.pop(key, None)
    _end_groups([value for kind, value in watched.values() if kind == "group"])
    for kind, clean in (("command", _run), ("folder", _remove)):  # a mount before its folder
        for value in [value for watched_kind, value in watched.values() if watched_kind == kind]:
            clean(value)


def _end_groups(groups: list[int]) -> None:
    """Kill all, then wait for their end, lest they write into a folder that is being removed."""
    deadline = time.monotonic() + GROUP_TIMEOUT
    while groups and time.monotonic() < deadline:
        groups = [group for group in groups if _kill(group)]
        time.sleep(0.01)


def _kill(group: int) -> bool:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says EPERM of a group of zombies
        return False
    return True


def _remove(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str]) -> None:
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(command, check=False, timeout=COMMAND_TIMEOUT)  # noqa: S603  the harness's own


if __name__ == "__main__":
    main(sys.stdin)
