"""Shards of one run put together again."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from reports.load import load
from reports.model import Record, RecordError
from reports.record import Recorder
from reports.render import words


def merge(paths: Sequence[Path], output: Path) -> Record:
    """Write one record with the cases of all, and give it; RecordError when they do not fit.

    Shards fit when they are of one broker and no test is in two of them. The merged record is
    complete when each of them is; its exit code is the gravest of theirs.
    """
    records = [load(path) for path in paths]
    _check(paths, records)
    cases = sorted((c for record in records for c in record.cases), key=lambda c: c.started)
    with Recorder(output) as recorder:
        recorder.write(min((record.header for record in records), key=lambda h: h.started))
        for case in cases:
            recorder.write(case)
        footers = [record.footer for record in records if record.footer is not None]
        if len(footers) == len(records):
            last = max(footer.finished for footer in footers)
            recorder.finish(max(footer.exit_code for footer in footers), last)
    return load(output)


def _check(paths: Sequence[Path], records: Sequence[Record]) -> None:
    first = records[0].header.broker
    for path, record in zip(paths, records, strict=True):
        if record.header.broker != first:
            raise RecordError(
                f"{path} is of {words.broker_name(record)}, and {paths[0]} of"
                f" {words.broker_name(records[0])}: merge only shards of one broker"
            )
    tests = Counter(case.test for record in records for case in record.cases)
    for test, count in tests.items():
        if count > 1:
            raise RecordError(f"{test} is in {count} of the shards: merge each shard once")
