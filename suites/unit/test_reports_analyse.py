"""What the cases of a run amount to, and what is kept out of a record."""

import socket
import tempfile
from pathlib import Path

import msgspec
import pytest

from reports.analyse import (
    Outcome,
    by_area,
    by_closing,
    by_level,
    by_requirement,
    exit_code,
    outcome,
    tally,
)
from reports.model import Closing, Footer, Level, Record, Verdict
from reports.scrub import scrub
from suites.unit.test_reports import NOW, case, header

HARMLESS = [
    Verdict.PASS,
    Verdict.WEAK,
    Verdict.DEVIATION,
    Verdict.INFORMATIONAL,
    Verdict.UNSUPPORTED,
]
HARMFUL = [Verdict.FAIL, Verdict.ERROR]


@pytest.mark.parametrize("verdict", HARMLESS)
def test_harmless_verdict_gives_exit_code_0(verdict: Verdict) -> None:
    """What was foreseen or left open does not fail a run."""
    assert exit_code(tally([verdict])) == 0


@pytest.mark.parametrize("verdict", HARMFUL)
def test_harmful_verdict_gives_exit_code_1(verdict: Verdict) -> None:
    """One failure or error among many passes is enough."""
    assert exit_code(tally([Verdict.PASS] * 99 + [verdict])) == 1


def test_no_case_gives_exit_code_1() -> None:
    """A run that judged nothing proves nothing."""
    assert exit_code(tally([])) == 1
    assert exit_code({}) == 1


def test_tally_names_every_verdict_in_order() -> None:
    """Verdicts that did not occur are counted as 0."""
    assert list(tally([Verdict.ERROR]).items()) == [
        (Verdict.PASS, 0),
        (Verdict.FAIL, 0),
        (Verdict.WEAK, 0),
        (Verdict.DEVIATION, 0),
        (Verdict.INFORMATIONAL, 0),
        (Verdict.UNSUPPORTED, 0),
        (Verdict.ERROR, 1),
    ]


def test_areas_are_sorted_and_counted() -> None:
    """Each area has the counts of its own cases only."""
    cases = [case(area="tx"), case(Verdict.FAIL, area="basic.ack"), case(area="tx")]
    counts = by_area(cases)
    assert list(counts) == ["basic.ack", "tx"]
    assert counts["tx"] == tally([Verdict.PASS, Verdict.PASS])
    assert counts["basic.ack"] == tally([Verdict.FAIL])


def test_levels_stand_from_binding_to_open() -> None:
    """Levels that no case has are left out."""
    cases = [case(level=Level.RABBITMQ), case(Verdict.FAIL, level=Level.MUST)]
    assert list(by_level(cases)) == [Level.MUST, Level.RABBITMQ]
    assert by_level(cases)[Level.MUST] == tally([Verdict.FAIL])


@pytest.mark.parametrize(
    ("verdicts", "gravest"),
    [
        ([Verdict.PASS, Verdict.DEVIATION], Verdict.DEVIATION),
        ([Verdict.ERROR, Verdict.FAIL, Verdict.PASS], Verdict.FAIL),
        ([Verdict.PASS, Verdict.ERROR], Verdict.ERROR),
        ([Verdict.DEVIATION, Verdict.WEAK], Verdict.WEAK),
        ([Verdict.WEAK, Verdict.ERROR], Verdict.ERROR),
        ([Verdict.INFORMATIONAL, Verdict.UNSUPPORTED], Verdict.UNSUPPORTED),
        ([Verdict.PASS, Verdict.INFORMATIONAL], Verdict.INFORMATIONAL),
    ],
)
def test_requirement_has_its_gravest_verdict(verdicts: list[Verdict], gravest: Verdict) -> None:
    """A requirement is met only where all of its cases say so, in whatever order they ran."""
    cases = [case(verdict, requirements=("tx.01",)) for verdict in verdicts]
    assert by_requirement(cases) == {"tx.01": gravest}
    assert by_requirement(reversed(cases)) == {"tx.01": gravest}


def test_closings_are_counted_the_best_first() -> None:
    """Cases in which the broker ended no connection are not counted."""
    ends = [Closing.OPEN, None, Closing.CLEAN, Closing.OPEN]
    cases = [msgspec.structs.replace(case(), closing=end) for end in ends]
    assert list(by_closing(cases).items()) == [(Closing.CLEAN, 1), (Closing.OPEN, 2)]


def test_case_without_requirement_decides_none() -> None:
    """A case may bear several ids, or none."""
    cases = [case(requirements=()), case(requirements=("a", "b"))]
    assert by_requirement(cases) == {"a": Verdict.PASS, "b": Verdict.PASS}


@pytest.mark.parametrize(
    ("verdicts", "code", "judged"),
    [
        ([Verdict.PASS], 0, Outcome.OK),
        ([Verdict.PASS], 2, Outcome.FAILED),
        ([Verdict.FAIL], 1, Outcome.FAILED),
        ([Verdict.FAIL], 0, Outcome.FAILED),
        ([], 0, Outcome.FAILED),
        ([Verdict.PASS], None, Outcome.INCOMPLETE),
        ([], None, Outcome.INCOMPLETE),
        ([Verdict.ERROR], None, Outcome.FAILED),
    ],
)
def test_outcome(verdicts: list[Verdict], code: int | None, judged: Outcome) -> None:
    """A run is good only if it ended, ended well, and no case says otherwise."""
    footer = None
    if code is not None:
        footer = Footer(finished=NOW, counts=tally(verdicts), exit_code=code)
    record = Record(header=header(), cases=[case(v) for v in verdicts], footer=footer)
    assert outcome(record) is judged


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("amqp://u:p@h:5672/v", "amqp://u:***@h:5672/v"),
        ("amqps://u:p@ss:w@h", "amqps://u:***@h"),
        ("amqp://:p@h and http://a:b@c/", "amqp://:***@h and http://a:***@c/"),
        ("amqp://h:5672/v", "amqp://h:5672/v"),
        ("amqp://u@h:5672/a@b", "amqp://u@h:5672/a@b"),
        ("Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=", "Authorization: Basic ***"),
        ("{'authorization': 'Bearer abc.def-g'}", "{'authorization': 'Bearer ***'}"),
        ("/home/ann/x.py:3 and /Users/bob/y", "~/x.py:3 and ~/y"),
        (r"C:\Users\ann\x.py", r"~\x.py"),
        ("GET /api/queues/%2f/home/x", "GET /api/queues/%2f/home/x"),
        ("queue 'q' in vhost '/'", "queue 'q' in vhost '/'"),
        ("rabbit@localhost: down", "rabbit@localhost: down"),
    ],
)
def test_scrub(text: str, clean: str) -> None:
    """Secrets and people's folders go; protocol text stays."""
    assert scrub(text) == clean


def test_scrub_hides_this_machine() -> None:
    """The project's folder, home, the temporary folder and the host's name become neutral."""
    host = socket.gethostname().split(".")[0]
    assert scrub(f"{Path.cwd()}/suites/x.py") == "./suites/x.py"
    assert scrub(f"in {Path.home()}/.erlang.cookie") == "in ~/.erlang.cookie"
    assert scrub(f"{tempfile.gettempdir()}/run/log") == "<tmp>/run/log"
    assert scrub(f"rabbit@{host} stopped") == "rabbit@localhost stopped"


def test_scrub_is_idempotent() -> None:
    """Scrubbing what was scrubbed changes nothing."""
    text = f"amqp://u:p@h {Path.cwd()}/a {tempfile.gettempdir()}/b Authorization: Basic abc="
    assert scrub(scrub(text)) == scrub(text)
