"""All that can be made of some records, in one folder, with an index that leads to it."""

import re
from collections.abc import Iterable, Sequence
from html import unescape
from pathlib import Path
from typing import Any

from reports import claims, matrix, trend
from reports.claims import html as claims_html
from reports.claims import markdown as claims_markdown
from reports.model import Record
from reports.render import RENDERERS, SUFFIXES, html, words, write_page
from reports.render.environment import environment
from reports.render.markdown import escaped

_HERE = Path(__file__).parent / "render" / "page"
_PURPOSE = (
    "mqproof puts message brokers on trial: each requirement, of AMQP 0-9-1 and of what RabbitMQ"
    " documents, is provoked on the wire, and what the broker did is the evidence."
)
_ANSWERS = "answers"  # a folder of published answers, if it is there already


def write(
    records: Sequence[Record], target: Path, formats: Iterable[str], rules: Path
) -> list[Path]:
    """Write the pages of all records, these formats of each, and the index; give their paths."""
    pages = {"matrix.html": html.render_all(records), "trend.svg": trend.draw(records)}
    if rules.is_dir() and all(any(case.rules for case in record.cases) for record in records):
        found = claims.compare(claims.read_rules(rules), records)
        pages["claims.md"] = claims_markdown.render(found)
        pages["claims.html"] = claims_html.render(found)
        pages["coverage.html"] = claims_html.render_coverage(found)
    chosen = list(formats)
    for record, name in zip(records, words.names(records), strict=True):
        for form in chosen:
            pages[f"{_stem(name)}{SUFFIXES[form]}"] = RENDERERS[form](record)
    index = _index(records, target, list(pages))
    pages["index.html"] = environment(_HERE).get_template("index.html.jinja").render(index)
    pages["README.md"] = _markdown(index)
    for name, text in pages.items():
        write_page(target / name, text)
    return [target / name for name in pages]


def _stem(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")


def _index(records: Sequence[Record], target: Path, pages: list[str]) -> dict[str, Any]:
    """What the index says and leads to, for both of its forms."""
    table = matrix.compare(records)
    names = words.names(records)
    return {
        "title": "mqproof: message brokers on trial",
        "sentences": [
            _PURPOSE,
            words.lead(table),
            _sum(table, names),
        ],
        "pages": [known for known in _PAGES if known[0] in pages],
        "answers": _answers(target),
        "runs": [
            {
                "name": name,
                "headline": words.headline(record),
                "moment": words.moment(record.header.started),
                "files": [p for p in pages if p.startswith(f"{_stem(name)}.")],
            }
            for record, name in zip(records, names, strict=True)
        ],
        "trend": "trend.svg",
        "style": html.asset(html.DRESS),
    }


_PAGES = (
    ("matrix.html", "The matrix", "every requirement beside every broker, with the evidence"),
    ("claims.html", "Claimed and measured", "what RabbitMQ says of each rule, and what was seen"),
    ("coverage.html", "Coverage", "which rules of the specification are decided, and by how many"),
)
_TITLE = re.compile(r"<title>(.*?)</title>", re.DOTALL)


def _answers(target: Path) -> list[tuple[str, str]]:
    """The pages of answers that are in the folder already, each with its question."""
    found = []
    for path in sorted((target / _ANSWERS).glob("*.html")):
        title = _TITLE.search(path.read_text(encoding="utf-8"))
        if title is not None:
            found.append((f"{_ANSWERS}/{path.name}", unescape(title[1]).strip()))
    return found


def _sum(table: matrix.Matrix, names: Sequence[str]) -> str:
    """How each broker did, in one sentence."""
    parts = []
    for index, name in enumerate(names):
        good, all_of = matrix.passing(table.rows, index)
        parts.append(f"{name} has nothing against it on {good} of {all_of}")
    told = "; ".join(parts)
    return f"{told}; each verdict leads to its transcript and the command that repeats it."


def _markdown(index: dict[str, Any]) -> str:
    parts = [f"# {escaped(index['title'])}", *map(escaped, index["sentences"])]
    parts.append("\n".join(f"- [{title}]({page}): {told}" for page, title, told in index["pages"]))
    if index["answers"]:
        parts.append("## What users ask")
        lines = [f"- [{escaped(t)}]({p.replace('.html', '.md')})" for p, t in index["answers"]]
        parts.append("\n".join(lines))
    parts.append("The HTML pages are self-contained: download one and open it in a browser.")
    parts += [f"![How the verdicts went]({index['trend']})", "## The runs"]
    for run in index["runs"]:
        files = ", ".join(f"[{name}]({name})" for name in run["files"])
        told = f"- **{escaped(run['name'])}**, {run['moment']}: {escaped(run['headline'])}."
        parts.append(f"{told} {files}".rstrip())
    return "\n\n".join(parts) + "\n"
