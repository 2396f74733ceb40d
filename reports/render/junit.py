"""A run as JUnit XML, in the form that Jenkins and most CI services read: a suite an area."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from reports.analyse import by_area
from reports.model import Case, Record, Verdict
from reports.render import words

ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.ERROR: "error",
    Verdict.WEAK: "skipped",
    Verdict.DEVIATION: "skipped",
    Verdict.UNSUPPORTED: "skipped",
}
"""What each verdict is there, and nothing for those that have nothing against the broker."""

# XML 1.0 knows no escape for these.
_UNKNOWN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(record: Record) -> str:
    """Write the document; the type of an element is our verdict."""
    root = ET.Element("testsuites", _counts(record.cases), name=_clean(words.product(record)))
    for area in by_area(record.cases):
        root.append(_suite(record, area, [case for case in record.cases if case.area == area]))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _counts(cases: Iterable[Case]) -> dict[str, str]:
    found = list(cases)
    elements = [ELEMENTS.get(case.verdict) for case in found]
    return {
        "tests": str(len(found)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "time": f"{sum(case.duration for case in found):.3f}",
    }


def _suite(record: Record, area: str, cases: list[Case]) -> ET.Element:
    skipped = sum(ELEMENTS.get(case.verdict) == "skipped" for case in cases)
    started = min(case.started for case in cases)
    suite = ET.Element(
        "testsuite",
        _counts(cases),
        name=_clean(area),
        skipped=str(skipped),
        timestamp=f"{started:%Y-%m-%dT%H:%M:%S}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in words.facts(record):
        ET.SubElement(properties, "property", name=_clean(name), value=_clean(value))
    for case in cases:
        suite.append(_testcase(case))
    return suite


def _testcase(case: Case) -> ET.Element:
    file, _, name = case.test.partition("::")
    classname = file.removesuffix(".py").replace("/", ".")
    made = ET.Element(
        "testcase",
        name=_clean(name or file),
        classname=_clean(classname),
        time=f"{case.duration:.3f}",
    )
    element = ELEMENTS.get(case.verdict)
    if element is not None:
        told = ET.SubElement(made, element, type=case.verdict, message=_clean(words.told(case)))
        told.text = _clean("\n".join([*_evidence(case), *case.transcript]))
    elif case.observation:
        ET.SubElement(made, "system-out").text = _clean(case.observation)
    if case.log:
        ET.SubElement(made, "system-err").text = _clean(case.log)
    return made


def _evidence(case: Case) -> list[str]:
    ids = [f"Requirement: {identifier}" for identifier in case.requirements]
    named = [f"{name}: {value}" for name, value in words.evidence(case)]
    return [*ids, *named, f"Repeat with: {case.repeat}"]


def _clean(text: str) -> str:
    return _UNKNOWN.sub("\N{REPLACEMENT CHARACTER}", words.visible(text))
