"""The claims as one page of GitHub-flavoured Markdown."""

from reports.render.markdown import code, escaped

from . import words
from .model import Claims, Row


def render(claims: Claims) -> str:
    """The sum, where claim and measure differ with the evidence, then every rule."""
    parts = [f"# {escaped(words.TITLE)}", escaped(words.INTRODUCTION)]
    parts += [f"**{escaped(sentence)}**" for sentence in words.summary(claims)]
    differing = words.differing(claims)
    if differing:
        parts.append(f"## Where claim and measure differ ({len(differing)})")
        parts += [_difference(claims, row) for row in differing]
    for group, rows in words.groups(claims).items():
        parts += [f"## {escaped(group.capitalize())} ({len(rows)})", _table(claims, rows)]
    parts.append("## What was measured")
    parts.append("\n".join(f"- {escaped(n)}: {code(value)}" for n, value in words.facts(claims)))
    return "\n\n".join(parts) + "\n"


def _difference(claims: Claims, row: Row) -> str:
    rule = row.rule
    lines = [f"### {code(rule.id)}", escaped(f"{rule.level}: {rule.summary}")]
    lines.append(f"Claimed: **{escaped(rule.claim)}**")
    for index in claims.claimants:
        measure = row.measures[index]
        lines.append(f"{escaped(claims.names[index])}: **{escaped(measure.told)}**")
        lines += [f"- {escaped(line)}" for line in words.evidence(measure)]
    return "\n\n".join(lines)


def _table(claims: Claims, rows: list[Row]) -> str:
    heads = ["Rule", "Level", "What it says", "Claimed", *map(escaped, claims.names), "Agree"]
    lines = [_cells(heads), "|:--" * len(heads) + "|"]
    for row in rows:
        measured = [escaped(words.told(row, measure)) for measure in row.measures]
        rule = row.rule
        claim = escaped(rule.claim) or words.UNCLAIMED
        fixed = [code(rule.id), rule.level, escaped(rule.summary), claim]
        lines.append(_cells([*fixed, *measured, words.mark(claims, row)]))
    return "\n".join(lines)


def _cells(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
