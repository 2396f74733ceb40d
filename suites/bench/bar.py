"""The bar of `bar.toml`: what each figure must reach, and what it aims at."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mark:
    """What one figure has to reach: a ratio, or with `absolute` the figure itself, at most."""

    must: float
    aim: float | None = None
    absolute: bool = False

    def meets(self, reached: float, level: float) -> bool:
        """Whether what was reached is as good as the level, `must` or `aim`."""
        return reached <= level if self.absolute else reached >= level


@dataclass(frozen=True, slots=True)
class Bar:
    """All marks, and the products beside which the ratios are meant."""

    beside: Mapping[str, str]
    """By what a scenario speaks."""
    marks: Mapping[tuple[str, str], Mark]
    """By scenario and metric."""
    growth: Mapping[str, float]
    """How many times its ideal a curve's cost may be at its last point."""


@cache
def load() -> Bar:
    """The bar as it stands in the file."""
    data = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    marks = {
        (scenario, metric): Mark(**mark)
        for scenario, metrics in data["bar"].items()
        for metric, mark in metrics.items()
    }
    return Bar(data["beside"], marks, data["growth"])
