"""Write a file of expectations anew from records: `python -m suites.expectations --help`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.load import load
from reports.model import Record, RecordError
from suites.expectations import ExpectationError, for_broker, read
from suites.expectations.writing import UNREVIEWED, expectations, formless, outcomes, text

BAD_INPUT = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; 0, or 2 when a record or a file cannot be read or written."""
    options = _parser().parse_args(arguments)
    try:
        records = [load(path) for path in options.record]
        written = _write(records, options.known, options.link, options.output)
    except (RecordError, ExpectationError, OSError) as error:
        sys.stderr.write(f"expectations: {error}\n")
        return BAD_INPUT
    sys.stderr.write(written)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m suites.expectations",
        description="Write the expectations of a broker anew, from records of whole runs against "
        "it, for review. Entries that its file has keep their reasons and links. Outcomes that "
        "differ between the records are marked `sometimes`.",
    )
    add = parser.add_argument
    add("record", type=Path, nargs="+", metavar="RECORD", help="a run's .jsonl file")
    add("--known", type=Path, metavar="FILE", help="whose reasons to keep (the broker's own file)")
    add("--link", default="https://", metavar="URL", help="where new entries point to")
    add("--output", type=Path, metavar="FILE", help="standard output if absent")
    return parser


def _write(records: list[Record], known: Path | None, link: str, output: Path | None) -> str:
    broker = records[0].header.broker
    if any(record.header.broker.product != broker.product for record in records):
        raise ExpectationError("the records are of several brokers; give those of one")
    names = (broker.spec, broker.spec.partition(":")[0], broker.product)
    old = read(known, broker.version) if known else for_broker(names, broker.version)
    entries = expectations(outcomes(records), old, link)
    head = f"What {broker.product} {broker.version} is known to do otherwise."
    page = text(entries, head)
    if output is None:
        sys.stdout.write(page)
    else:
        output.write_text(page, encoding="utf-8")
    new = sum(entry.reason.startswith(UNREVIEWED) for entry in entries)
    told = [f"{len(entries)} expectations, {new} of them to be reviewed\n"]
    told += [
        f"no expectation can describe {test}: no canonical form\n" for test in formless(records)
    ]
    return "".join(told)


if __name__ == "__main__":
    raise SystemExit(main())
