"""Results for Allure straight from pytest, by `--alluredir DIR`; `nox -s allure` takes records.

Both say the same of a test: protocol, area, requirement, severity, and the broker as a parameter,
so that two brokers are two results and not retries of one.
"""

from collections.abc import Iterator

import allure
import pytest

from reports.render.allure import EPICS, SEVERITIES
from suites.harness.casebook import level_of
from suites.harness.collection import requirements_of
from suites.harness.evidence import EVIDENCE
from suites.harness.station import STATION
from suites.requirements import named


@pytest.fixture(autouse=True)
def _told_to_allure(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a conformance test is, and the conversation that it had."""
    item = request.node
    identifiers = requirements_of(item)
    if not request.config.getoption("allure_report_dir", None) or not identifiers:
        yield
        return
    say = allure.dynamic.label
    say("epic", EPICS.get(item.path.parent.name, EPICS[""]))
    say("feature", named(identifiers[0]).area)
    say("story", *identifiers)
    say("severity", SEVERITIES[level_of(item)])
    allure.dynamic.parameter("broker", request.config.stash[STATION].spec)
    yield
    if lines := item.stash[EVIDENCE].transcript.lines:
        allure.attach("\n".join(lines), "transcript", allure.attachment_type.TEXT)
