"""A run in the Common Test Report Format (https://ctrf.io), version 1 of its specification."""

import uuid
from datetime import datetime
from typing import Any

import msgspec

from reports.analyse import tally
from reports.model import Case, Record, Verdict
from reports.render import words

VERSION = "1.0.0"
STATUSES = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.WEAK: "other",
    Verdict.DEVIATION: "other",
    Verdict.INFORMATIONAL: "passed",
    Verdict.UNSUPPORTED: "skipped",
    Verdict.ERROR: "failed",  # the format has no word for it, and a gate must not let it through
}
"""What each verdict is there; `rawStatus` keeps our word."""

_NAMESPACE = uuid.UUID("a1d5c0de-0f09-5a0e-9c1a-6d7170726f6f")  # ids from names, stable over runs
_MILLISECONDS = 1000


def render(record: Record) -> str:
    """Write the document; no time in it is later than the record's own."""
    report = {
        "reportFormat": "CTRF",
        "specVersion": VERSION,
        "reportId": _identity(record.header.broker.spec, record.header.started.isoformat()),
        "timestamp": _last(record).isoformat(),
        "generatedBy": f"mqproof {record.header.project}",
        "results": {
            "tool": {"name": "mqproof", "version": record.header.project},
            "summary": _summary(record),
            "tests": [_test(case) for case in record.cases],
            "environment": _environment(record),
        },
    }
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode() + "\n"


def _identity(*names: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "\n".join(names)))


def _last(record: Record) -> datetime:
    if record.footer is not None:
        return record.footer.finished
    return max((case.started for case in record.cases), default=record.header.started)


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * _MILLISECONDS)


def _summary(record: Record) -> dict[str, Any]:
    found = [STATUSES[case.verdict] for case in record.cases]
    start, stop = _stamp(record.header.started), _stamp(_last(record))
    words_of = ("passed", "failed", "skipped", "pending", "other")
    return {
        "tests": len(found),
        **{status: found.count(status) for status in words_of},
        "suites": len({case.area for case in record.cases}),
        "start": start,
        "stop": stop,
        "duration": stop - start,
        "extra": {"verdicts": dict(tally(case.verdict for case in record.cases))},
    }


def _environment(record: Record) -> dict[str, Any]:
    header = record.header
    return {
        "appName": header.broker.product,
        "appVersion": header.broker.version,
        "osPlatform": header.platform,
        "testEnvironment": header.broker.spec,
        "extra": {"python": header.python, "configuration": header.broker.configuration},
    }


def _test(case: Case) -> dict[str, Any]:
    start = _stamp(case.started)
    length = round(case.duration * _MILLISECONDS)
    told = {
        "id": _identity(case.test),
        "name": words.visible(case.test),
        "status": STATUSES[case.verdict],
        "duration": length,
        "start": start,
        "stop": start + length,
        "suite": [words.visible(case.area)],
        "message": words.told(case),
        "trace": words.visible("\n".join(case.transcript)),
        "rawStatus": case.verdict,
        "tags": [words.visible(name) for name in (case.level, *case.requirements)],
        "type": "conformance",
        "filePath": case.test.partition("::")[0],
        "stdout": words.visible(case.log).splitlines() if case.log else [],
        "parameters": case.parameters,
        "extra": {"summary": case.summary, "repeat": case.repeat, "link": case.link},
    }
    return {name: value for name, value in told.items() if value not in ("", [], {})}
