"""From records of runs to a file of expectations."""

from pathlib import Path

import msgspec
import pytest

from reports.model import Case, Record, Verdict
from suites.expectations import Expectation, read
from suites.expectations.__main__ import main
from suites.expectations.writing import (
    UNREVIEWED,
    expectations,
    formless,
    outcomes,
    quoted,
    text,
)
from suites.unit.test_reports import begun, case, header

HIGHER, LOWER = "header/higher-version", "header/unknown-revision"
LINK = "https://x.test"


def ran(test: str, *forms: str | None, requirement: str = HIGHER) -> list[Record]:
    """A record for each of these: the test passed (None), or failed with this form."""
    return [Record(header=header(), cases=[ended(test, form, requirement)]) for form in forms]


def ended(test: str, form: str | None, requirement: str = HIGHER) -> Case:
    """A case of this test."""
    verdict = Verdict.PASS if form is None else Verdict.FAIL
    return msgspec.structs.replace(
        case(verdict, requirements=(requirement,)),
        test=f"suites/x.py::{test}",
        expected="a reply",
        actual=form,
    )


def together(*cases: Case) -> list[Record]:
    """One record of all these."""
    return [Record(header=header(), cases=list(cases))]


def written(records: list[Record], *known: Expectation) -> list[Expectation]:
    """The entries that these records make."""
    return expectations(outcomes(records), known, LINK)


def test_a_failure_becomes_an_entry_to_be_reviewed() -> None:
    """Requirement, form and link are there, and a reason that says what is left to do."""
    [entry] = written(ran("test_a", "silence"))
    assert (entry.requirement, entry.observed, entry.test) == (HIGHER, "silence", "")
    assert entry.reason == f"{UNREVIEWED} expected a reply, got silence."
    assert entry.link == LINK
    assert not entry.sometimes


def test_a_pass_is_nothing_to_write() -> None:
    """A clean run has no expectations."""
    assert written(ran("test_a", None)) == []


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.UNSUPPORTED])
def test_what_decided_nothing_is_nothing_to_write(verdict: Verdict) -> None:
    """Neither an error nor an unsupported case says what the broker does."""
    one = msgspec.structs.replace(ended("test_a", "silence"), verdict=verdict)
    assert written(together(one)) == []


def test_tests_that_fail_alike_are_one_entry() -> None:
    """Where all tests of a requirement come to the same, none needs to be named."""
    cases = [ended("test_a[1]", "silence"), ended("test_a[2]", "silence")]
    [entry] = written(together(*cases))
    assert entry.test == ""


def test_tests_that_fail_otherwise_are_named() -> None:
    """Where they differ, each that fails has its own entry, and one that passes has none."""
    cases = [ended("test_a", "silence"), ended("test_b", None), ended("test_c", "socket closed")]
    entries = written(together(*cases))
    assert [(e.test, e.observed) for e in entries] == [
        ("test_a", "silence"),
        ("test_c", "socket closed"),
    ]


def test_outcomes_that_differ_between_runs_are_so_sometimes() -> None:
    """A test that passes in one run and fails in two ways in others has two such entries."""
    entries = written(ran("test_a", "silence", None, "socket closed"))
    assert [(e.observed, e.sometimes) for e in entries] == [
        ("silence", True),
        ("socket closed", True),
    ]


def test_what_is_known_keeps_its_reason() -> None:
    """An entry that says the same, if only by a pattern, is kept as it was reviewed."""
    known = Expectation(HIGHER, "channel.close *", "It closes.", "https://y.test", ">=3")
    assert written(ran("test_a", "channel.close 404"), known) == [known]
    [other] = written(ran("test_a", "silence"), known)
    assert other.reason.startswith(UNREVIEWED)


def test_names_of_one_run_become_patterns() -> None:
    """A form that holds a generated name describes the next run as well."""
    [entry] = written(ran("test_a", "queues ['mqproof.test-a.12ab34cd'] x"))
    assert entry.describes("queues ['mqproof.test-b.99ffee00'] x")
    assert not entry.describes("queues ['mqproof.test-b.99ffee00'] y")


def test_the_rest_of_a_long_form_is_a_pattern() -> None:
    """A file of expectations holds no whole messages."""
    [entry] = written(ran("test_a", f"queue [b'{'x' * 5000}']"))
    assert entry.describes(f"queue [b'{'x' * 6000}', b'y']")
    assert not entry.describes("queue [b'y']")
    assert len(entry.observed) + len(entry.reason) < 600


def test_a_failure_without_a_form_is_told() -> None:
    """No expectation can describe it, so a person has to look."""
    records = ran("test_a", "silence") + together(
        msgspec.structs.replace(ended("test_b", "x"), actual=None)
    )
    assert formless(records) == ["suites/x.py::test_b"]


def test_the_file_reads_back(tmp_path: Path) -> None:
    """What is written is what was meant, quotes and control characters included."""
    entries = [
        Expectation(
            LOWER, 'say "\\x01" \x7f', "It does.", LINK, ">=3", "test_a[1]", sometimes=True
        ),
        Expectation(HIGHER, "silence", "It is silent.", LINK),
    ]
    path = tmp_path / "x.toml"
    path.write_text(text(entries, "What X does.\n\nMore."), encoding="utf-8")
    assert read(path, "3.10") == tuple(entries)
    assert path.read_text().startswith("# What X does.\n#\n# More.\n")
    assert quoted("é") == '"é"'


def test_the_command_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It reads the records, keeps what is known, and says how much is new."""
    record = begun(tmp_path / "run.jsonl", ended("test_a", "silence"), ended("test_b", None, LOWER))
    known, output = tmp_path / "known.toml", tmp_path / "new.toml"
    known.write_text(text([Expectation(HIGHER, "silence", "It is silent.", LINK)], "Old."))
    assert main([str(record), "--known", str(known), "--output", str(output)]) == 0
    assert capsys.readouterr().err == "1 expectations, 0 of them to be reviewed\n"
    [entry] = read(output, "3.10.8")
    assert entry.reason == "It is silent."


def test_the_command_refuses_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A record that is none is one line, and exit code 2."""
    assert main([str(tmp_path / "gone.jsonl")]) == 2
    assert capsys.readouterr().err.startswith("expectations: cannot read the record")
