"""Writes a run's record, one line at once for each entry, so that a crash keeps the rest."""

import re
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from reports.analyse import exit_code, tally
from reports.model import Case, Entry, Footer, Header, RecordError, Verdict
from reports.scrub import scrub

__all__ = ["RecordError", "Recorder", "run_path", "scrub"]

_NAME_LIMIT = 60


def run_path(folder: Path, broker: str, now: datetime) -> Path:
    """Name the record of a run of `broker` begun at `now`, a file that does not exist yet."""
    safe = re.sub(r"[^A-Za-z0-9.]+", "-", scrub(broker)).strip("-.")[:_NAME_LIMIT] or "broker"
    stem = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{safe}"
    path = folder / f"{stem}.jsonl"
    again = 2
    while path.exists():
        path = folder / f"{stem}-{again}.jsonl"
        again += 1
    return path


class Recorder:
    """An open record: the header first, then cases, then the footer of `finish`.

    Raises RecordError when the file exists already or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._verdicts: list[Verdict] = []
        self._begun = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("xb", buffering=0)
        except FileExistsError as error:
            raise RecordError(
                f"cannot begin the record {path}: it exists already; choose another name"
            ) from error
        except OSError as error:
            raise RecordError(
                f"cannot begin the record {path}: {error.strerror};"
                " choose a folder that can be written to"
            ) from error

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many cases were written so far, by verdict."""
        return tally(self._verdicts)

    def write(self, entry: Entry) -> None:
        """Append one entry, scrubbed, as one line in one write."""
        if isinstance(entry, Header) is self._begun:
            raise RecordError(f"{self.path}: a record begins with its header and has only one")
        line = msgspec.json.encode(_scrubbed(msgspec.to_builtins(entry))) + b"\n"
        self._append(line)
        self._begun = True
        if isinstance(entry, Case):
            self._verdicts.append(entry.verdict)

    def _append(self, line: bytes) -> None:
        """Write the line, or close the file, lest a later line be joined to a torn one."""
        if self._file.closed:
            raise RecordError(f"cannot write to the record {self.path}: it is closed")
        try:
            written = self._file.write(line)
            why = f"only {written} of {len(line)} bytes fitted"
        except OSError as error:
            written, why = 0, error.strerror or str(error)
        if written != len(line):
            self.close()
            raise RecordError(f"cannot write to the record {self.path}: {why}; free some space")

    def finish(self, status: int = 0, finished: datetime | None = None) -> Footer:
        """Append the footer and close; `status` is the runner's own exit code, 0 if it has none.

        The footer's exit code is not 0 when the status is not, or when a verdict forbids it.
        """
        footer = Footer(
            finished=finished or datetime.now(UTC),
            counts=self.counts,
            exit_code=status or exit_code(self.counts),
        )
        self.write(footer)
        self.close()
        return footer

    def close(self) -> None:
        """Close the file; a record closed without `finish` reads as incomplete."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_scrubbed(item) for item in value]
    if isinstance(value, dict):
        return {_scrubbed(key): _scrubbed(item) for key, item in value.items()}
    return value
