"""Any number of runs as one self-contained web page, which asks the network for nothing.

The matrix is plain markup, so that it is there at once, can be read without a script, and prints.
The evidence behind its cells is packed, a record at a time, and unpacked when a cell is opened.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from markupsafe import Markup

from reports import matrix
from reports.analyse import Counts, outcome, tally
from reports.model import Case, Record, Verdict
from reports.render import words
from reports.render.environment import environment

DRESS = Path(__file__).parent / "page" / "page.css"
"""The style that all web pages share."""

_HERE = Path(__file__).parent / "page"
_BAR_WIDTH = 1000
_KEPT = {Verdict.PASS: (16, 6)}  # first and last lines of a transcript; the record has more
_KEPT_ELSE = (120, 60)


def render(record: Record) -> str:
    """Fill the page with one run."""
    return render_all([record])


def render_all(records: Sequence[Record]) -> str:
    """Fill the page; all that comes from the records is escaped."""
    page = environment(_HERE, visible=words.visible, slug=_slug, web_link=words.web_link)
    return page.get_template("page.html.jinja").render(_context(records))


def pack(cases: Sequence[Case]) -> str:
    """Write cases as the page unpacks them: JSON, deflated, in base64; neighbours are alike."""
    ordered = sorted(cases, key=lambda case: case.test)
    data = msgspec.json.encode([_shown(msgspec.to_builtins(_cut(case))) for case in ordered])
    return base64.b64encode(zlib.compress(data, 9)).decode()


def asset(path: Path) -> Markup:
    """A file of ours as it stands."""
    return Markup(path.read_text(encoding="utf-8"))  # noqa: S704 - our own file


def script_hash(script: str) -> str:
    """What a page's policy allows the script by."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _context(records: Sequence[Record]) -> dict[str, Any]:
    """Name all that the template may show."""
    table = matrix.compare(records)
    script = asset(_HERE / "page.js")
    names = words.names(records)
    return {
        "title": ", ".join(names),
        "lead": words.lead(table),
        "table": table,
        "names": names,
        "runs": [_run(record, name) for record, name in zip(records, names, strict=True)],
        "verdicts": list(Verdict),
        "signs": words.SIGNS,
        "meanings": words.MEANINGS,
        "totals": [tally(c.verdict for c in _column(table, i)) for i in range(len(records))],
        "passing": matrix.passing,
        "evidence": words.evidence,
        "packed": [pack(record.cases) for record in records],
        "style": asset(DRESS) + asset(_HERE / "matrix.css"),
        "script": script,
        "script_hash": script_hash(script),
    }


def _column(table: matrix.Matrix, index: int) -> list[matrix.Cell]:
    cells = [row.cells[index] for row in table.rows]
    return [cell for cell in cells if cell is not None]


def _run(record: Record, name: str) -> dict[str, Any]:
    """What is told of one run above the matrix."""
    counts = tally(case.verdict for case in record.cases)
    return {
        "name": name,
        "headline": words.headline(record),
        "outcome": outcome(record),
        "outcome_line": words.verdict_line(record),
        "caveats": words.caveats(record),
        "facts": words.facts(record),
        "closings": words.closings(record),
        "bar": _bar(counts),
        "attention": [(case, matrix.keys(case)[0]) for case in words.attention(record)],
    }


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


def _cut(case: Case) -> Case:
    """Leave out the middle of a long transcript; a pass needs less."""
    head, tail = _KEPT.get(case.verdict, _KEPT_ELSE)
    lines = case.transcript
    left_out = len(lines) - head - tail
    if left_out <= 1:
        return case
    kept = [*lines[:head], f"… {left_out} lines left out, see the record", *lines[-tail:]]
    return msgspec.structs.replace(case, transcript=kept)


def _shown(value: Any) -> Any:
    """The same with everything visible, and without what is empty."""
    if isinstance(value, str):
        return words.visible(value)
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if v not in (None, [], {}) and k != "kind"}
        return {words.visible(k): _shown(v) for k, v in kept.items()}
    return value


def _slug(text: str) -> str:
    """Make an id that a link can point to, the same for the same name on every page."""
    return re.sub(r"[^\w.-]+", "-", text).strip("-")
