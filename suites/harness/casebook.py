"""A conformance test as the record's case, in plain data that xdist can carry."""

import re
import shlex
from dataclasses import asdict
from typing import Any

import msgspec
import pytest

from reports.model import Case, Level, Requirement, Verdict
from suites.harness.collection import requirements_of
from suites.harness.evidence import EVIDENCE, Evidence
from suites.harness.station import Station
from suites.harness.verdict import End, Judgement, Seen
from suites.requirements import LEVELS, named

CASE, BEGUN, IDENTITY = "mqproof_case", "mqproof_begun", "mqproof_identity"
"""Attributes of a test's reports: the case on the last, the others on the first."""

HEAD, TAIL = 30, 10  # lines of a pass's transcript: evidence enough, and records stay small
SHOWN = 80  # characters of a parameter's value
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def begun(item: pytest.Item, station: Station) -> dict[str, Any]:
    """The case as it stands if nothing more is ever heard of the test."""
    seen = Seen(End.BROKEN)
    reason = "the test process ended during this test"
    return _case(item, station, Evidence(), seen, Judgement(Verdict.ERROR, reason))


def finished(item: pytest.Item, station: Station) -> dict[str, Any]:
    """The judged case with its evidence."""
    evidence = item.stash[EVIDENCE]
    if evidence.seen is None or evidence.judgement is None:
        raise RuntimeError(f"{item.nodeid} was not judged")
    return _case(item, station, evidence, evidence.seen, evidence.judgement)


def identity(station: Station) -> dict[str, Any]:
    """Who the broker says it is."""
    return {**asdict(station.identity), "spec": station.spec}


def repeat_command(spec: str, identifiers: list[str] | None = None) -> str:
    """The command that runs the whole again, or only the tests of these requirements."""
    words = ["nox", "-s", "conformance", "--", "--broker", spec]
    for identifier in identifiers or []:
        words += ["--requirement", identifier]
    return shlex.join(words)


def _case(
    item: pytest.Item, station: Station, evidence: Evidence, seen: Seen, judgement: Judgement
) -> dict[str, Any]:
    identifiers = requirements_of(item)
    requirements = [named(identifier) for identifier in identifiers]
    lines = evidence.transcript.lines
    parameters = _parameters(item)
    case = Case(
        test=item.nodeid,
        requirements=identifiers,
        area=requirements[0].area,
        level=level_of(item),
        summary=requirements[0].summary,
        verdict=judgement.verdict,
        started=evidence.began,
        duration=evidence.seconds,
        repeat=repeat_command(station.spec, identifiers),
        expected=seen.expected,
        actual=seen.actual,
        observation=evidence.observation,
        closing=evidence.closing,
        reason=judgement.reason,
        link=judgement.link,
        rules=sorted({rule for requirement in requirements for rule in requirement.rules}),
        transcript=_shortened(lines) if judgement.verdict is Verdict.PASS else lines,
        log=evidence.log,
        seed=_seed(parameters),
        also=[_requirement(identifier) for identifier in identifiers[1:]],
        parameters=parameters,
    )
    data: dict[str, Any] = msgspec.to_builtins(case)
    return data


def _requirement(identifier: str) -> Requirement:
    found = named(identifier)
    level = Level(found.level)
    return Requirement(id=found.id, area=found.area, level=level, summary=found.summary)


def _parameters(item: pytest.Item) -> dict[str, str]:
    """What the test was called with, values of any kind as short text."""
    call = getattr(item, "callspec", None)
    found = call.params if call is not None else {}
    return {name: _short(value) for name, value in found.items()}


def _seed(parameters: dict[str, str]) -> int | None:
    found = (value for name, value in parameters.items() if name.endswith("seed"))
    return next((int(value) for value in found if value.isdecimal()), None)


def _short(value: object) -> str:
    """The value, or the name of what has one; an address in memory tells nobody anything."""
    name = getattr(value, "__name__", None) or getattr(value, "id", None)
    text = name if isinstance(name, str) else value if isinstance(value, str) else repr(value)
    text = _ADDRESS.sub("", text)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _shortened(lines: list[str]) -> list[str]:
    """The beginning and the end, where what is between is long."""
    left_out = len(lines) - HEAD - TAIL
    if left_out <= 1:
        return lines
    return [*lines[:HEAD], f"… {left_out} lines of a pass left out", *lines[-TAIL:]]


def level_of(item: pytest.Item) -> Level:
    """The most binding level of the requirements that a test bears."""
    levels = [named(identifier).level for identifier in requirements_of(item)]
    return Level(min(levels, key=LEVELS.index))
