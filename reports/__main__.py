"""Shows and compares records of runs, and renders their pages: `python -m reports --help`."""

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from reports import claims, diff, fidelity, folder, trend
from reports.claims import html as claims_html
from reports.claims import markdown as claims_markdown
from reports.load import load
from reports.merge import merge
from reports.model import RecordError
from reports.render import RENDERERS, SUFFIXES, allure, html, write_page, write_pages

_BAD_INPUT = 2
_RULES = Path("suites/rules")

Options = argparse.Namespace
Adds = Callable[[argparse.ArgumentParser], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives 0, 1 from a gate, or 2 when something cannot be read or written."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except RecordError as error:
        sys.stderr.write(f"reports: {error}\n")
        return _BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reports", description="Show and compare records of runs; render pages."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (run, arguments, tells) in _COMMANDS.items():
        made = commands.add_parser(name, help=tells, description=tells)
        made.set_defaults(run=run)
        for add in arguments:
            add(made)
    return parser


def _add_record(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("record", type=Path, metavar="RECORD", help="a run's .jsonl file")


def _add_records(parser: argparse.ArgumentParser) -> None:
    tells = "runs' .jsonl files"
    parser.add_argument("record", type=Path, nargs="+", metavar="RECORD", help=tells)


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, required=True, help="where to write it")


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rules", type=Path, default=_RULES, metavar="DIR", help="the files of rules (%(default)s)"
    )


def _add_render(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=sorted(RENDERERS), help="render only this format")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it; standard output if absent"
    )


def _add_formats(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        action="append",
        choices=sorted(SUFFIXES),
        help="of each record only this format, beside the pages of all; may be repeated",
    )


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="the record of the earlier run")
    parser.add_argument("new", type=Path, metavar="NEW", help="the record of the later run")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit code 1 for any change that is no repair, not only for what is newly failing",
    )


def _add_fidelity(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("stand_in", type=Path, metavar="STAND-IN", help="its whole run's record")
    parser.add_argument("real", type=Path, metavar="REAL", help="that of what it stands for")
    parser.add_argument(
        "--twin", type=Path, metavar="FILE.json", help="the record of `nox -s twin`"
    )


def _add_picture(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--output", type=Path, metavar="FILE.svg", help="where to draw it")


def _show(options: Options) -> None:
    sys.stdout.write(RENDERERS["terminal"](load(options.record)))


def _claims(options: Options) -> None:
    records = [load(path) for path in options.record]
    found = claims.compare(claims.read_rules(options.rules), records)
    for suffix, render in ((".md", claims_markdown.render), (".html", claims_html.render)):
        page = options.output.with_suffix(suffix)
        write_page(page, render(found))
        sys.stdout.write(f"{page}\n")


def _render(options: Options) -> None:
    chosen: str | None = options.format
    output: Path | None = options.output
    if chosen is None and output is not None:
        raise RecordError("--output names one file: say with --format which page goes there")
    if chosen is None:
        sys.stdout.writelines(f"{page}\n" for page in write_pages(options.record))
        return
    text = RENDERERS[chosen](load(options.record))
    if output is None:
        sys.stdout.write(text)
    else:
        write_page(output, text)


def _matrix(options: Options) -> None:
    write_page(options.output, html.render_all([load(path) for path in options.record]))
    sys.stdout.write(f"{options.output}\n")


def _report(options: Options) -> None:
    records = [load(path) for path in options.record]
    formats = options.format or list(SUFFIXES)
    written = folder.write(records, options.output, formats, options.rules)
    sys.stdout.writelines(f"{page}\n" for page in written)


def _diff(options: Options) -> int:
    found = diff.changes(load(options.old), load(options.new))
    sys.stdout.write(diff.report(found))
    return diff.exit_code(found, strict=options.strict)


def _fidelity(options: Options) -> None:
    stand_in, real = load(options.stand_in), load(options.real)
    programs = None
    if options.twin is not None:
        programs = fidelity.read_programs(options.twin, real.header.broker.product)
    sys.stdout.write(fidelity.report(fidelity.fidelity(stand_in, real, programs)))


def _trend(options: Options) -> None:
    records = [load(path) for path in options.record]
    if options.output is not None:
        write_page(options.output, trend.draw(records))
    sys.stdout.write(trend.table(records))


def _merge(options: Options) -> None:
    merged = merge(options.record, options.output)
    sys.stdout.write(f"{options.output}: {len(merged.cases)} cases\n")


def _allure(options: Options) -> None:
    count = allure.write([load(path) for path in options.record], options.output)
    sys.stdout.write(f"{options.output}: {count} results\n")


_COMMANDS: dict[str, tuple[Callable[[Options], int | None], list[Adds], str]] = {
    "show": (_show, [_add_record], "print a summary of a record for the terminal"),
    "render": (
        _render,
        [_add_record, _add_render],
        "render a record; without --format, writes a Markdown and an HTML page beside it",
    ),
    "matrix": (
        _matrix,
        [_add_records, _add_output],
        "write one web page of the requirements beside the brokers of records",
    ),
    "claims": (
        _claims,
        [_add_records, _add_output, _add_rules],
        "put RabbitMQ's claim on each rule beside what records measured: OUTPUT.md, OUTPUT.html",
    ),
    "report": (
        _report,
        [_add_records, _add_output, _add_formats, _add_rules],
        "write all that can be made of records into a folder, with an index",
    ),
    "diff": (_diff, [_add_diff], "tell what changed between two records; a gate"),
    "fidelity": (
        _fidelity,
        [_add_fidelity],
        "count on how many requirements one broker does as another, and list the others",
    ),
    "trend": (
        _trend,
        [_add_records, _add_picture],
        "print how the verdicts of records went, by version and time, and draw it",
    ),
    "merge": (_merge, [_add_records, _add_output], "put the records of shards together into one"),
    "allure": (_allure, [_add_records, _add_output], "write records as a folder of Allure results"),
}
"""Each command: what runs, what it takes, what it is for."""


if __name__ == "__main__":
    raise SystemExit(main())
