"""The pages of a record: one for terminals, one in Markdown, one for browsers."""

from pathlib import Path

from reports.load import load
from reports.model import RecordError
from reports.render import html, markdown, terminal

RENDERERS = {"terminal": terminal.render, "markdown": markdown.render, "html": html.render}
"""Each format by name, as a function from a record to text."""

_SUFFIXES = {"markdown": ".md", "html": ".html"}


def write_pages(record_path: Path) -> list[Path]:
    """Write the Markdown and the HTML page beside the record, and give their paths."""
    record = load(record_path)
    pages = []
    for name, suffix in _SUFFIXES.items():
        page = record_path.with_suffix(suffix)
        write_page(page, RENDERERS[name](record))
        pages.append(page)
    return pages


def write_page(path: Path, text: str) -> None:
    """Write one page; raises RecordError where the folder does not allow it."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise RecordError(f"cannot write the page {path}: {error.strerror}") from error
