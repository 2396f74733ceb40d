"""The forms of output: tables of tabs, pretty tables, JSON."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .terms import as_json, cell, shown

FORMATTERS = ("table", "tsv", "pretty_table", "json")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command writes."""

    formatter: str = "table"
    quiet: bool = False  # no banners
    headers: bool = True

    def banner(self, text: str) -> None:
        """What the command is about to do."""
        if not self.quiet and self.formatter != "json":
            self.line(text)

    def line(self, text: str) -> None:
        """A line of the result."""
        sys.stdout.write(f"{text}\n")

    def rows(self, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """A table, in the form that was asked for; an empty one is nothing."""
        if self.formatter == "json":
            self.line(_json(columns, rows))
        elif rows and self.formatter == "pretty_table":
            self.line(_pretty(columns, rows))
        elif rows:
            if self.headers:
                self.line("\t".join(columns))
            for row in rows:
                self.line("\t".join(shown(row[column]) for column in columns))

    def report(self, sections: Mapping[str, Mapping[str, Any]]) -> None:
        """Titles, and under each its facts."""
        if self.formatter == "json":
            self.line(json.dumps(sections))
            return
        for title, facts in sections.items():
            self.line(f"\x1b[1m{title}\x1b[0m\n")
            for name, value in facts.items():
                self.line(f"{name}: {shown(value)}" if name else shown(value))
            self.line("")


def _json(columns: Sequence[str], rows: Sequence[Row]) -> str:
    objects = [
        json.dumps({c: as_json(row[c]) for c in columns}, separators=(",", ":"), ensure_ascii=False)
        for row in rows
    ]
    return "[\n" + "\n,".join(objects) + "\n]"


def _pretty(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A table with lines, drawn with the VT100's characters as rabbitmqctl draws it."""
    texts = [[cell(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    bars = ["q" * (width + 2) for width in widths]
    head = [f"\x1b[1m{name}\x1b[0m{' ' * (w - len(name))}" for name, w in _pairs(columns, widths)]
    lines = [f"\x1b(0l{'w'.join(bars)}k\x1b(B", _drawn(head)]
    for row in texts:
        lines.append(f"\x1b(0t{'n'.join(bars)}u\x1b(B")
        lines.append(_drawn([text.ljust(width) for text, width in _pairs(row, widths)]))
    lines.append(f"\x1b(0m{'v'.join(bars)}j\x1b(B")
    return "\n".join(lines)


def _pairs(texts: Sequence[str], widths: Sequence[int]) -> Iterator[tuple[str, int]]:
    return zip(texts, widths, strict=True)


def _drawn(cells: Sequence[str]) -> str:
    edge = "\x1b(0x\x1b(B"
    return f"{edge} {f' {edge} '.join(cells)} {edge}"
