"""The pages of a run for people: in the terminal and as Markdown."""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence

from reports.scrub import scrub
from suites.bench import bar, table
from suites.bench.runner import Sample
from suites.bench.summary import Line, Summary, shown

CLIENT_BOUND = 0.8  # of a processor; above it the client may be what was measured
_HURRIED = "A quick run: it shows that every scenario works; its figures mean nothing."


def terminal(summary: Summary, notes: Sequence[str] = ()) -> str:
    """An aligned table, and what there is to say of it, with further notes at the end."""
    rows = [table.row(summary, line, line.scenario.name) for line in summary.lines]
    rows = [table.heading(summary), *rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if column < table.LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", *remarks(summary), *notes, ""])


def markdown(
    summary: Summary, command: str, notes: Sequence[str] = (), pictures: Mapping[str, str] = {}
) -> str:
    """A page with the brokers, the table, what falls short, and the command that repeats it.

    `pictures` are the files that belong to it, by what they show.
    """
    heading = table.heading(summary)
    rule = ["---"] * table.LEFT + ["---:"] * (len(heading) - table.LEFT)
    rows = [table.row(summary, line, line.scenario.title) for line in summary.lines]
    page = [
        "# How fast",
        "",
        *(f"- {line}" for line in _circumstances(summary)),
        "",
        *(f"| {' | '.join(row)} |" for row in (heading, rule, *rows)),
        "",
        *(f"- {line}" for line in [*remarks(summary), *notes]),
        "",
        *(f"![{name}]({file})" for name, file in pictures.items()),
        "",
        f"Repeat it with `{command}`. In a ratio more is better, whatever the unit.",
        "",
    ]
    return scrub("\n".join(page))


def remarks(summary: Summary) -> list[str]:
    """What failed, what falls short and what could not be judged, a sentence each."""
    return [
        *([_HURRIED] if summary.plan.quick else []),
        *(failure(sample) for sample in summary.failures),
        *(_shortfall(line) for line in summary.shortfalls),
        *_judgement(summary),
        *_client_bound(summary),
    ]


def failure(sample: Sample) -> str:
    """That there is no measurement, and why, in one line."""
    reason = (sample.failure or "").partition("\n")[0]
    verb = "cannot be measured" if sample.unsupported else "failed"
    return f"{sample.scenario} {verb} on {shown(sample.broker)}: {reason}"


def _circumstances(summary: Summary) -> Iterator[str]:
    for spec, identity in summary.identities.items():
        yield f"{shown(spec)}: {identity.product} {identity.version}"
    process = "one process a broker" if summary.plan.quick else "a fresh process a measurement"
    yield f"rounds: {summary.plan.rounds}; medians; {process}"
    yield (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}"
    )


def _shortfall(line: Line) -> str:
    name = f"{line.scenario.name} ({table.label(line.metric)})"
    mark, reached = line.mark, line.reached
    if mark is None or reached is None:
        raise ValueError(f"{name} was not judged")
    if mark.absolute:
        return f"Short: {name} is {table.number(reached)}; it must be at most {mark.must:g}."
    beside = shown(line.baseline or "")
    return f"Short: {name} is {table.number(reached)} times {beside}; it must be {mark.must:g}."


def _judgement(summary: Summary) -> Iterator[str]:
    if summary.plan.quick:
        return
    marked = [line for line in summary.lines if line.mark is not None]
    unjudged = [line for line in marked if line.verdict is None]
    if len(unjudged) < len(marked) and not summary.shortfalls:
        yield f"{shown(summary.subject)} meets every must that was judged."
    if unjudged:
        names = ", ".join(f"{line.scenario.name} ({table.label(line.metric)})" for line in unjudged)
        products = " or ".join(bar.load().beside.values())
        yield f"Not judged, for want of figures beside {products}: {names}."


def _client_bound(summary: Summary) -> Iterator[str]:
    shares = summary.client_shares(summary.subject)
    bound = [name for name, share in shares.items() if share > CLIENT_BOUND]
    if bound and not summary.plan.quick:
        yield f"The client was busy over {CLIENT_BOUND:.0%} of the time in: {', '.join(bound)}."
