"""A run as one self-contained web page, which asks the network for nothing."""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.analyse import GRAVEST_FIRST, Counts, by_area, by_level, outcome, tally
from reports.model import Case, Record, Verdict
from reports.render import words
from reports.render.environment import environment

_HERE = Path(__file__).parent / "page"
_BAR_WIDTH = 1000


def render(record: Record) -> str:
    """Fill the page; all that comes from the record is escaped."""
    page = environment(
        _HERE, visible=words.visible, slug=_slug, lasted=words.lasted, web_link=words.web_link
    )
    return page.get_template("page.html.jinja").render(_context(record))


def _context(record: Record) -> dict[str, Any]:
    """Name all that the template may show."""
    counts = tally(case.verdict for case in record.cases)
    script = _asset("page.js")
    return {
        "title": words.product(record),
        "headline": words.headline(record),
        "outcome": outcome(record),
        "outcome_line": words.verdict_line(record),
        "caveats": words.caveats(record),
        "facts": words.facts(record),
        "verdicts": list(Verdict),
        "signs": words.SIGNS,
        "meanings": words.MEANINGS,
        "counts": counts,
        "bar": _bar(counts),
        "areas": by_area(record.cases),
        "levels": by_level(record.cases),
        "attention": [*words.troubled(record), *words.weak(record)],
        "closings": words.closings(record),
        "groups": _groups(record.cases),
        "evidence": words.evidence,
        "style": _asset("page.css"),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    }


def _asset(name: str) -> Markup:
    return Markup((_HERE / name).read_text(encoding="utf-8"))  # noqa: S704 - our own file


def _groups(cases: list[Case]) -> dict[str, list[Case]]:
    """Put the cases under their areas, the gravest first, else in the order that they ran."""
    ordered = sorted(cases, key=lambda case: GRAVEST_FIRST.index(case.verdict))
    return {area: [case for case in ordered if case.area == area] for area in by_area(cases)}


def _bar(counts: Counts) -> list[tuple[Verdict, float, float]]:
    """Divide the bar among the verdicts, each with its start and its width."""
    total = sum(counts.values())
    pieces: list[tuple[Verdict, float, float]] = []
    start = 0.0
    for verdict, count in counts.items():
        if count:
            width = _BAR_WIDTH * count / total
            pieces.append((verdict, round(start, 2), round(width, 2)))
            start += width
    return pieces


def _slug(text: str) -> str:
    """Make an id that a link can point to, the same for the same name on every page."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-")
