"""Shows a run's record, or renders its pages: `python -m reports --help`."""

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from reports import claims
from reports.claims import html as claims_html
from reports.claims import markdown as claims_markdown
from reports.load import load
from reports.model import RecordError
from reports.render import RENDERERS, write_page, write_pages

_BAD_INPUT = 2
_RULES = Path("suites/rules")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives 0, or 2 when the record cannot be read or a page written."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters
    options = _parser().parse_args(arguments)
    try:
        if options.command == "show":
            sys.stdout.write(RENDERERS["terminal"](load(options.record)))
        elif options.command == "claims":
            _claims(options.record, options.rules, options.output)
        else:
            _render(options.record, options.format, options.output)
    except RecordError as error:
        sys.stderr.write(f"reports: {error}\n")
        return _BAD_INPUT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports", description="Show the record of a run, or render its pages."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    tells = "print a summary of a record for the terminal"
    show = commands.add_parser("show", help=tells, description=tells)
    tells = "render a record; without --format, writes a Markdown and an HTML page beside it"
    render = commands.add_parser("render", help=tells, description=tells)
    tells = "put RabbitMQ's claim on each rule beside what records measured: Markdown and HTML"
    compared = commands.add_parser("claims", help=tells, description=tells)
    add = compared.add_argument
    add("record", type=Path, nargs="+", metavar="RECORD", help="a whole run's .jsonl file")
    add(
        "--rules", type=Path, default=_RULES, metavar="DIR", help="the files of rules (%(default)s)"
    )
    add("--output", type=Path, required=True, metavar="STEM", help="writes STEM.md and STEM.html")
    for command in (show, render):
        command.add_argument("record", type=Path, metavar="RECORD", help="a run's .jsonl file")
    render.add_argument("--format", choices=sorted(RENDERERS), help="render only this format")
    render.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it; standard output if absent"
    )
    return parser


def _claims(records: list[Path], folder: Path, stem: Path) -> None:
    found = claims.compare(claims.read_rules(folder), [load(path) for path in records])
    for suffix, render in ((".md", claims_markdown.render), (".html", claims_html.render)):
        page = stem.with_suffix(suffix)
        write_page(page, render(found))
        sys.stdout.write(f"{page}\n")


def _render(record: Path, chosen: str | None, output: Path | None) -> None:
    if chosen is None and output is not None:
        raise RecordError("--output names one file: say with --format which page goes there")
    if chosen is None:
        sys.stdout.writelines(f"{page}\n" for page in write_pages(record))
        return
    text = RENDERERS[chosen](load(record))
    if output is None:
        sys.stdout.write(text)
    else:
        write_page(output, text)


if __name__ == "__main__":
    raise SystemExit(main())
