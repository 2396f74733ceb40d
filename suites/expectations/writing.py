"""From records of runs to a file of expectations, for review: what failed, and what is known of it.

An entry that the broker's file has already keeps its reason and link. A new one says that nobody
has looked at it yet; the project's tests refuse such an entry, so that somebody does.
"""

import glob
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reports.model import Case, Record, Verdict
from suites.expectations import Expectation

UNREVIEWED = "Not reviewed:"
"""How the reason of an entry begins that nobody has looked at."""

FAILED = frozenset({Verdict.FAIL, Verdict.WEAK, Verdict.DEVIATION})
DECIDED = FAILED | {Verdict.PASS, Verdict.INFORMATIONAL}
_MADE_UP = re.compile(r"mqproof\.[\w.-]+|[0-9a-f]{8}(?![0-9a-f])")  # names, other in each run
LONGEST = 160  # characters of a form that is written whole


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test came to in all records: canonical forms, None for a pass."""

    test: str
    requirements: tuple[str, ...]
    forms: frozenset[str | None]
    message: str

    @property
    def failed(self) -> bool:
        """Whether it failed at least once, and what came has a form."""
        return any(form is not None for form in self.forms)


def outcomes(records: Iterable[Record]) -> list[Outcome]:
    """The tests of these runs; a failure without a canonical form counts as none."""
    found: dict[str, Outcome] = {}
    for case in (case for record in records for case in record.cases):
        if case.verdict not in DECIDED:
            continue
        form, message = _form(case), ""
        if form is not None:
            message = f"expected {_cut(case.expected or '')}, got {_cut(case.actual or '')}"
        known = found.get(case.test)
        found[case.test] = Outcome(
            case.test,
            tuple(case.requirements),
            frozenset({form}) | (known.forms if known else frozenset()),
            message or (known.message if known else ""),
        )
    return list(found.values())


def formless(records: Iterable[Record]) -> list[str]:
    """Tests that failed without a canonical form, which no expectation can describe."""
    return sorted(
        {
            case.test
            for record in records
            for case in record.cases
            if case.verdict in FAILED and case.actual is None
        }
    )


def _form(case: Case) -> str | None:
    """The canonical form of what came instead, None where the test passed.

    What is made up for each run, and the rest of a long form, are the `*` of a pattern.
    """
    form = case.actual
    if case.verdict not in FAILED or form is None:
        return None
    if len(form) <= LONGEST and not _MADE_UP.search(form):
        return form
    pieces = _MADE_UP.split(form[:LONGEST])
    return "*".join(map(glob.escape, pieces)) + ("*" if len(form) > LONGEST else "")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def expectations(
    found: Sequence[Outcome], known: Sequence[Expectation], link: str
) -> list[Expectation]:
    """An entry for each failure; one for a requirement where all of its tests fail alike."""
    entries: list[Expectation] = []
    for requirement, tests in _by_requirement(found).items():
        forms = {test.forms for test in tests}
        if len(forms) == 1:
            entries += _entries(requirement, "", tests[0])
        else:
            for test in tests:
                entries += _entries(requirement, _suffix(test.test), test)
    return [_reviewed(entry, known, link) for entry in entries]


def _by_requirement(found: Sequence[Outcome]) -> Mapping[str, list[Outcome]]:
    """The tests of each requirement of which one fails; a test counts for the first it bears."""
    grouped: dict[str, list[Outcome]] = {}
    for outcome in found:
        grouped.setdefault(outcome.requirements[0], []).append(outcome)
    return {
        requirement: tests
        for requirement, tests in sorted(grouped.items())
        if any(test.failed for test in tests)
    }


def _entries(requirement: str, test: str, outcome: Outcome) -> Iterator[Expectation]:
    forms = sorted(form for form in outcome.forms if form is not None)
    for form in forms:
        reason = f"{UNREVIEWED} {outcome.message}."
        yield Expectation(
            requirement, form, reason, "", test=test, sometimes=len(outcome.forms) > 1
        )


def _suffix(test: str) -> str:
    return test.rpartition("::")[2]


def _reviewed(entry: Expectation, known: Sequence[Expectation], link: str) -> Expectation:
    """With reason, link and versions of the entry that says the same already, if there is one."""
    for old in known:
        same_test = not old.test or not entry.test or entry.test.endswith(old.test)
        if old.requirement == entry.requirement and old.describes(entry.observed) and same_test:
            kept = replace(entry, reason=old.reason, link=old.link, versions=old.versions)
            return replace(kept, observed=old.observed)
    return replace(entry, link=link)


def text(entries: Sequence[Expectation], head: str) -> str:
    """The file's text: one table an entry, each once."""
    tables = dict.fromkeys(map(_table, entries))
    return "\n".join([f"# {line}" if line else "#" for line in head.splitlines()] + ["", *tables])


def _table(entry: Expectation) -> str:
    pairs = {
        "requirement": entry.requirement,
        "versions": entry.versions,
        "test": entry.test,
        "observed": entry.observed,
    }
    lines = ["[[expectation]]", *(f"{key} = {quoted(v)}" for key, v in pairs.items() if v)]
    lines += ["sometimes = true"] if entry.sometimes else []
    return "\n".join(
        [*lines, f"reason = {quoted(entry.reason)}", f"link = {quoted(entry.link)}", ""]
    )


def quoted(value: str) -> str:
    """A basic string of TOML."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
