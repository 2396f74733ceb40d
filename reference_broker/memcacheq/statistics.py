"""What `stats` tells: counters that the connections of one front end share."""

import os
import resource
import struct
import time


class Counters:
    """How often and how much; `reset` starts them anew."""

    def __init__(self) -> None:
        self.curr_connections = 0
        self.peak_connections = 0
        self.reset()

    def reset(self) -> None:
        """Start counting from zero; the connections that there are stay counted."""
        self.total_connections = 0
        self.get_hits = self.get_misses = 0
        self.set_hits = self.set_misses = 0
        self.bytes_read = self.bytes_written = 0

    def connected(self) -> None:
        """A client has come."""
        self.curr_connections += 1
        self.total_connections += 1
        self.peak_connections = max(self.peak_connections, self.curr_connections)

    def disconnected(self) -> None:
        """A client has gone."""
        self.curr_connections -= 1


class ProcessTimes:
    """When this process's front end was started, and what it has used."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def lines(self, version: str) -> dict[str, object]:
        """The statistics of the process, in memcached's words and order."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "pid": os.getpid(),
            "uptime": int(time.monotonic() - self._started),
            "time": int(time.time()),
            "version": version,
            "pointer_size": struct.calcsize("P") * 8,
            "rusage_user": f"{usage.ru_utime:.6f}",
            "rusage_system": f"{usage.ru_stime:.6f}",
        }


def stat_lines(values: dict[str, object]) -> bytes:
    """The lines of a `stats` reply, without its end."""
    return "".join(f"STAT {name} {value}\r\n" for name, value in values.items()).encode()
