"""How cost grows: one scenario at several sizes, and how far its cost departs from the ideal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from suites.bench import bar, picture
from suites.bench.scenario import CPU, Figures, Metric, Scenario
from suites.bench.stage import Stage
from suites.bench.summary import Summary, shown

EACH = Metric("each", "µs")
"""Wall time of one operation, as the client sees it."""
_QUICK_POINTS = 2


@dataclass(frozen=True, slots=True)
class Curve:
    """A cost over a size. Ideally it is constant, or with `linear` in proportion to the size."""

    name: str
    title: str
    grows: str
    """What there is more of from point to point."""
    points: tuple[int, ...]
    run: Callable[[Stage, int], Figures]
    """One point: the figures of one operation at that size."""
    base: int
    """The point from which on the ideal is meant."""
    linear: bool = False
    warm_up: bool = True

    def scenarios(self, *, quick: bool) -> list[Scenario]:
        """One for each point; a quick run has the first few."""
        points = self.points[:_QUICK_POINTS] if quick else self.points
        return [self._scenario(point) for point in points]

    def scenario_name(self, point: int) -> str:
        """How the scenario of a point is called."""
        return f"{self.name}-{point}"

    def _scenario(self, point: int) -> Scenario:
        return Scenario(
            name=self.scenario_name(point),
            title=f"{self.title}: {point:,} {self.grows}",
            metrics=(EACH, CPU),
            count=point,
            run=self.run,
            quick=self.points[0],
            warm_up=self.warm_up,
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """What one broker's cost did along a curve."""

    curve: Curve
    broker: str
    costs: Sequence[tuple[int, float]]
    """By point, in microseconds: CPU where that is known, else wall time."""
    metric: Metric

    @property
    def ideal(self) -> list[tuple[int, float]]:
        """What the costs from the base on would be if they grew ideally."""
        found = dict(self.costs)
        if self.curve.base not in found:
            return []
        base = self.curve.base
        return [
            (point, found[base] * (point / base if self.curve.linear else 1))
            for point, _cost in self.costs
            if point >= base
        ]

    @property
    def factor(self) -> float | None:
        """How many times the ideal the cost is at the last point; None without both of them."""
        ideal = self.ideal
        return self.costs[-1][1] / ideal[-1][1] if len(ideal) > 1 and ideal[-1][1] else None

    @property
    def must(self) -> float | None:
        """The most that the factor may be."""
        return bar.load().growth.get(self.curve.name)

    @property
    def short(self) -> bool:
        """Whether it is more than it may be."""
        return self.must is not None and self.factor is not None and self.factor > self.must

    @property
    def remark(self) -> str:
        """What the curve shows, in a sentence."""
        words = f"{self.curve.name} on {shown(self.broker)}"
        if self.factor is None:
            return f"{words}: too few points to tell how its cost grows."
        first, last = (f"{point:,}" for point in (self.curve.base, self.costs[-1][0]))
        bound = f"; it may be {self.must:g}" if self.short else ""
        told = f"the cost of one at {last} {self.curve.grows} is {self.factor:.2f} times the ideal"
        return f"{'Short: ' if self.short else ''}{words}: {told}, from {first} on{bound}."


def drawn(growths: Sequence[Growth]) -> dict[str, str]:
    """A picture of each curve, all brokers in it, by the curve's name."""
    pictures = {}
    for growth in growths:
        if growth.curve.name not in pictures:
            alike = [one for one in growths if one.curve is growth.curve]
            pictures[growth.curve.name] = picture.chart(
                f"{growth.curve.title}: cost of one",
                growth.curve.grows,
                f"{growth.metric.unit} ({growth.metric.name})",
                {shown(one.broker): one.costs for one in alike},
                growth.ideal,
            )
    return pictures


def growths(summary: Summary, curves: Sequence[Curve]) -> Iterator[Growth]:
    """Every curve on every broker that was measured at one point or more."""
    for curve in curves:
        for broker in summary.plan.brokers:
            metric, costs = _costs(summary, curve, broker)
            if costs:
                yield Growth(curve, broker, costs, metric)


def _costs(summary: Summary, curve: Curve, broker: str) -> tuple[Metric, list[tuple[int, float]]]:
    medians = {
        (line.scenario.name, line.metric): line.medians[broker]
        for line in summary.lines
        if broker in line.medians
    }
    for metric in (CPU, EACH):
        costs = [
            (point, medians[curve.scenario_name(point), metric])
            for point in curve.points
            if (curve.scenario_name(point), metric) in medians
        ]
        if costs:
            break
    return metric, costs
