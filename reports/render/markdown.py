"""A run as one page of GitHub-flavoured Markdown."""

import re

from reports.analyse import Counts, by_area, by_level
from reports.model import Case, Record, Verdict
from reports.render import words

_SECTIONS = {
    Verdict.FAIL: "Failures",
    Verdict.ERROR: "Errors",
    Verdict.WEAK: "Recommendations not followed",
    Verdict.DEVIATION: "Known deviations",
    Verdict.UNSUPPORTED: "Unsupported",
    Verdict.INFORMATIONAL: "Informational observations",
}
_SUMMARY_CASES = 100  # a step summary may have 1 MiB
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")


def render(record: Record) -> str:
    """Write the summary, the tables, then every case that is not a plain pass."""
    parts = _head(record)
    for verdict, title in _SECTIONS.items():
        parts += _section(title, [case for case in record.cases if case.verdict is verdict])
    parts += ["## What the verdicts mean", _legend()]
    return "\n\n".join(parts) + "\n"


def summary(record: Record) -> str:
    """Write what fits a CI service's step summary: the tables, and each case that needs a look."""
    attention = words.attention(record)
    parts = _head(record)
    parts += [_brief(case) for case in attention[:_SUMMARY_CASES]]
    if len(attention) > _SUMMARY_CASES:
        parts.append(f"… and {len(attention) - _SUMMARY_CASES} more: see the report.")
    return "\n\n".join(parts) + "\n"


def _brief(case: Case) -> str:
    ids = ", ".join(map(code, case.requirements)) or code(case.test)
    told = escaped(words.told(case))
    repeat = code(case.repeat)
    return f"- {words.SIGNS[case.verdict]} **{case.verdict}** {ids}: {told}  \n  {repeat}"


def _head(record: Record) -> list[str]:
    """Who was on trial, what came of it, where, and the tables."""
    parts = [
        f"# {escaped(words.product(record))} on trial",
        f"**{escaped(words.headline(record))}.**",
        escaped(words.verdict_line(record)),
        *(f"> **Warning:** {escaped(caveat)}" for caveat in words.caveats(record)),
        "\n".join(f"- {name}: {code(value)}" for name, value in words.facts(record)),
        *map(escaped, words.closings(record)),
    ]
    if record.cases:
        levels = {str(level): counts for level, counts in by_level(record.cases).items()}
        parts += ["## Cases by area", _table("Area", by_area(record.cases))]
        parts += ["## Cases by level", _table("Level", levels)]
    return parts


def _table(first: str, rows: dict[str, Counts]) -> str:
    heads = [f"{words.SIGNS[verdict]} {verdict}" for verdict in Verdict]
    lines = [_cells([first, *heads, "all"]), "|:--" + "|--:" * (len(heads) + 1) + "|"]
    lines += [_row(escaped(name), counts) for name, counts in rows.items()]
    total = {verdict: sum(counts[verdict] for counts in rows.values()) for verdict in Verdict}
    return "\n".join([*lines, _row("**all**", total)])


def _row(name: str, counts: Counts) -> str:
    numbers = [str(counts[verdict] or "·") for verdict in Verdict]
    return _cells([name, *numbers, str(sum(counts.values()))])


def _cells(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _section(title: str, cases: list[Case]) -> list[str]:
    return [f"## {title} ({len(cases)})", *map(_entry, cases)] if cases else []


def _entry(case: Case) -> str:
    ids = ", ".join(map(code, case.requirements)) or "no requirement"
    took = words.lasted(case.duration)
    lines = [
        f"### {words.SIGNS[case.verdict]} {escaped(case.summary or case.test)}",
        f"{ids} · {case.level} · {escaped(case.area)} · {took}",
        *(_named(name, value) for name, value in words.evidence(case)),
    ]
    if case.link:
        lines.append(f"Link: {_link(case.link)}")
    if case.seed is not None:
        lines.append(f"Seed: {case.seed}")
    lines.append(_named("Repeat with", case.repeat))
    if case.transcript:
        lines.append(_folded("Transcript", "\n".join(case.transcript)))
    if case.log:
        lines.append(_folded("Log", case.log))
    return "\n\n".join(lines)


def _named(name: str, value: str) -> str:
    return f"{name}:\n\n{_block(value)}" if "\n" in value else f"{name}: {code(value)}"


def _folded(name: str, value: str) -> str:
    return f"<details><summary>{name}</summary>\n\n{_block(value)}\n\n</details>"


def _block(text: str) -> str:
    """Fence the text with more backticks than any run inside it."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{words.visible(text)}\n{fence}"


def code(text: str) -> str:
    """Make a code span on one line, whose ticks outnumber any inside it."""
    flat = " ".join(words.visible(text).split("\n"))
    ticks = "`" * (_longest_run(flat) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}" if flat.strip() else "(empty)"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def escaped(text: str) -> str:
    """Escape what Markdown or HTML would take as markup, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(words.visible(text).split()))


def _link(link: str) -> str:
    return f"<{link}>" if words.web_link(link) and not re.search(r"[<>\s]", link) else code(link)


def _legend() -> str:
    return "\n".join(f"- {words.SIGNS[v]} **{v}**: {words.MEANINGS[v]}" for v in Verdict)
