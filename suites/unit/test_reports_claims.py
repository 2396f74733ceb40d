"""What RabbitMQ claims beside what records measured."""

from pathlib import Path

import msgspec
import pytest

from reports.__main__ import main
from reports.claims import compare, html, markdown, read_rules, words
from reports.claims.model import Claims, Deed, Excuse, Rule
from reports.model import Broker, Case, Record, RecordError, Verdict
from suites.unit.test_reports import begun, case, header
from suites.unit.test_reports_render import HOSTILE, Page

RULES = Path(__file__).parents[1] / "rules"
P, F, W, D = Verdict.PASS, Verdict.FAIL, Verdict.WEAK, Verdict.DEVIATION
INFORMATIONAL, UNSUPPORTED, ERROR = Verdict.INFORMATIONAL, Verdict.UNSUPPORTED, Verdict.ERROR


def rule(identifier: str = "a.b/c", claim: str = "ok", excuse: Excuse | None = None) -> Rule:
    """A rule with this claim."""
    return Rule(identifier, "server", "MUST", "It does.", "amqp0-9-1.xml", claim, excuse)


def bearing(verdict: Verdict, *rules: str, actual: str = "silence") -> Case:
    """A case that decides these rules."""
    one = msgspec.structs.replace(case(verdict), rules=list(rules))
    return msgspec.structs.replace(one, expected="a reply", actual=actual)


def record(*cases: Case, spec: str = "rabbitmq", product: str = "RabbitMQ") -> Record:
    """The record of a run against this product."""
    broker = Broker(spec=spec, product=product, version="3.10.8")
    return Record(header=msgspec.structs.replace(header(), broker=broker), cases=list(cases))


def claimed(claim: str, *verdicts: Verdict) -> Claims:
    """One rule with this claim, and a record of cases with these verdicts."""
    cases = [bearing(verdict, "a.b/c") for verdict in verdicts]
    return compare([rule(claim=claim)], [record(*cases, bearing(P, "other"))])


@pytest.mark.parametrize(
    ("verdicts", "deed"),
    [
        ([P, P], Deed.KEPT),
        ([P, INFORMATIONAL], Deed.KEPT),
        ([P, D], Deed.PARTLY),
        ([P, W, UNSUPPORTED], Deed.PARTLY),
        ([D, F], Deed.BROKEN),
        ([W], Deed.BROKEN),
        ([INFORMATIONAL, UNSUPPORTED], Deed.OPEN),
        ([UNSUPPORTED, ERROR], Deed.UNSUPPORTED),
        ([ERROR], Deed.UNDECIDED),
        ([], Deed.UNDECIDED),
    ],
)
def test_what_a_broker_did(verdicts: list[Verdict], deed: Deed) -> None:
    """Every combination of verdicts is one deed."""
    assert claimed("ok", *verdicts).rows[0].measures[0].deed is deed


@pytest.mark.parametrize(
    ("claim", "verdict", "agrees"),
    [
        ("ok", P, True),
        ("does", P, True),
        ("ok", D, False),
        ("doesn't", D, True),
        ("planned", P, False),
        ("failing", D, True),
        ("", P, None),
        ("ok", INFORMATIONAL, None),
        ("ok", UNSUPPORTED, None),
        ("ok", ERROR, None),
    ],
)
def test_whether_claim_and_deed_agree(claim: str, verdict: Verdict, agrees: bool | None) -> None:
    """They do or do not where both say something."""
    assert claimed(claim, verdict).rows[0].agrees(0) is agrees


def test_a_rule_that_is_kept_in_part_is_no_longer_ok() -> None:
    """One case of several is enough to belie an `ok`, and too little for a `doesn't`."""
    assert claimed("ok", P, D).rows[0].agrees(0) is False
    assert claimed("doesn't", P, D).rows[0].agrees(0) is True


def test_only_the_claimants_records_agree_or_not() -> None:
    """What another product does is shown, and no judgement on RabbitMQ's claim."""
    other = record(bearing(D, "a.b/c"), spec="garagemq", product="GarageMQ")
    claims = compare([rule()], [other, record(bearing(P, "a.b/c"))])
    assert claims.claimants == [1]
    assert words.mark(claims, claims.rows[0]) == words.YES
    assert words.differing(claims) == []
    assert words.told(claims.rows[0], claims.rows[0].measures[0]) == "broken (1 of 1)"


def test_one_version_that_differs_is_enough() -> None:
    """With several versions a claim holds if all of them keep it."""
    records = [record(bearing(P, "a.b/c")), record(bearing(D, "a.b/c"))]
    claims = compare([rule()], records)
    assert words.mark(claims, claims.rows[0]) == words.NO
    assert [sentence.split(": ")[1][:22] for sentence in words.summary(claims)] == [
        "of 1 claims 1 agree wi",
        "of 1 claims 0 agree wi",
    ]


def test_a_rule_that_none_can_decide_says_why() -> None:
    """Its reason stands where the deed would."""
    claims = compare([rule(excuse=Excuse("client-side", "Clients do."))], [record(bearing(P, "x"))])
    [row] = claims.rows
    assert words.told(row, row.measures[0]) == "client-side"


def test_options_tell_two_records_of_one_broker_apart() -> None:
    """The name has what the broker was told, but never an address."""
    specs = ["reference", "reference:semantics=spec", "amqp://u:p@h/v"]
    names = [compare([], [record(bearing(P, "x"), spec=spec)]).names[0] for spec in specs]
    assert names == ["RabbitMQ 3.10.8", "RabbitMQ 3.10.8 (semantics=spec)", "RabbitMQ 3.10.8"]


def test_a_record_that_names_no_rules_is_refused() -> None:
    """Records of before rules were recorded decide nothing."""
    with pytest.raises(RecordError, match="names no rules: run the suites anew"):
        compare([rule()], [record(case())])


@pytest.mark.parametrize("render", [markdown.render, html.render])
def test_pages_tell_every_rule_and_the_evidence(render: object) -> None:
    """Each rule stands there, and where claim and deed differ what was expected and what came."""
    assert callable(render)
    page = render(claimed("ok", D))
    for text in ("a.b/c", "It does.", "broken (1 of 1)", "expected a reply, got silence", "✗"):
        assert text in page
    assert "differ" not in render(claimed("ok", P)).partition("</style>")[2].split("<h2>")[0]


def test_pages_escape_hostile_text() -> None:
    """Nothing from a record or a rule is markup."""
    hostile = compare(
        [Rule(HOSTILE, "server", "MUST", HOSTILE, "x", "ok")],
        [record(bearing(D, HOSTILE, actual=HOSTILE), product="RabbitMQ")],
    )
    assert "script" not in Page(html.render(hostile)).tags
    text = markdown.render(hostile)
    assert "\x1b" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2


def test_the_projects_rules_can_be_read() -> None:
    """The pages read the same files as the suites."""
    assert len(read_rules(RULES)) == 201


@pytest.mark.parametrize("content", [None, "rule = 1", "[[rule]", "[[rule]]\nid = 'a'"])
def test_rules_that_cannot_be_read_are_named(tmp_path: Path, content: str | None) -> None:
    """A folder without rules, and a file that is none, are one clear line."""
    if content is not None:
        (tmp_path / "a.toml").write_text(content)
    with pytest.raises(RecordError, match=str(tmp_path)):
        read_rules(tmp_path)


def test_the_command_writes_both_pages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs records alone."""
    path = begun(tmp_path / "run.jsonl", bearing(D, "queue.bind/unique"))
    stem = tmp_path / "claims"
    command = ["claims", str(path), "--rules", str(RULES), "--output", str(stem)]
    assert main(command) == 0
    assert capsys.readouterr().out.split() == [f"{stem}.md", f"{stem}.html"]
    assert "queue.bind/unique" in stem.with_suffix(".md").read_text()
    assert main(["claims", str(tmp_path / "gone"), "--output", str(stem)]) == 2
    assert capsys.readouterr().err.startswith("reports: ")
