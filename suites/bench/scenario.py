"""The shape that all scenarios share."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from suites.bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of a scenario: its name, its unit, and which way is better."""

    name: str
    unit: str
    more_is_better: bool = False


RATE = Metric("rate", "msg/s", more_is_better=True)
PACE = Metric("rate", "1/s", more_is_better=True)
VOLUME = Metric("rate", "MB/s", more_is_better=True)
CPU = Metric("cpu", "µs")
"""CPU time of the broker's processes for one of what the scenario counts."""

Figures = Mapping[str, float]
"""What one measurement gave, by the names of the metrics; cpu is missing where nobody tells it."""


AMQP, TEXT = "amqp", "text"
"""What a scenario speaks: AMQP, or memcached's text protocol."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing that brokers are measured at, `count` times over."""

    name: str
    title: str
    metrics: tuple[Metric, ...]
    count: int
    run: Callable[[Stage, int], Figures]
    quick: int = 200
    """The count that only shows that it works."""
    warm_up: bool = True
    """Whether to run it once with the quick count before it is measured."""
    protocol: str = AMQP
    variants: Mapping[str, str] = field(default_factory=dict)
    """The broker to start in place of one named by this string, for a like comparison."""
