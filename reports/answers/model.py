"""What a study holds: one question, the brokers that were asked, and a cell for each experiment."""

from pathlib import Path

import msgspec
from msgspec import Struct, field

from reports.model import Broker, Moment, Name, RecordError
from reports.scrub import scrub

FORMAT = 1
"""The version of a study's format; a reader refuses any other."""

Fact = str | int
"""What was observed and must be the same wherever brokers agree: a code, a count, a word."""


class Mark(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something happened to somebody; `at` is in seconds since the fault of the cell."""

    at: float
    who: Name
    what: str


class Span(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody was in one state from `start` to `end`, in seconds since the fault of the cell."""

    who: Name
    start: float
    end: float
    what: str
    tone: str = "none"


class Head(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="study"
):
    """The first line: what was asked, of whom, how, and the command that asks again."""

    format: int = FORMAT
    question: Name
    started: Moment
    seed: int
    parameters: dict[str, float | int]
    brokers: list[Broker]
    platform: str
    python: str
    project: str
    repeat: str


class Cell(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="cell"
):
    """One experiment on one broker.

    `facts` are compared between brokers; `times` (seconds) and `figures` (whose names say their
    units) are only shown. `trouble` says why there are none: what the broker or this machine cannot
    do, or what broke.
    """

    broker: Name
    row: Name
    column: Name
    variant: str = ""
    facts: dict[str, Fact] = field(default_factory=dict)
    times: dict[str, float] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    trouble: str | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """Row, variant and column."""
        return self.row, self.variant, self.column


class Study(Struct, frozen=True, kw_only=True):
    """One question asked of some brokers; cells are in no special order."""

    head: Head
    cells: list[Cell]

    @property
    def names(self) -> dict[str, str]:
        """How each broker's string is written on a page: product and version."""
        return {b.spec: f"{b.product} {b.version}".strip() for b in self.head.brokers}

    def of(self, place: tuple[str, str, str]) -> dict[str, Cell]:
        """The cells at one place by broker, in the order in which brokers were asked."""
        found = {cell.broker: cell for cell in self.cells if cell.place == place}
        return {b.spec: found[b.spec] for b in self.head.brokers if b.spec in found}


_encode = msgspec.json.Encoder().encode
_decoder: msgspec.json.Decoder[Head | Cell] = msgspec.json.Decoder(Head | Cell)


def save(study: Study, path: Path) -> None:
    """Write a study as JSON lines, scrubbed of this machine's own; RecordError if it cannot be."""
    lines = [scrub(_encode(entry).decode()) + "\n" for entry in (study.head, *study.cells)]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise RecordError(f"cannot write the study {path}: {error.strerror}") from error


def load(path: Path) -> Study:
    """Read a study back; RecordError names the line that is wrong."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RecordError(f"cannot read the study {path}: {error.strerror}") from error
    entries: list[Head | Cell] = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(_decoder.decode(line))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RecordError(f"{path}: line {number}: {error}") from error
    if not entries or not isinstance(entries[0], Head):
        raise RecordError(f"{path}: line 1: not the head of a study")
    if entries[0].format != FORMAT:
        raise RecordError(f"{path}: format version {entries[0].format}; this reads {FORMAT}")
    cells = [entry for entry in entries[1:] if isinstance(entry, Cell)]
    return Study(head=entries[0], cells=cells)
