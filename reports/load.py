"""Reads a record back: strict about every whole line, lenient about a torn last one."""

from pathlib import Path
from typing import TypeVar

import msgspec

from reports.analyse import tally
from reports.model import FORMAT, READABLE, Case, Entry, Footer, Header, Record, RecordError

__all__ = ["RecordError", "load"]


Kind = TypeVar("Kind")


class _Preface(msgspec.Struct):
    """As much of the header as every version of the format has."""

    kind: str
    format: int


_preface = msgspec.json.Decoder(_Preface)
_header = msgspec.json.Decoder(Header)
_entry: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Header | Case | Footer)


def load(path: Path) -> Record:
    """Read the record at `path`; raises RecordError that names the line and what is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordError(f"cannot read the record {path}: {error.strerror}") from error
    *whole, last = data.split(b"\n")
    torn = _is_torn(last)
    lines = [*whole, last] if last and not torn else whole
    if not lines:
        raise RecordError(f"{path} is empty: no header was written, so the run never began")
    _check_version(path, lines[0])
    header = _decode(path, 1, lines[0], _header)
    entries = [_decode(path, number, line, _entry) for number, line in enumerate(lines[1:], 2)]
    return _assemble(path, header, entries, torn=torn)


def _is_torn(last: bytes) -> bool:
    """Tell a last line that was cut off from one that only lacks its newline."""
    try:
        msgspec.json.decode(last or b"null")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return True
    return False


def _check_version(path: Path, line: bytes) -> None:
    """Refuse another format before its fields are judged by ours."""
    try:
        preface = _preface.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: line 1: not the header of a record: {error}") from error
    if preface.kind == "header" and preface.format not in READABLE:
        raise RecordError(
            f"{path}: line 1: format version {preface.format} is unknown;"
            f" this mqproof reads up to version {FORMAT}"
        )


def _decode(path: Path, number: int, line: bytes, decoder: msgspec.json.Decoder[Kind]) -> Kind:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: line {number}: {error}") from error


def _assemble(path: Path, header: Header, entries: list[Entry], *, torn: bool) -> Record:
    """Put cases and footer into their places, or say which line is out of its own."""
    footer = entries.pop() if entries and isinstance(entries[-1], Footer) else None
    cases: list[Case] = []
    for number, entry in enumerate(entries, 2):
        if not isinstance(entry, Case):
            kind = type(entry).__name__.lower()
            raise RecordError(f"{path}: line {number}: a {kind} stands among the cases")
        cases.append(entry)
    if isinstance(footer, Footer):
        _check_counts(path, cases, footer)
        return Record(header=header, cases=cases, footer=footer, torn=torn)
    return Record(header=header, cases=cases, torn=torn)


def _check_counts(path: Path, cases: list[Case], footer: Footer) -> None:
    """Refuse a record that lost or gained cases after its footer was written."""
    found = tally(case.verdict for case in cases)
    if any(footer.counts.get(verdict, 0) != count for verdict, count in found.items()):
        raise RecordError(
            f"{path}: line {len(cases) + 2}: the footer counts {sum(footer.counts.values())} cases"
            f" with other verdicts than the {len(cases)} above it; the record was changed"
        )
