"""What a broker's process holds, and how long a canary waits for it, while others keep it busy.

The canary publishes a message and gets it back, again and again: what it waits for is the broker's
event loop (or its schedulers), so that this is the lag that any other client meets.
"""

import contextlib
import threading
import time
from pathlib import Path
from statistics import quantiles
from typing import Self

from suites.bench.usage import PROC, resident_octets, tree
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.soak.figure import Figure
from suites.verify import Mismatch

PATIENCE = 60.0  # seconds for one answer; more is an outage
LAG_MAX = 10_000.0  # milliseconds; what a busy machine needs, and less than a heartbeat
MEDIAN_MAX = 1_000.0
SPARE = 10  # descriptors that a broker may have opened for itself
MEBIBYTE = 1 << 20
_PAUSE = 0.05  # seconds between two messages of the canary
_SAMPLE = 0.5  # seconds between two looks at the process
_SETTLE = 30.0  # seconds that it may take to give back what it held
_LEAST = 10  # round trips of the canary that figures are taken of
_QUEUE = "mqproof.soak.canary"


class Watch:
    """Looks at a broker's process from beginning to `end`; a context manager."""

    def __init__(self, endpoint: Endpoint, pid: int) -> None:
        self.lags: list[float] = []
        self.problem: Exception | None = None
        self._endpoint = endpoint
        self._pid = pid
        self._done = threading.Event()
        self._threads = [
            threading.Thread(target=work, daemon=True) for work in (self._sing, self._sample)
        ]

    def __enter__(self) -> Self:
        self._client = RawClient.open(self._endpoint)
        self._client.timeout = PATIENCE
        self._client.open_channel(1)
        self._client.call(1, "queue.declare", queue=_QUEUE, exclusive=True)
        self.before = self.peak = self.now()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        try:
            if kind is None:
                self._await_lags()
        finally:
            self._stop()

    def _stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        self._client.close()

    def now(self) -> tuple[float, int]:
        """MiB of memory and open descriptors of the process and its children."""
        descriptors = 0
        for member in tree(self._pid):
            with contextlib.suppress(OSError):  # it has ended, or is not ours to look at
                descriptors += len(list(Path(PROC / str(member) / "fd").iterdir()))
        return resident_octets(self._pid) / MEBIBYTE, descriptors

    def figures(self, memory_most: float, growth_most: float | None) -> list[Figure]:
        """All that was seen; the bounds are MiB above the beginning, at the peak and afterwards."""
        memory, descriptors = self.before
        left = None if growth_most is None else memory + growth_most
        after = self._settled(left or float("inf"), descriptors)
        return [
            Figure("memory before", memory, "MiB"),
            Figure("memory at the peak", self.peak[0], "MiB", memory + memory_most),
            Figure("memory after", after[0], "MiB", left),
            Figure("descriptors before", descriptors, ""),
            Figure("descriptors at the peak", self.peak[1], ""),
            Figure("descriptors after", after[1], "", descriptors + SPARE),
            *_lag_figures(self.lags),
        ]

    def _settled(self, memory: float, descriptors: int) -> tuple[float, int]:
        """What it holds when it has as little as that and no more than a few others, or in time."""
        deadline = time.monotonic() + _SETTLE
        while True:
            now = self.now()
            small = now[0] <= memory and now[1] <= descriptors + SPARE
            if small or time.monotonic() > deadline:
                return now
            time.sleep(_SAMPLE)

    def _await_lags(self) -> None:
        """Let the canary sing often enough, however soon the rest was done."""
        deadline = time.monotonic() + PATIENCE
        while len(self.lags) < _LEAST:
            if self.problem is not None:
                return  # it is raised with the figures
            if time.monotonic() > deadline:
                raise Mismatch(f"{_LEAST} round trips of the canary", f"{len(self.lags)}")
            time.sleep(_PAUSE)

    def _sing(self) -> None:
        number = 0
        try:
            while not self._done.wait(_PAUSE):
                number += 1
                self.lags.append(self._song(b"song %d" % number) * 1000)
        except (Mismatch, OSError) as problem:
            self.problem = problem

    def _song(self, body: bytes) -> float:
        """Seconds until the message is back. Raises Mismatch."""
        began = time.monotonic()
        self._client.publish(1, "", _QUEUE, body)
        while (message := self._client.get(1, _QUEUE)) is None:
            if time.monotonic() - began > PATIENCE:
                raise Mismatch("the canary's message", f"none within {PATIENCE:g} s")
        if message.body != body:
            raise Mismatch(f"the canary's {body!r}", f"{message.body!r}")
        return time.monotonic() - began

    def _sample(self) -> None:
        while not self._done.wait(_SAMPLE):
            memory, descriptors = self.now()
            self.peak = max(memory, self.peak[0]), max(descriptors, self.peak[1])


class Totals:
    """What was seen in many lives of a broker, each of them watched."""

    def __init__(self) -> None:
        self._lives: list[Watch] = []

    def add(self, watch: Watch) -> None:
        """One more life. Raises what befell its canary."""
        if watch.problem is not None:
            raise watch.problem
        self._lives.append(watch)

    def figures(self, memory_most: float, descriptors_most: int) -> list[Figure]:
        """The bounds are what each life may hold at its peak above what it began with."""
        memory = max(life.before[0] for life in self._lives)
        descriptors = max(life.before[1] for life in self._lives)
        held = max(life.peak[0] - life.before[0] for life in self._lives)
        opened = max(life.peak[1] - life.before[1] for life in self._lives)
        return [
            Figure("memory before", memory, "MiB"),
            Figure("memory above it at the peak", held, "MiB", memory_most),
            Figure("descriptors before", descriptors, ""),
            Figure("descriptors above it at the peak", opened, "", descriptors_most + SPARE),
            *_lag_figures([lag for life in self._lives for lag in life.lags]),
        ]


def _lag_figures(seen: list[float]) -> list[Figure]:
    lags = sorted(seen)
    median, worst = (quantiles(lags, n=100, method="inclusive")[at] for at in (49, 98))
    return [
        Figure("canary's round trips", len(lags), ""),
        Figure("lag, median", median, "ms", MEDIAN_MAX),
        Figure("lag, 99 of 100", worst, "ms", LAG_MAX),
        Figure("lag, worst", lags[-1], "ms", LAG_MAX),
    ]
