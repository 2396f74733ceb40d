"""The documents for programs: every verdict, hostile text, and the formats' published schemas.

The shapes below restate the schemas in our own words: CTRF's (ctrf-io/ctrf, schema/
ctrf.schema.json, version 1) and that of Jenkins' JUnit reader (jenkinsci/xunit-plugin,
junit-10.xsd). What they do not name is refused.
"""

import re
from typing import Annotated, Literal
from uuid import UUID
from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec import Meta, Struct

from reports.model import Footer, Record, Verdict
from reports.render import RENDERERS, badge, ctrf, junit, markdown, words
from suites.unit.test_reports import case
from suites.unit.test_reports_render import HOSTILE, evident, whole

STATUS = Literal["passed", "failed", "skipped", "pending", "other"]
Text = Annotated[str, Meta(min_length=1)]


class Strict(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A shape that allows only what it names."""


class Tool(Strict):
    """CTRF's tool."""

    name: Text
    version: str = ""


class Summary(Strict):
    """CTRF's counts; moments in milliseconds since the epoch."""

    tests: int
    passed: int
    failed: int
    skipped: int
    pending: int
    other: int
    start: int
    stop: int
    suites: int = 0
    duration: int = 0
    extra: dict[str, object] = {}


class Test(Strict):
    """CTRF's test."""

    __test__ = False

    name: Text
    status: STATUS
    duration: int
    id: UUID | None = None
    start: int = 0
    stop: int = 0
    suite: list[str] = []
    message: str = ""
    trace: str = ""
    rawStatus: str = ""  # noqa: N815 - the format's name
    tags: list[str] = []
    type: str = ""
    filePath: str = ""  # noqa: N815 - the format's name
    stdout: list[str] = []
    parameters: dict[str, object] = {}
    extra: dict[str, object] = {}


class Environment(Strict):
    """CTRF's environment."""

    appName: str = ""  # noqa: N815 - the format's name
    appVersion: str = ""  # noqa: N815 - the format's name
    osPlatform: str = ""  # noqa: N815 - the format's name
    testEnvironment: str = ""  # noqa: N815 - the format's name
    extra: dict[str, object] = {}


class Results(Strict):
    """CTRF's results."""

    tool: Tool
    summary: Summary
    tests: list[Test]
    environment: Environment | None = None


class Report(Strict):
    """A CTRF document."""

    reportFormat: Literal["CTRF"]  # noqa: N815 - the format's name
    specVersion: Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$")]  # noqa: N815
    results: Results
    reportId: UUID | None = None  # noqa: N815 - the format's name
    timestamp: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$")] = ""
    generatedBy: str = ""  # noqa: N815 - the format's name


# Element: attributes that must be, that may be, children that may be.
TIME = re.compile(r"\d*(\.\d*)?")
COUNTS = {"tests", "failures", "errors"}
JUNIT: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", *COUNTS}, {"testsuite"}),
    "testsuite": (
        {"name", *COUNTS},
        {"time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname", "group"},
        {"skipped", "error", "failure", "system-out", "system-err"},
    ),
    "skipped": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "failure": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
    "system-err": (set(), set(), set()),
}


def valid_ctrf(record: Record) -> Report:
    """The document of a record, seen to be valid."""
    return msgspec.json.decode(ctrf.render(record), type=Report)


def valid_junit(record: Record) -> ET.Element:
    """The document of a record, seen to be valid and to count right."""
    root = ET.fromstring(junit.render(record))  # noqa: S314 - our own document
    assert root.tag == "testsuites"
    for element in root.iter():
        needed, allowed, children = JUNIT[element.tag]
        assert needed <= set(element.attrib) <= needed | allowed, element.tag
        assert {child.tag for child in element} <= children, element.tag
        assert TIME.fullmatch(element.get("time", ""))
    for suite in (root, *root.iter("testsuite")):
        for name, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert suite.get(name) == str(len([*suite.iter(tag)]))
    return root


@pytest.mark.parametrize("verdict", Verdict)
def test_ctrf_has_each_verdict(verdict: Verdict) -> None:
    """A lone case of any verdict has its status, and is counted under it alone."""
    report = valid_ctrf(whole(evident(verdict)))
    status = ctrf.STATUSES[verdict]
    summary = report.results.summary
    counts = [summary.passed, summary.failed, summary.skipped, summary.pending, summary.other]
    assert sum(counts) == summary.tests == 1
    assert getattr(summary, status) == 1
    (test,) = report.results.tests
    assert (test.status, test.rawStatus, test.duration) == (status, verdict, 250)
    assert test.stop - test.start == test.duration
    assert "reason seen" in test.message
    assert test.trace == "first seen\nsecond seen"
    assert test.stdout == ["log seen"]
    assert test.extra["repeat"] == "repeat seen"


def test_only_what_may_fail_a_run_fails_in_ctrf() -> None:
    """A gate on the document and the run's own exit code agree."""
    failed = {verdict for verdict, status in ctrf.STATUSES.items() if status == "failed"}
    assert failed == {Verdict.FAIL, Verdict.ERROR}


def test_ctrf_ids_stay_the_same_from_run_to_run() -> None:
    """A test is known again by its id in a later report."""
    first, second = (valid_ctrf(whole(case(v))).results.tests[0] for v in [Verdict.PASS] * 2)
    assert first.id == second.id is not None


@pytest.mark.parametrize("verdict", Verdict)
def test_junit_has_each_verdict(verdict: Verdict) -> None:
    """Failures are failures and errors are errors; what is known or lacking is skipped."""
    root = valid_junit(whole(evident(verdict)))
    (testcase,) = root.iter("testcase")
    (suite,) = root
    wanted = junit.ELEMENTS.get(verdict)
    found = [child for child in testcase if not child.tag.startswith("system-")]
    assert [child.tag for child in found] == ([wanted] if wanted else [])
    assert suite.get("skipped") == str(int(wanted == "skipped"))
    for child in found:
        assert child.get("type") == verdict
        assert "reason seen" in (child.get("message") or "")
        for text in ("expected seen", "actual seen", "first seen", "repeat seen"):
            assert text in (child.text or "")
    if not wanted:
        assert testcase.findtext("system-out") == "observation seen"


def test_junit_failures_and_errors_are_told_apart() -> None:
    """A broker that fails and a harness that breaks are never one number."""
    assert junit.ELEMENTS[Verdict.FAIL] == "failure"
    assert junit.ELEMENTS[Verdict.ERROR] == "error"


@pytest.mark.parametrize("name", ["ctrf", "junit", "badge"])
def test_hostile_text_breaks_no_document(name: str) -> None:
    """Markup, control characters and what XML cannot hold at all are harmless."""
    text = f"{HOSTILE} \x00 \ufffe ]]>"
    record = whole(msgspec.structs.replace(evident(Verdict.FAIL, text), area=text), code=1)
    if name == "ctrf":
        valid_ctrf(record)
    elif name == "junit":
        valid_junit(record)
    else:
        ET.fromstring(badge.render(record))  # noqa: S314 - our own document


@pytest.mark.parametrize("name", ["ctrf", "junit", "badge", "summary"])
def test_cut_and_empty_runs_have_documents(name: str) -> None:
    """Without a footer or a case each document is still whole."""
    cut = Record(header=whole().header, cases=[case()])
    assert RENDERERS[name](cut)
    assert RENDERERS[name](whole(code=5))
    valid_ctrf(cut)
    valid_ctrf(whole(code=5))
    valid_junit(cut)
    valid_junit(whole(code=5))


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (Verdict.PASS, "✓ 1 of 1 requirements"),
        (Verdict.FAIL, "✗ 0 of 1 requirements"),
        (Verdict.WEAK, "✓ 0 of 1 requirements"),
        (Verdict.DEVIATION, "✓ 0 of 1 requirements"),
        (Verdict.INFORMATIONAL, "✓ 1 of 1 requirements"),
        (Verdict.UNSUPPORTED, "✓ 0 of 0 requirements"),
        (Verdict.ERROR, "✗ 0 of 0 requirements"),
    ],
)
def test_badge_counts_what_was_met(verdict: Verdict, told: str) -> None:
    """The sign is the run's outcome, the numbers are requirements met of those decided."""
    drawn = ET.fromstring(badge.render(whole(case(verdict))))  # noqa: S314 - our own document
    assert drawn.get("aria-label") == f"RabbitMQ 3.10.8: {told}"
    assert [text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")][1] == told


def test_badge_of_a_run_that_was_cut_says_so() -> None:
    """Numbers of a part are not passed for those of the whole."""
    cut = Record(header=whole().header, cases=[case()])
    assert badge.told(cut) == "… 1 of 1 requirements so far"


@pytest.mark.parametrize("verdict", Verdict)
def test_summary_lists_only_what_deserves_a_look(verdict: Verdict) -> None:
    """Failures, errors and weak cases have a line with reason and command; all are counted."""
    text = markdown.summary(whole(evident(verdict)))
    listed = verdict in {Verdict.FAIL, Verdict.ERROR, Verdict.WEAK}
    assert ("repeat seen" in text) is listed
    assert f"{words.SIGNS[verdict]} {verdict}" in text


def test_summary_of_a_very_bad_run_fits() -> None:
    """GitHub takes 1 MiB; ten thousand failures fit."""
    text = markdown.summary(whole(*[evident(Verdict.FAIL)] * 10_000, code=1))
    assert len(text.encode()) < 2**20
    assert "… and 9900 more: see the report." in text


def test_footer_is_what_ends_the_time() -> None:
    """The document's duration is that from the header to the footer."""
    record = whole(case())
    later = msgspec.structs.replace(
        record, footer=Footer(finished=record.header.started, counts={}, exit_code=0)
    )
    assert valid_ctrf(later).results.summary.duration == 0
