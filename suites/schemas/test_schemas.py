import json
import os
from pathlib import Path

import jsonschema
import msgspec
import pytest
import xmlschema

from reports.model import Record, Verdict
from reports.render import ctrf, junit
from suites.unit.test_reports import case
from suites.unit.test_reports_render import HOSTILE, evident, whole

FOLDER = "SCHEMAS"  # the environment variable by which `nox -s schemas` tells where they are
XML_HOSTILE = f"{HOSTILE} \x00 \ufffe ]]>"


def _published(pattern: str) -> Path:
    folder = os.environ.get(FOLDER)
    assert folder, f"no {FOLDER} in the environment: run this by `nox -s schemas`"
    (path,) = Path(folder).glob(pattern)
    return path


@pytest.fixture(scope="session")
def ctrf_schema() -> jsonschema.Draft7Validator:
    """What the makers of CTRF publish with their own library."""
    schema = json.loads(_published("**/dist/ctrf-schema-*.json").read_text(encoding="utf-8"))
    return jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.fixture(scope="session")
def junit_schema() -> xmlschema.XMLSchema:
    """What Jenkins' reader of JUnit reports publishes, as pytest's own tests carry it."""
    return xmlschema.XMLSchema(_published("**/junit-10.xsd"))


def records() -> list[Record]:
    """Runs with each verdict, with all, with hostile text in each place, empty, and cut short."""
    each = [evident(verdict) for verdict in Verdict]
    hostile = msgspec.structs.replace(evident(Verdict.FAIL, XML_HOSTILE), area=XML_HOSTILE)
    return [
        *(whole(one) for one in each),
        whole(*each),
        whole(hostile, code=1),
        whole(code=5),
        Record(header=whole().header, cases=[case()]),
    ]


@pytest.mark.parametrize("record", records())
def test_ctrf(record: Record, ctrf_schema: jsonschema.Draft7Validator) -> None:
    """The document holds to the schema."""
    ctrf_schema.validate(json.loads(ctrf.render(record)))


@pytest.mark.parametrize("record", records())
def test_junit(record: Record, junit_schema: xmlschema.XMLSchema) -> None:
    """The document holds to the schema."""
    junit_schema.validate(junit.render(record))


def test_the_schemas_refuse(
    ctrf_schema: jsonschema.Draft7Validator, junit_schema: xmlschema.XMLSchema
) -> None:
    """What is not in them is not taken: the judges are awake."""
    document = json.loads(ctrf.render(whole(evident(Verdict.PASS))))
    document["results"]["tests"][0]["status"] = "deviation"
    assert not ctrf_schema.is_valid(document)
    spoilt = junit.render(whole(evident(Verdict.FAIL))).replace("<failure", "<deviation")
    assert not junit_schema.is_valid(spoilt.replace("</failure", "</deviation"))
