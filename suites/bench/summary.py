"""From samples to medians, ratios, and what falls short of the bar."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from suites.bench import bar
from suites.bench.bar import Mark
from suites.bench.runner import Plan, Sample
from suites.bench.scenario import Metric, Scenario
from suites.brokers.base import PASSWORD, Identity

SHORT, MET, AIM = "short", "met", "aim"


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of one scenario on all brokers; a broker without figures is missing."""

    scenario: Scenario
    metric: Metric
    values: Mapping[str, Sequence[float]]
    medians: Mapping[str, float]
    ratios: Mapping[str, float]
    """To the baseline, more being better whatever the metric."""
    baseline: str | None
    mark: Mark | None
    reached: float | None
    """What of the subject is held against the mark; None if there is nothing to judge."""

    @property
    def verdict(self) -> str | None:
        """How the subject stands to the mark."""
        if self.mark is None or self.reached is None:
            return None
        if not self.mark.meets(self.reached, self.mark.must):
            return SHORT
        if self.mark.aim is None or not self.mark.meets(self.reached, self.mark.aim):
            return MET
        return AIM


@dataclass(frozen=True, slots=True)
class Summary:
    """All that a report says of a run. The first broker is the subject, the second the baseline.

    Of a scenario that the second does not speak the baseline is the next that does.
    """

    plan: Plan
    identities: Mapping[str, Identity]
    samples: Sequence[Sample]
    lines: Sequence[Line]

    @property
    def subject(self) -> str:
        """The broker that is measured beside the others."""
        return self.plan.brokers[0]

    @property
    def baseline(self) -> str | None:
        """The broker that ratios are to."""
        return self.plan.brokers[1] if len(self.plan.brokers) > 1 else None

    @property
    def failures(self) -> list[Sample]:
        """The measurements that gave nothing."""
        return [sample for sample in self.samples if sample.failure is not None]

    @property
    def shortfalls(self) -> list[Line]:
        """Where the subject misses a `must`."""
        return [line for line in self.lines if line.verdict == SHORT]

    def client_shares(self, spec: str) -> dict[str, float]:
        """How much of a processor the client took, by scenario: the median over the rounds."""
        shares: dict[str, list[float]] = {}
        for sample in self.samples:
            if sample.broker == spec and sample.failure is None:
                shares.setdefault(sample.scenario, []).append(sample.client_share)
        return {scenario: median(found) for scenario, found in shares.items()}

    @property
    def good(self) -> bool:
        """Whether the subject misses no `must` and no measurement of it failed."""
        lost = any(
            sample.broker == self.subject and not sample.unsupported for sample in self.failures
        )
        return not lost and not self.shortfalls


def summarise(plan: Plan, identities: Mapping[str, Identity], samples: Sequence[Sample]) -> Summary:
    """The summary of what was measured so far."""
    lines = [
        line
        for scenario in plan.scenarios
        for metric in scenario.metrics
        for line in _lines(plan, identities, samples, scenario, metric)
    ]
    return Summary(plan, identities, samples, lines)


def _lines(
    plan: Plan,
    identities: Mapping[str, Identity],
    samples: Sequence[Sample],
    scenario: Scenario,
    metric: Metric,
) -> Iterator[Line]:
    values: dict[str, list[float]] = {}
    for sample in samples:
        if sample.scenario == scenario.name and metric.name in sample.figures:
            values.setdefault(sample.broker, []).append(sample.figures[metric.name])
    if not values:
        return
    medians = {spec: median(found) for spec, found in values.items()}
    baseline = plan.baseline(scenario)
    ratios = _ratios(baseline, metric, medians)
    mark = bar.load().marks.get((scenario.name, metric.name))
    reached = None
    if mark is not None and not plan.quick:
        wanted = bar.load().beside[scenario.protocol]
        comparable = baseline is not None and identities[baseline].product == wanted
        figures = medians if mark.absolute else ratios if comparable else {}
        reached = figures.get(plan.brokers[0])
    yield Line(scenario, metric, values, medians, ratios, baseline, mark, reached)


def _ratios(baseline: str | None, metric: Metric, medians: Mapping[str, float]) -> dict[str, float]:
    base = medians.get(baseline or "")
    if not base:
        return {}
    return {
        spec: value / base if metric.more_is_better else base / value
        for spec, value in medians.items()
        if spec != baseline and value > 0
    }


def shown(spec: str) -> str:
    """A broker's string without its password."""
    return PASSWORD.sub(r"\1***@", spec)
