"""The words and signs that every page uses, and text made safe to look at."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime

from reports.analyse import Counts, Outcome, by_closing, by_requirement, outcome, tally
from reports.matrix import Matrix
from reports.model import Case, Record, Verdict

SIGNS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.WEAK: "~",
    Verdict.DEVIATION: "≠",
    Verdict.INFORMATIONAL: "i",
    Verdict.UNSUPPORTED: "–",  # noqa: RUF001 - an en dash is as wide as the other signs
    Verdict.ERROR: "!",
}
"""One sign a verdict, distinct without colour."""

MEANINGS = {
    Verdict.PASS: "the broker did what the requirement asks",
    Verdict.FAIL: "the broker did not do it, and nobody had said so",
    Verdict.WEAK: "the broker did not do it, and the specification only recommends it",
    Verdict.DEVIATION: "the broker is known not to do it, and still does not",
    Verdict.INFORMATIONAL: "the specification leaves it open; what was seen is the result",
    Verdict.UNSUPPORTED: "the broker says that it lacks the feature, and it does",
    Verdict.ERROR: "the harness or the environment broke, so nothing was decided",
}

OUTCOMES = {
    Outcome.OK: "OK: every case was decided, and none failed.",
    Outcome.FAILED: "FAILED: see the failures and the errors.",
    Outcome.INCOMPLETE: "INCOMPLETE: the run was cut short before its end.",
}

_COUNTED = {
    Verdict.PASS: ("pass", "pass"),
    Verdict.DEVIATION: ("known deviation", "known deviations"),
    Verdict.INFORMATIONAL: ("informational", "informational"),
    Verdict.UNSUPPORTED: ("unsupported", "unsupported"),
    Verdict.FAIL: ("failure", "failures"),
    Verdict.WEAK: ("weak", "weak"),
    Verdict.ERROR: ("undecided by an error", "undecided by errors"),
}
_ALWAYS_COUNTED = {Verdict.PASS, Verdict.FAIL}
_MILLISECOND = 0.001
_ALMOST_A_SECOND = 0.9995  # from here on, rounding to milliseconds would give 1000 of them
_ALMOST_A_MINUTE = 59.95
_MINUTE = 60


def headline(record: Record) -> str:
    """Say in one sentence who was on trial and what came of it."""
    requirements = by_requirement(record.cases)
    bare = [case.verdict for case in record.cases if not case.requirements]
    parts = []
    if requirements:
        counts = tally(requirements.values())
        decided = len(requirements) - counts[Verdict.ERROR]
        parts.append(f"{_number(decided, 'requirement')} decided: {_counted(counts)}")
    if bare:
        more = "further case" if requirements else "case"
        parts.append(f"{_number(len(bare), more)}: {_counted(tally(bare))}")
    return f"{product(record)}: {'; '.join(parts) or 'no case was run'}"


def lead(table: Matrix) -> str:
    """Say in one sentence what a matrix shows."""
    if len(table.records) == 1:
        return f"{headline(table.records[0])}."
    differing = sum(row.differs for row in table.rows)
    return (
        f"{_number(len(table.rows), 'requirement')} put to {len(table.records)} brokers:"
        f" on {differing} of them their verdicts differ."
    )


def product(record: Record) -> str:
    """Give the identity of the broker that was on trial, as one phrase."""
    broker = record.header.broker
    return visible(f"{broker.product} {broker.version}".strip())


def names(records: Sequence[Record]) -> list[str]:
    """Name each record's broker, and say when it ran where several have one name."""
    brokers = [broker_name(record) for record in records]
    return [
        f"{name}, {moment(record.header.started)}" if brokers.count(name) > 1 else name
        for name, record in zip(brokers, records, strict=True)
    ]


def broker_name(record: Record) -> str:
    """Name product, version, and what the broker was told where its string says so."""
    options = record.header.broker.spec.partition(":")[2]
    return f"{product(record)} ({options})" if options and "/" not in options else product(record)


def verdict_line(record: Record) -> str:
    """Say in one sentence whether the run is to be believed good."""
    judged = outcome(record)
    if not record.cases and record.complete:
        return "FAILED: nothing was collected, and a run without a case proves nothing."
    status = record.footer.exit_code if record.footer else 0
    if judged is Outcome.FAILED and not troubled(record):
        return f"FAILED: no case failed, but the run ended with exit code {status}."
    return OUTCOMES[judged]


def troubled(record: Record) -> list[Case]:
    """List the cases that keep the run from being good, failures before errors."""
    failures = [case for case in record.cases if case.verdict is Verdict.FAIL]
    return failures + [case for case in record.cases if case.verdict is Verdict.ERROR]


def weak(record: Record) -> list[Case]:
    """List the cases of recommendations that the broker does not follow."""
    return [case for case in record.cases if case.verdict is Verdict.WEAK]


def attention(record: Record) -> list[Case]:
    """List the cases that deserve a look: failures, errors, recommendations not followed."""
    return [*troubled(record), *weak(record)]


def closings(record: Record) -> list[str]:
    """Say in one sentence how the broker ended connections, if it ended any."""
    counts = by_closing(record.cases)
    told = ", ".join(f"{count} {closing}" for closing, count in counts.items())
    return [f"Connections that the broker ended, by case: {told}."] if told else []


def caveats(record: Record) -> list[str]:
    """Warn of what is missing from the record, if anything is."""
    warnings = []
    if not record.complete:
        warnings.append(
            "The record has no footer: the run was cut short, and cases may be missing."
        )
    if record.torn:
        warnings.append("The last line of the record was half written and has been dropped.")
    return warnings


def facts(record: Record) -> list[tuple[str, str]]:
    """List what a reader needs to place the run, as pairs of name and value."""
    header = record.header
    configuration = ", ".join(f"{k}={v}" for k, v in header.broker.configuration.items())
    pairs = [
        ("Broker", header.broker.spec),
        ("Configuration", configuration),
        ("Started", moment(header.started)),
        ("Took", _elapsed(record)),
        ("Platform", header.platform),
        ("Python", header.python),
        ("mqproof", header.project),
        ("Repeat with", header.repeat),
    ]
    return [(name, visible(value)) for name, value in pairs if value]


def evidence(case: Case) -> list[tuple[str, str]]:
    """List what was seen and said about a case, as pairs of name and value, without the blanks."""
    pairs = [
        ("Expected", case.expected),
        ("Actual", case.actual),
        ("Observation", case.observation),
        ("Closing", case.closing),
        ("Reason", case.reason),
    ]
    return [(name, visible(value)) for name, value in pairs if value]


def told(case: Case) -> str:
    """Say in one line why a case has its verdict; empty where there is nothing to say."""
    seen = [text for text in (case.reason, case.observation) if text]
    if not case.reason and case.expected and case.actual:
        seen.insert(0, f"expected {case.expected}, got {case.actual}")
    return visible("; ".join(" ".join(text.split()) for text in seen))


def moment(when: datetime) -> str:
    """Write a moment in UTC, to the second."""
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def lasted(seconds: float) -> str:
    """Write a duration with as many digits as matter."""
    if seconds < _MILLISECOND:
        return "under 1 ms"
    if seconds < _ALMOST_A_SECOND:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _ALMOST_A_MINUTE:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def visible(text: str) -> str:
    """Write control and invisible format characters as escapes, keeping lines and tabs."""
    if text.isprintable():  # nearly all of a record is, and records are long
        return text
    return "".join(c if c in "\n\t" or not _hidden(c) else _escaped(c) for c in text)


def web_link(link: str | None) -> str | None:
    """Give a link that a page may make clickable; any scheme but http(s) gives None."""
    return link if link and link.startswith(("https://", "http://")) else None


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - one byte


def _elapsed(record: Record) -> str:
    if record.footer is None:
        return ""
    return lasted((record.footer.finished - record.header.started).total_seconds())


def _counted(counts: Counts) -> str:
    return ", ".join(
        f"{counts[verdict]} {words[counts[verdict] != 1]}"
        for verdict, words in _COUNTED.items()
        if counts[verdict] or verdict in _ALWAYS_COUNTED
    )


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
