"""How the verdicts of brokers went from run to run, with a picture."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from reports.analyse import Counts, by_requirement, tally
from reports.model import Record, Verdict
from reports.render import words

_COLUMN, _GAP, _HEIGHT, _LEFT, _TOP, _FOOT = 56, 24, 220, 60, 34, 46
_COLOURS = {
    Verdict.PASS: "#1a7544",
    Verdict.FAIL: "#bb1c2c",
    Verdict.WEAK: "#d9662b",
    Verdict.DEVIATION: "#c98a1b",
    Verdict.INFORMATIONAL: "#1f62ab",
    Verdict.UNSUPPORTED: "#8b949e",
    Verdict.ERROR: "#8b2ba3",
}
_LETTER = 7  # pixels of an 11-pixel letter and its neighbour, generously


def order(records: Sequence[Record]) -> dict[str, list[Record]]:
    """The runs of each product, by version and then by time."""
    found: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda r: (_version(r), r.header.started)):
        options = record.header.broker.spec.partition(":")[2]
        told = f" ({options})" if options and "/" not in options else ""
        found.setdefault(f"{record.header.broker.product}{told}", []).append(record)
    return dict(sorted(found.items()))


def table(records: Sequence[Record]) -> str:
    """A Markdown table for each product: a line a run, requirements by verdict."""
    parts = []
    for product, runs in order(records).items():
        heads = ["version", "started", *(f"{words.SIGNS[v]} {v}" for v in Verdict), "all"]
        lines = [f"## {words.visible(product)}", "", _cells(heads)]
        lines.append("|:--|:--" + "|--:" * (len(Verdict) + 1) + "|")
        lines += [_line(record) for record in runs]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def draw(records: Sequence[Record]) -> str:
    """One SVG: a chart a product, a stacked column a run, requirements by verdict."""
    charts = order(records)
    highest = max((sum(_counts(record).values()) for record in records), default=0) or 1
    wide = max(len(runs) for runs in charts.values()) * (_COLUMN + _GAP) + _LEFT
    width = max(wide, len(Verdict) * 110)
    height = len(charts) * (_TOP + _HEIGHT + _FOOT) + _TOP
    body = [
        _chart(product, runs, highest, place * (_TOP + _HEIGHT + _FOOT))
        for place, (product, runs) in enumerate(charts.items())
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        ' role="img" aria-label="Requirements by verdict, run by run"'
        ' font-family="system-ui,sans-serif" font-size="11">\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n'
        + "\n".join([*body, _key(height)])
        + "\n</svg>\n"
    )


def _version(record: Record) -> tuple[tuple[int, str], ...]:
    """A version as it is sorted: 3.8 before 3.10."""
    parts = record.header.broker.version.replace("-", ".").split(".")
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _counts(record: Record) -> Counts:
    return tally(by_requirement(record.cases).values())


def _line(record: Record) -> str:
    counts = _counts(record)
    numbers = [str(counts[verdict] or "·") for verdict in Verdict]
    version = words.visible(record.header.broker.version)
    started = words.moment(record.header.started)
    return _cells([version, started, *numbers, str(sum(counts.values()))])


def _cells(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _chart(product: str, runs: Sequence[Record], highest: int, top: int) -> str:
    base = top + _TOP + _HEIGHT
    parts = [f'<text x="4" y="{top + 20}" font-size="14">{escape(words.visible(product))}</text>']
    for place, record in enumerate(runs):
        x = _LEFT + place * (_COLUMN + _GAP)
        parts += _stack(_counts(record), highest, x, base)
        labels = (record.header.broker.version, f"{record.header.started:%Y-%m-%d}")
        for line, label in enumerate(labels):
            shown = escape(words.visible(label)[: (_COLUMN + _GAP) // _LETTER])
            middle, y = x + _COLUMN / 2, base + 15 + 14 * line
            parts.append(f'<text x="{middle:g}" y="{y}" text-anchor="middle">{shown}</text>')
    return "\n".join(parts)


def _stack(counts: Counts, highest: int, x: int, base: float) -> list[str]:
    """One column from the ground up, each piece with its number where there is room."""
    parts = []
    for verdict, count in counts.items():
        tall = _HEIGHT * count / highest
        base -= tall
        if count:
            parts.append(
                f'<rect x="{x}" y="{base:.2f}" width="{_COLUMN}" height="{tall:.2f}"'
                f' fill="{_COLOURS[verdict]}"><title>{verdict}: {count}</title></rect>'
            )
        if tall >= 12:  # noqa: PLR2004 - pixels, the height of the letters
            middle, y = x + _COLUMN / 2, base + tall / 2 + 4
            parts.append(
                f'<text x="{middle:g}" y="{y:.2f}" text-anchor="middle" fill="#fff">{count}</text>'
            )
    return parts


def _key(height: int) -> str:
    parts = []
    for place, verdict in enumerate(Verdict):
        x = 4 + place * 110
        parts.append(
            f'<rect x="{x}" y="{height - 22}" width="12" height="12" fill="{_COLOURS[verdict]}"/>'
            f'<text x="{x + 17}" y="{height - 12}">{words.SIGNS[verdict]} {verdict}</text>'
        )
    return "\n".join(parts)
