import json
from pathlib import Path

import msgspec
import pytest

from reports.__main__ import main
from reports.fidelity import Kind, Programs, fidelity, read_programs, report
from reports.model import Case, Record, RecordError, Verdict
from suites.unit.test_reports import case, written
from suites.unit.test_reports_render import whole


def one(requirement: str, verdict: Verdict, **change: str) -> Case:
    """A case of one requirement."""
    found = case(verdict, requirements=(requirement,))
    return msgspec.structs.replace(found, test=f"t::{requirement}", **change)


def kinds(ours: Record, theirs: Record) -> dict[str, Kind]:
    """What comes of each requirement."""
    return {each.requirement.id: each.kind for each in fidelity(ours, theirs).requirements}


@pytest.mark.parametrize("real", Verdict)
@pytest.mark.parametrize("ours", Verdict)
def test_each_pair_of_verdicts(ours: Verdict, real: Verdict) -> None:
    """The same is equal, another is different, and what one does not decide is not compared."""
    undecided = {Verdict.UNSUPPORTED, Verdict.ERROR}
    wanted = Kind.EQUAL if ours is real else Kind.DIFFERENT
    if {ours, real} & undecided:
        wanted = Kind.UNCOMPARED
    assert kinds(whole(one("a", ours)), whole(one("a", real))) == {"a": wanted}


def test_what_was_seen_counts() -> None:
    """Two deviations are equal only if they are the same one; times do not matter."""
    ours = whole(
        one("a", Verdict.DEVIATION, actual="channel.close 404"),
        one("b", Verdict.DEVIATION, actual="channel.close 404"),
        one("c", Verdict.INFORMATIONAL, observation="after 2.1 s"),
    )
    theirs = whole(
        one("a", Verdict.DEVIATION, actual="channel.close 404"),
        one("b", Verdict.DEVIATION, actual="channel.close 406"),
        one("c", Verdict.INFORMATIONAL, observation="after 3.0 s"),
    )
    wanted = {"a": Kind.EQUAL, "b": Kind.DIFFERENT, "c": Kind.EQUAL}
    assert kinds(ours, theirs) == wanted


def test_one_case_of_several_counts() -> None:
    """A requirement is equal only if all its tests are; one that only one run has, is not."""
    passing, failing = one("a", Verdict.PASS), one("a", Verdict.FAIL, actual="silence")
    other = msgspec.structs.replace(passing, test="t::other")
    assert kinds(whole(passing, other), whole(passing, other)) == {"a": Kind.EQUAL}
    assert kinds(whole(passing, other), whole(failing, other)) == {"a": Kind.DIFFERENT}
    assert kinds(whole(passing), whole(passing, other)) == {"a": Kind.DIFFERENT}
    assert kinds(whole(passing), whole(one("b", Verdict.PASS))) == dict.fromkeys(
        "ab", Kind.UNCOMPARED
    )


def test_the_report() -> None:
    """It has the share, never rounded up to all, and what differs beside what each did."""
    many = [one(f"r{number}", Verdict.PASS) for number in range(1999)]
    ours = whole(*many, one("x", Verdict.PASS), one("u", Verdict.UNSUPPORTED, reason="no|way"))
    theirs = whole(*many, one("x", Verdict.DEVIATION, actual="silence"), one("u", Verdict.PASS))
    text = report(fidelity(ours, theirs, Programs(equal=3, run=4)))
    assert "**1,999 of 2,000 (99.9 %)** requirements" in text
    assert "Of generated programs: 3 of 4 (75.0 %)." in text
    assert "| x | pass | deviation; silence |" in text
    assert "| u | unsupported; no\\|way | pass |" in text
    assert "0 of 0 (0.0 %)" in report(fidelity(whole(), whole()))


def test_the_programs_of_a_twin(tmp_path: Path) -> None:
    """Those that ran on the real broker count, by what each subject is."""
    path = tmp_path / "twin.json"
    outcomes = [
        {"what": "amqp", "subjects": ["reference", "rabbitmq"], "compared": 40, "finding": None},
        {"what": "amqp", "subjects": ["reference", "rabbitmq"], "compared": 9, "finding": {"a": 1}},
        {"what": "text", "subjects": ["reference", "memcached"], "compared": 7, "finding": None},
    ]
    brokers = {"reference": "mqproof 1", "rabbitmq": "RabbitMQ 3.10.8", "memcached": "memcached 1"}
    path.write_text(json.dumps({"brokers": brokers, "outcomes": outcomes}))
    assert read_programs(path, "RabbitMQ") == Programs(equal=49, run=50)
    path.write_text("{}")
    with pytest.raises(RecordError, match=r"twin\.json: no record of a twin"):
        read_programs(path, "RabbitMQ")
    with pytest.raises(RecordError, match=r"missing\.json"):
        read_programs(tmp_path / "missing.json", "RabbitMQ")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It reads two records and prints the report; what cannot be read is said in one line."""
    path = written(tmp_path / "run.jsonl", Verdict.PASS)
    assert main(["fidelity", str(path), str(path)]) == 0
    assert "**1 of 1 (100.0 %)**" in capsys.readouterr().out
    assert main(["fidelity", str(path), str(path), "--twin", str(path)]) == 2
    assert capsys.readouterr().err.startswith("reports: ")
