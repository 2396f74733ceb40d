"""Runs as results for Allure, of which the `allure` command makes its web report.

A folder of results may hold any number of brokers: the broker is a parameter of each test, so that
two of them are two results and not retries of one.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from reports.model import Case, Level, Record, RecordError, Verdict
from reports.render import words

STATUSES = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.WEAK: "skipped",
    Verdict.DEVIATION: "skipped",
    Verdict.INFORMATIONAL: "passed",
    Verdict.UNSUPPORTED: "skipped",
    Verdict.ERROR: "broken",
}
"""What each verdict is there; the message begins with our word, and the categories go by it."""

SEVERITIES = {
    Level.MUST: "critical",
    Level.RABBITMQ: "normal",
    Level.MEMCACHEQ: "normal",
    Level.SHOULD: "minor",
    Level.MAY: "trivial",
}
EPICS = {
    "": "AMQP 0-9-1",
    "memcacheq": "memcached's text protocol",
    "management": "HTTP API of the management",
}
"""The protocol by the folder of the suite; "" is that of all others."""

CATEGORIES = {
    Verdict.FAIL: "Requirements not met",
    Verdict.ERROR: "Trouble of the harness",
    Verdict.WEAK: "Recommendations not followed",
    Verdict.DEVIATION: "Known deviations",
    Verdict.UNSUPPORTED: "Unsupported",
}
_STEPS = 100  # of one case; the attached transcript has all
_NAME_LIMIT = 160
_LINE = re.compile(r"\s*(\d+\.\d+) (\S+) ([<>]) (.*)", re.DOTALL)


def write(records: Sequence[Record], folder: Path) -> int:
    """Write the results into the folder, and give their number; older results there go.

    The folder's `history`, which the `allure` command reads, is left alone.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for old in (path for path in folder.iterdir() if path.is_file()):
            old.unlink()
        for record, name in zip(records, words.names(records), strict=True):
            for case in record.cases:
                _write_case(folder, record, name, case)
        _write_surroundings(folder, records)
    except OSError as error:
        raise RecordError(f"cannot write to {folder}: {error.strerror}") from error
    return sum(len(record.cases) for record in records)


def _write_case(folder: Path, record: Record, broker: str, case: Case) -> None:
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{record.header.started} {broker} {case.test}")
    attachments = []
    for kind, lines in (("transcript", "\n".join(case.transcript)), ("log", case.log)):
        if lines:
            source = f"{identity}-{kind}-attachment.txt"
            (folder / source).write_text(words.visible(lines), encoding="utf-8")
            attachments.append({"name": kind, "source": source, "type": "text/plain"})
    result = _result(broker, case) | {"uuid": str(identity), "attachments": attachments}
    (folder / f"{identity}-result.json").write_bytes(msgspec.json.encode(result))


def _result(broker: str, case: Case) -> dict[str, Any]:
    start = _stamp(case.started)
    parameters = {"broker": broker, **case.parameters}
    requirement = case.requirements[0] if case.requirements else case.test
    details = {"message": _message(case), "known": case.verdict is Verdict.DEVIATION}
    return {
        "name": words.visible(f"{requirement}: {case.summary}"),
        "fullName": case.test,
        "testCaseId": _digest(case.test),
        "historyId": _digest(case.test, *(f"{n}={v}" for n, v in sorted(parameters.items()))),
        "status": STATUSES[case.verdict],
        "statusDetails": details if _message(case) else {},
        "description": f"Repeat with: `{words.visible(case.repeat)}`",
        "stage": "finished",
        "start": start,
        "stop": start + round(case.duration * 1000),
        "labels": [{"name": n, "value": words.visible(v)} for n, v in _labels(broker, case)],
        "links": _links(case),
        "parameters": [{"name": n, "value": words.visible(v)} for n, v in parameters.items()],
        "steps": _steps(case, start),
    }


def _labels(broker: str, case: Case) -> Iterable[tuple[str, str]]:
    folder = case.test.split("/")[1] if case.test.count("/") > 1 else ""
    yield "epic", EPICS.get(folder, EPICS[""])
    yield "feature", case.area
    yield from (("story", identifier) for identifier in case.requirements)
    yield "severity", SEVERITIES[case.level]
    yield "tag", case.level
    yield "tag", case.verdict
    yield "parentSuite", broker
    yield "suite", case.area
    yield "framework", "mqproof"
    yield "language", "python"


def _links(case: Case) -> list[dict[str, str]]:
    found = []
    if link := words.web_link(case.link):
        kind = "issue" if "/issues/" in link else "link"
        found.append({"type": kind, "name": "why it deviates", "url": link})
    # A published copy of the specification; rules are named by class, method, field.
    page = "https://www.rabbitmq.com/amqp-0-9-1-reference.html"
    found += [{"type": "tms", "name": words.visible(r), "url": page} for r in case.rules]
    return found


def _message(case: Case) -> str:
    told = words.told(case)
    if case.verdict is Verdict.PASS:
        return ""
    pair = [f"{n}: {v}" for n, v in words.evidence(case) if n in {"Expected", "Actual"}]
    return "\n".join([f"{case.verdict}: {told}", *pair])


def _steps(case: Case, start: int) -> list[dict[str, Any]]:
    """A step for each thing that was sent, with what came until the next as steps within it."""
    steps: list[dict[str, Any]] = []
    for line in case.transcript:
        found = _LINE.match(line)
        if found is None:
            continue
        seconds, client, way, what = found.groups()
        at = start + round(float(seconds) * 1000)
        name = words.visible(f"{client} {'sends' if way == '>' else 'gets'} {what}")[:_NAME_LIMIT]
        step = {"name": name, "status": "passed", "start": at, "stop": at}
        if way == "<" and steps:
            steps[-1]["steps"].append(step)
            steps[-1]["stop"] = at
        elif len(steps) < _STEPS:
            steps.append(step | {"steps": []})
    if steps and STATUSES[case.verdict] in {"failed", "broken"}:
        steps[-1]["status"] = STATUSES[case.verdict]
    return steps


def _write_surroundings(folder: Path, records: Sequence[Record]) -> None:
    """Environment, categories and executor, by the names that Allure looks for."""
    categories = [
        {"name": name, "matchedStatuses": [STATUSES[verdict]], "messageRegex": f"(?s){verdict}:.*"}
        for verdict, name in CATEGORIES.items()
    ]
    (folder / "categories.json").write_bytes(msgspec.json.encode(categories))
    names = words.names(records)
    lines = [
        f"{_key(name)}.{_key(fact)}={words.visible(value)}"
        for name, record in zip(names, records, strict=True)
        for fact, value in words.facts(record)
    ]
    (folder / "environment.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    last = max(record.header.started for record in records)
    executor = {
        "name": "mqproof",
        "type": "mqproof",
        "buildName": f"{', '.join(names)}, {words.moment(last)}",
        "buildOrder": round(last.timestamp()),
        "reportName": "mqproof: message brokers on trial",
    }
    (folder / "executor.json").write_bytes(msgspec.json.encode(executor))


def _key(text: str) -> str:
    """A name that a line of properties may begin with."""
    return re.sub(r"[^\w.-]+", "-", words.visible(text)).strip("-")


def _digest(*names: str) -> str:
    return hashlib.md5("\n".join(names).encode(), usedforsecurity=False).hexdigest()


def _stamp(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
