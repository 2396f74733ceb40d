"""memcached's text protocol: the memcacheq front end, whose `get` takes away, beside memcached.

All values lie in memory, since memcached keeps them nowhere else.
"""

import time

from suites.bench import frames
from suites.bench.errors import BenchError
from suites.bench.link import Link
from suites.bench.meter import percentiles
from suites.bench.pump import Peer, pump
from suites.bench.scenario import CPU, RATE, TEXT, Figures, Scenario
from suites.bench.scenarios.latency import P50, P99
from suites.bench.stage import Stage, fresh_name
from suites.brokers.kinds.reference import IN_MEMORY, ReferenceBroker

BODY = bytes(100)
STORED = b"STORED\r\n"
VARIANTS = {ReferenceBroker.kind: f"{ReferenceBroker.kind}:{IN_MEMORY}=on"}


class Pipeline(Peer):
    """Sends one command again and again without waiting, and compares every reply."""

    def __init__(self, link: Link, command: bytes, reply: bytes, count: int) -> None:
        super().__init__(link)
        self._burst = memoryview(command * max(1, frames.BURST // len(command)))
        self._replies = reply * (frames.BURST // len(reply) + 1)
        self._unit = len(reply)
        self._to_send, self._to_come = count * len(command), count * len(reply)
        self._sent = self._come = 0  # octets

    @property
    def done(self) -> bool:
        """Whether the last reply has come."""
        return self._come == self._to_come

    @property
    def progress(self) -> str:
        """The replies."""
        return f"{self._come // self._unit} of {self._to_come // self._unit} replies have come"

    @property
    def sending(self) -> bool:
        """Until the last command."""
        return self._sent < self._to_send

    def write(self) -> None:
        """Send what the socket takes."""
        start = self._sent % len(self._burst)
        self._sent += self.wire.send_some(self._burst[start : start + self._to_send - self._sent])

    def read(self, data: memoryview) -> None:
        """Every octet must be that of the reply."""
        while data:
            start = self._come % self._unit
            part = data[: len(self._replies) - start]
            if part != self._replies[start : start + len(part)]:
                raise BenchError(f"the server answered {bytes(part[:80])!r}")
            self._come += len(part)
            data = data[len(part) :]


def pipelined_set(stage: Stage, count: int) -> Figures:
    """Values under one name, the commands sent without waiting for replies."""
    link, name = stage.dial(), fresh_name()
    with stage.meter:
        pump(Pipeline(link, _set(name), STORED, count))
    return stage.meter.rates(count)


def pipelined_get(stage: Stage, count: int) -> Figures:
    """As many values as were set, each read once."""
    link, name = stage.dial(), fresh_name()
    pump(Pipeline(link, _set(name), STORED, count))
    with stage.meter:
        pump(Pipeline(link, _get(name), _value(name), count))
    return stage.meter.rates(count)


def one_at_a_time(stage: Stage, count: int) -> Figures:
    """A `set` and a `get`, each awaited."""
    link, name = stage.dial(), fresh_name()
    exchanges = ((_set(name), STORED), (_get(name), _value(name)))
    times = []
    with stage.meter:
        for _ in range(count):
            begun = time.perf_counter_ns()
            for command, reply in exchanges:
                link.send(command)
                if link.take(len(reply)) != reply:
                    raise BenchError(f"{command[:40]!r} was not answered by {reply[:40]!r}")
            times.append(time.perf_counter_ns() - begun)
    return percentiles(times) | stage.meter.cpu(count)


def _set(name: str) -> bytes:
    return b"set %b 0 0 %d\r\n%b\r\n" % (name.encode(), len(BODY), BODY)


def _get(name: str) -> bytes:
    return b"get %b\r\n" % name.encode()


def _value(name: str) -> bytes:
    return b"VALUE %b 0 %d\r\n%b\r\nEND\r\n" % (name.encode(), len(BODY), BODY)


SCENARIOS = (
    Scenario(
        name="text-set",
        title="memcached's protocol: `set` pipelined",
        metrics=(RATE, CPU),
        count=100_000,
        run=pipelined_set,
        protocol=TEXT,
        variants=VARIANTS,
    ),
    Scenario(
        name="text-get",
        title="memcached's protocol: `get` pipelined",
        metrics=(RATE, CPU),
        count=100_000,
        run=pipelined_get,
        protocol=TEXT,
        variants=VARIANTS,
    ),
    Scenario(
        name="text-one",
        title="memcached's protocol: `set` and `get`, one at a time",
        metrics=(P50, P99, CPU),
        count=5_000,
        run=one_at_a_time,
        protocol=TEXT,
        variants=VARIANTS,
    ),
)
