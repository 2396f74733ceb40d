"""The rules of the specification as data, and the account of what decides them."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from reference_broker.semantics import DEPARTURES
from suites import requirements
from suites.requirements import Requirement
from suites.rules import Kind, Rule, RuleError, Undecided, load
from suites.rules.coverage import Coverage, by_area, by_fate, table

ROOT = Path(__file__).parents[2]
GOOD = """
[[rule]]
id = "a.b/c"
actor = "server"
level = "MUST"
summary = "It does."
claim = "ok"
source = "amqp0-9-1.xml"
undecided = { kind = "client-side", reason = "Clients do." }
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a folder with one file of rules."""

    def _write(text: str) -> Path:
        (tmp_path / "a.toml").write_text(text)
        return tmp_path

    return _write


def rule(identifier: str, undecided: Undecided | None = None) -> Rule:
    """A rule with this id."""
    return Rule(identifier, "server", "MUST", "It does.", "amqp0-9-1.xml", undecided=undecided)


def requirement(identifier: str, *rules: str, untested: str = "") -> Requirement:
    """A requirement with this id, which covers these rules."""
    return Requirement(identifier, "MUST", "core", "It does.", rules, "source", (), untested)


def coverage(rules: list[Rule], asked: list[Requirement], tested: tuple[str, ...] = ()) -> Coverage:
    """The account of these."""
    return Coverage({r.id: r for r in rules}, {r.id: r for r in asked}, tested)


REASON = Undecided(Kind.CLIENT_SIDE, "Clients do.")


def test_the_projects_own_rules() -> None:
    """There are 201 of them, 62 from the prose; requirements and semantics name no others."""
    rules = load()
    assert len(rules) == 201
    assert Counter(each.group for each in rules.values())["prose"] == 62
    named = {name for each in requirements.load().values() for name in each.rules}
    assert named <= rules.keys()
    departed = {name for departure in DEPARTURES for name in departure.rules}
    doubtful = {"pdf.basic.consume/no-local", "pdf.basic.recover/requeue"}  # arguments' texts
    assert departed - doubtful <= rules.keys()


def test_a_rule_is_read_whole(write: Write) -> None:
    """Every field of the file is in the rule."""
    [found] = load(write(GOOD)).values()
    assert (found.id, found.claim, found.undecided) == ("a.b/c", "ok", REASON)
    assert found.group == "a"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('actor = "server"', 'actor = "nobody"', "actor 'nobody' is none of server, client, both"),
        ('level = "MUST"', 'level = "must"', "level 'must' is none of"),
        ('claim = "ok"', 'claim = "yes"', "claim 'yes' is none of"),
        ('summary = "It does."', 'summary = ""', "summary should be a string"),
        ('source = "amqp0-9-1.xml"', "", "missing or unknown: source"),
        ('claim = "ok"', 'word = "ok"', "missing or unknown: word"),
        ('kind = "client-side"', 'kind = "lazy"', "kind 'lazy' is none of"),
        (', reason = "Clients do."', "", "undecided should be"),
        ("[[rule]]", "[[rules]]", r"write only \[\[rule\]\] tables"),
        ("[[rule]]", "[[rule]", "a.toml: "),
    ],
)
def test_a_wrong_rule_is_named(write: Write, old: str, new: str, complaint: str) -> None:
    """What is wrong is told in one line, with the file."""
    with pytest.raises(RuleError, match=complaint):
        load(write(GOOD.replace(old, new)))


def test_a_rule_stands_once(write: Write) -> None:
    """The same id twice is a mistake."""
    with pytest.raises(RuleError, match=r"a\.b/c stands there twice"):
        load(write(GOOD + GOOD))


def test_only_a_collected_test_decides() -> None:
    """A rule whose requirement has no test is missing, and so is the requirement's test."""
    account = coverage([rule("x/1"), rule("x/2")], [requirement("a/1", "x/1")])
    assert [each.id for each in account.missing_rules] == ["x/1", "x/2"]
    assert [each.id for each in account.untested] == ["a/1"]
    account = coverage([rule("x/1")], [requirement("a/1", "x/1")], ("a/1",))
    assert account.complete
    assert account.decided == {"x/1": ["a/1"]}


def test_a_reason_stands_in_for_a_test() -> None:
    """What has a reason is not missing."""
    account = coverage([rule("x/1", REASON)], [requirement("a/1", untested="Needs a cluster.")])
    assert account.complete


def test_a_stale_reason_is_a_mistake() -> None:
    """What has a test, or does not exist, is not excused."""
    asked = [requirement("a/1", "x/1", "x/9", untested="Needs a cluster.")]
    account = coverage([rule("x/1", REASON)], asked, ("a/1",))
    assert account.mistakes == [
        "no such rule: x/9",
        "x/1 is called undecided, and is decided by a/1",
        "a/1 is called untested, and has a test",
    ]
    assert not account.complete


def test_counts() -> None:
    """Each rule and each requirement is counted once, by its fate."""
    rules = [rule("x/1"), rule("pdf.1/2", REASON), rule("x.y/3")]
    asked = [requirement("a/1", "x/1"), requirement("a/2"), requirement("b/1", untested="No.")]
    account = coverage(rules, asked, ("a/1",))
    assert by_fate(account, "group") == {
        "x": Counter(decided=1, missing=1),
        "prose": Counter({"client-side": 1}),
    }
    assert by_area(account) == {"a": Counter(tested=1, missing=1), "b": Counter(reasoned=1)}
    shown = table("area", ["tested", "reasoned", "missing"], by_area(account))
    assert shown.splitlines()[-1].split() == ["all", "1", "1", "1", "3"]


def test_the_command() -> None:
    """It prints every count and what is missing, and its exit code says whether anything is."""
    done = subprocess.run(
        [sys.executable, "-m", "suites.rules"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.startswith("201 rules, ")
    assert done.stdout.endswith("Complete.\n" if done.returncode == 0 else "Incomplete.\n")
    assert "Missing rules:" not in done.stdout
    assert "Mistakes:" not in done.stdout
