"""A run as plain text of at most 80 columns, for a terminal."""

import textwrap

from reports.analyse import Counts, by_area, by_level, tally
from reports.model import Case, Record, Verdict
from reports.render import words

WIDTH = 80
_HEADS = {
    Verdict.PASS: "pass",
    Verdict.FAIL: "fail",
    Verdict.WEAK: "weak",
    Verdict.DEVIATION: "deviat.",
    Verdict.INFORMATIONAL: "inform.",
    Verdict.UNSUPPORTED: "unsupp.",
    Verdict.ERROR: "error",
}
_COLUMN = 8
_FIRST = WIDTH - _COLUMN * (len(_HEADS) + 1)


def render(record: Record) -> str:
    """Write the headline, the table by area and level, and each failure and error."""
    parts = [_wrapped(words.headline(record)), *map(_wrapped, words.caveats(record))]
    if record.cases:
        parts.append(table(record.cases))
    parts += [_listed(case) for case in words.attention(record)]
    parts += map(_wrapped, words.closings(record))
    parts.append(_wrapped(words.verdict_line(record)))
    return "\n\n".join(parts) + "\n"


def table(cases: list[Case]) -> str:
    """Count the cases by area and verdict, then by level, with a line of totals between."""
    heads = "".join(f"{head:>{_COLUMN}}" for head in [*_HEADS.values(), "all"])
    lines = [f"{'area':<{_FIRST}}{heads}", "-" * WIDTH]
    lines += [_row(area, counts) for area, counts in by_area(cases).items()]
    lines += ["-" * WIDTH, _row("all", tally(case.verdict for case in cases))]
    lines += [_row(f"  {level}", counts) for level, counts in by_level(cases).items()]
    return "\n".join(lines)


def _row(name: str, counts: Counts) -> str:
    name = words.visible(name).replace("\n", " ")
    if len(name) >= _FIRST:
        name = name[: _FIRST - 2] + "…"
    cells = [str(counts[verdict] or ".") for verdict in _HEADS] + [str(sum(counts.values()))]
    return f"{name:<{_FIRST}}" + "".join(f"{cell:>{_COLUMN}}" for cell in cells)


def _listed(case: Case) -> str:
    sign = words.SIGNS[case.verdict]
    ids = ", ".join(case.requirements) or case.test
    lines = [_wrapped(f"{sign} {case.verdict.upper()} {words.visible(ids)}: {case.summary}")]
    named = [*words.evidence(case), ("Repeat with", case.repeat)]
    lines += [_wrapped(f"{name}: {value}", "  ") for name, value in named]
    return "\n".join(lines)


def _wrapped(text: str, indent: str = "") -> str:
    hanging = indent + "  " if indent else ""
    return textwrap.fill(
        words.visible(text), WIDTH, initial_indent=indent, subsequent_indent=hanging
    )
