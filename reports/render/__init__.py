"""The forms of a record: pages for people, documents for programs, a badge."""

from collections.abc import Iterable
from pathlib import Path

from reports.load import load
from reports.model import RecordError
from reports.render import badge, ctrf, html, junit, markdown, terminal

PAGES = {"terminal": terminal.render, "markdown": markdown.render, "html": html.render}
"""The pages that people read, each as a function from a record to text."""

RENDERERS = PAGES | {
    "summary": markdown.summary,
    "ctrf": ctrf.render,
    "junit": junit.render,
    "badge": badge.render,
}
"""Each format by name."""

SUFFIXES = {
    "markdown": ".md",
    "html": ".html",
    "summary": ".summary.md",
    "ctrf": ".ctrf.json",
    "junit": ".junit.xml",
    "badge": ".svg",
}
"""What a file of each format that makes files ends in."""

BESIDE = ("markdown", "html")
"""The formats that every run leaves beside its record."""


def write_pages(record_path: Path) -> list[Path]:
    """Write the Markdown and the HTML page beside the record, and give their paths."""
    return write_formats(record_path, record_path.parent, BESIDE)


def write_formats(record_path: Path, folder: Path, formats: Iterable[str]) -> list[Path]:
    """Write these formats of a record into the folder under the record's name; their paths."""
    record = load(record_path)
    written = []
    for name in formats:
        page = folder / f"{record_path.stem}{SUFFIXES[name]}"
        write_page(page, RENDERERS[name](record))
        written.append(page)
    return written


def write_page(path: Path, text: str) -> None:
    """Write one page; raises RecordError where the folder does not allow it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise RecordError(f"cannot write the page {path}: {error.strerror}") from error
