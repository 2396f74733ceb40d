"""The clocks of one measurement: wall, CPU of the broker, CPU of this client."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from suites.bench import usage


class Meter:
    """Runs while it is entered; its figures stand afterwards."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid
        self._wall = self._cpu = self._client = 0.0

    def __enter__(self) -> Self:
        self._cpu = -self._broker()
        self._client = -time.process_time()
        self._wall = -time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wall += time.perf_counter()
        self._client += time.process_time()
        self._cpu += self._broker()

    @property
    def client_share(self) -> float:
        """How much of one processor the client took: near 1 it was the client that was measured."""
        return self._client / self._wall if self._wall else 0.0

    def rates(self, count: int, octets: int = 0) -> dict[str, float]:
        """How many of `count` a second, or megabytes if told the octets of each; CPU of one."""
        each = octets / 1e6 if octets else 1.0
        return {"rate": count * each / self._wall, **self.cpu(count)}

    def cpu(self, count: int) -> dict[str, float]:
        """The broker's CPU time for each of `count`, in microseconds; nothing if unknown."""
        return {} if self._pid is None else {"cpu": self._cpu / count * 1e6}

    def _broker(self) -> float:
        return 0.0 if self._pid is None else usage.cpu_seconds(self._pid)


def percentiles(nanoseconds: Sequence[int]) -> dict[str, float]:
    """The middle of these times and the one that 99 of 100 do not exceed, in microseconds."""
    ordered = sorted(nanoseconds)
    last = len(ordered) - 1
    return {"p50": ordered[last // 2] / 1e3, "p99": ordered[last * 99 // 100] / 1e3}
