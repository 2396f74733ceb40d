"""What one line of a run's record may say: the format of the JSON-lines file of a run.

The file is UTF-8, one JSON object a line, each with its `kind`:

1. one `header`: the format's version, who was on trial, where, and the command that repeats it;
2. a `case` for each judged test, in the order in which they ended, each written at once;
3. one `footer`: the counts and the exit code. Without it the run did not reach its end.

`Header`, `Case` and `Footer` below are the whole schema; a field with a default may be absent, an
unknown one is refused. Moments are ISO 8601 with their zone, durations seconds. A last line that
was cut short is dropped and said so. Before a line is written, passwords, home folders, the
machine's paths and its name are masked (`reports.scrub`). Versions: 1 is the first; 2 adds `also`
and `parameters` to a case, and the transcript of one that passed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

FORMAT = 2
"""The version of the record's format that is written."""

READABLE = frozenset({1, FORMAT})
"""The versions that are read; a reader refuses any other."""

Moment = Annotated[datetime, Meta(tz=True)]
Seconds = Annotated[float, Meta(ge=0)]
Name = Annotated[str, Meta(min_length=1)]


class RecordError(Exception):
    """A record that cannot be written or read; the message is one line for the user."""


class Verdict(StrEnum):
    """What a case came to, the order being that of every table."""

    PASS = "pass"
    FAIL = "fail"
    WEAK = "weak"
    DEVIATION = "deviation"
    INFORMATIONAL = "informational"
    UNSUPPORTED = "unsupported"
    ERROR = "error"


class Closing(StrEnum):
    """How the connections of a case ended on the broker's side, the best first."""

    CLEAN = "clean"  # Close or Close-Ok, then FIN
    RESET = "reset"  # Close or Close-Ok, then RST
    BARE = "bare"  # the socket's end and no method before it
    OPEN = "left open"  # Close, answered, and a socket that stays


class Level(StrEnum):
    """How binding a requirement is, and whose it is."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"
    RABBITMQ = "RABBITMQ"
    MEMCACHEQ = "MEMCACHEQ"


class Broker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who was on trial: the string that named it, and the identity that it gave."""

    spec: Name
    product: Name
    version: str
    configuration: dict[str, str] = field(default_factory=dict)


class Requirement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One testable sentence about a broker."""

    id: Name
    area: Name
    level: Level
    summary: str


class Header(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="header"
):
    """The first line: what ran, where, and the command that runs it again."""

    format: int = FORMAT
    started: Moment
    broker: Broker
    platform: str
    python: str
    project: str
    repeat: str


class Case(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="case"
):
    """One judged test, with the evidence for its verdict; `duration` is in seconds.

    `area` and `summary` are those of the first requirement, `level` is the most binding of all;
    `also` tells of the further requirements in full. `rules` are those of the specification that
    the requirements cover. `parameters` are those that the test was called with.
    """

    test: Name
    requirements: list[str]
    area: Name
    level: Level
    summary: str
    verdict: Verdict
    started: Moment
    duration: Seconds
    repeat: str
    expected: str | None = None
    actual: str | None = None
    observation: str | None = None
    closing: Closing | None = None
    reason: str | None = None
    link: str | None = None
    rules: list[str] = field(default_factory=list)
    transcript: list[str] = field(default_factory=list)
    log: str | None = None
    seed: int | None = None
    also: list[Requirement] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)


class Footer(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="footer"
):
    """The last line: without it the run did not reach its end."""

    finished: Moment
    counts: dict[Verdict, int]
    exit_code: int


Entry = Header | Case | Footer


class Record(Struct, frozen=True, kw_only=True):
    """A whole run as read back; `torn` says that a half-written last line was dropped."""

    header: Header
    cases: list[Case]
    footer: Footer | None = None
    torn: bool = False

    @property
    def complete(self) -> bool:
        """Whether the run reached its end."""
        return self.footer is not None
