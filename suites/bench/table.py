"""The table of a run: a heading and a row for each metric, every cell as text."""

from collections.abc import Sequence

from suites.bench.scenario import Metric
from suites.bench.summary import Line, Summary, shown

_DIGITS = 3  # more would claim more than a busy machine can tell
LEFT = 2  # columns of words; the others hold numbers


def heading(summary: Summary) -> list[str]:
    """The names of the columns."""
    names = [shown(spec) for spec in summary.plan.brokers]
    ratios = [f"{shown(spec)} : {shown(summary.baseline or '')}" for spec in _compared(summary)]
    return ["scenario", "figure", *names, *ratios, "must", "aim", "verdict"]


def row(summary: Summary, line: Line, title: str) -> list[str]:
    """One metric: medians, ratios to the baseline, and how it stands to the bar."""
    values = [_cell(line.medians.get(spec)) for spec in summary.plan.brokers]
    other = "" if line.baseline == summary.baseline else f" : {shown(line.baseline or '')}"
    ratios = [_ratio(line.ratios.get(spec), other) for spec in _compared(summary)]
    return [title, label(line.metric), *values, *ratios, *_marks(line), line.verdict or ""]


def label(metric: Metric) -> str:
    """A metric as a column of units shows it."""
    return metric.unit if metric.name == "rate" else f"{metric.name} {metric.unit}"


def number(value: float) -> str:
    """Three digits that count, and thousands set apart."""
    if abs(value) >= 10 ** (_DIGITS - 1):
        rounded = f"{value:.{_DIGITS}g}"
        return f"{float(rounded):,.0f}"
    return f"{value:#.{_DIGITS}g}"


def _compared(summary: Summary) -> Sequence[str]:
    """The brokers that have a ratio."""
    having = {spec for line in summary.lines for spec in line.ratios}
    return [spec for spec in summary.plan.brokers if spec in having]


def _marks(line: Line) -> list[str]:
    if line.mark is None:
        return ["", ""]
    sign = "≤ " if line.mark.absolute else "≥ "
    levels = (line.mark.must, line.mark.aim)
    return ["" if level is None else f"{sign}{level:g}" for level in levels]


def _ratio(value: float | None, other: str) -> str:
    """A ratio, and to which broker if not to the column's."""
    return "-" if value is None else f"{number(value)}{other}"


def _cell(value: float | None) -> str:
    return "-" if value is None else number(value)
