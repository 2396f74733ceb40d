import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, cast

import pytest

from reports.model import Verdict
from suites import mutants
from suites.brokers import registry
from suites.brokers.base import BrokerError
from suites.clients.raw import RawClient
from suites.mutants import Mutant, MutantError, page, trial
from suites.mutants.account import Account, reasons
from suites.mutants.campaign import Campaign, Judged, Order, Outcome, Tell
from suites.mutants.trial import Fate, Trial
from suites.mutants.widening import widen
from suites.requirements import Requirement, named

ONE = Mutant("one", "A bug.", "broker.topic", "old", "new", ("route/topic-star",), "routing")


def _case(test: str, verdict: Verdict) -> Judged:
    return Judged(test, verdict)


def _source(mutant: Mutant) -> str:
    spec = importlib.util.find_spec(mutant.module_name)
    assert spec
    assert spec.origin
    return Path(spec.origin).read_text(encoding="utf-8")


@pytest.mark.parametrize("identifier", mutants.load())
def test_every_mutant_is_a_change_of_the_broker_as_it_is(identifier: str) -> None:
    """Its passage stands there once, what comes of it can be compiled, its requirements exist."""
    mutant = mutants.named(identifier)
    changed = mutant.apply(_source(mutant))
    compile(changed, mutant.module_name, "exec")
    assert mutant.requirements
    for requirement in mutant.requirements:
        named(requirement)


def test_a_passage_that_is_not_there_once_is_told() -> None:
    """With the file to mend."""
    for source in ("", "old old"):
        with pytest.raises(MutantError, match=r"mend suites/mutants/routing\.toml"):
            ONE.apply(source)


def test_a_mutant_serves_with_its_bug_and_the_broker_without() -> None:
    """An unknown queue is answered with another code, by the mutant alone."""
    codes = []
    for spec in ("reference", "reference:mutant=missing-queue-wrong-code"):
        with registry.parse(spec) as broker, RawClient.open(broker.endpoint) as client:
            client.open_channel(1)
            client.send(1, "queue.declare", queue="nobody", passive=True)
            codes.append(client.expect_channel_close(1)["reply_code"])
    assert codes == [404, 405]


def test_an_unknown_mutant_is_refused() -> None:
    """As a broker that does not exist, and by the program."""
    with pytest.raises(BrokerError, match="no mutant is named 'what'"):
        registry.parse("reference:mutant=what")
    words = [sys.executable, "-m", mutants.PROGRAM, "what", "serve"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603  ours
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("mutants: no mutant is named 'what'")


@pytest.mark.parametrize(
    ("verdicts", "fate"),
    [
        ([Verdict.PASS, Verdict.FAIL], Fate.KILLED),
        ([Verdict.PASS, Verdict.WEAK], Fate.KILLED),
        ([Verdict.PASS], Fate.SURVIVED),
        ([Verdict.PASS, Verdict.ERROR], Fate.UNDECIDED),
        ([Verdict.UNSUPPORTED], Fate.UNDECIDED),
    ],
)
def test_the_fate_of_a_mutant(verdicts: list[Verdict], fate: Fate) -> None:
    """Only a failure kills; what breaks, or was not tried, decides nothing."""
    cases = [_case(f"t{number}", verdict) for number, verdict in enumerate(verdicts)]
    judged = trial.judge(ONE, cases, {each.test for each in cases})
    assert judged.fate is fate


def test_a_foreign_failure_does_not_kill() -> None:
    """A test of another requirement failed: it is noted, and the mutant lives."""
    failed, passed = _case("other", Verdict.FAIL), _case("own", Verdict.PASS)
    judged = trial.judge(ONE, [failed, passed], {"own"})
    assert (judged.fate, judged.killers) == (Fate.SURVIVED, ("other",))


def test_the_page_names_survivors_first() -> None:
    """And counts."""
    survivor = Trial(replace(ONE, id="two"), Fate.SURVIVED)
    shown = page.render([Trial(ONE, Fate.KILLED, ("suites/a.py::test_x",)), survivor], "again")
    assert "2 mutants: 1 killed, 1 survived, 0 undecided" in shown
    assert shown.index("`two` (survived): all tests passed") < shown.index("`a.py::test_x`")


def _requirement(identifier: str, level: str = "MUST") -> Requirement:
    return Requirement(identifier, level, "core", "It holds.", (), "AMQP", ())


def test_the_account_tells_who_owes_a_mutant() -> None:
    """Who binds and has a test: with a mutant, with a reason, with neither; and what is belied."""
    levels = {"route/topic-star": "MUST", "a/b": "RABBITMQ", "a/c": "MUST", "a/may": "MAY"}
    known = {name: _requirement(name, level) for name, level in levels.items()}
    known["a/untested"] = _requirement("a/untested")
    given = Account(known, [ONE], {"a/b": "Out of reach."}, set(levels))
    assert (given.neither, given.mistakes, given.settled) == (["a/c"], [], False)
    settled = replace(given, reasons={"a/b": "Out of reach.", "a/c": "The same."})
    assert (settled.neither, settled.mistakes, settled.settled) == ([], [], True)
    assert given.render().endswith(
        "3 requirements bind and have a test:"
        " 1 with a mutant, 1 with a reason for none, 1 with neither"
    )
    assert "a/c has neither a mutant nor a reason" in given.render()
    assert not replace(settled, reasons={**settled.reasons, "a/nothing": "No."}).settled
    wrong = {"route/topic-star": "No.", "a/untested": "No.", "a/nothing": "No."}
    assert [line.rpartition(", and ")[2] for line in replace(given, reasons=wrong).mistakes] == [
        "has one",
        "owes none: it has no test, or does not bind",
        "does not exist",
    ]


def test_reasons_name_requirements_that_exist() -> None:
    """And none that a mutant names."""
    mutated = {name for mutant in mutants.load().values() for name in mutant.requirements}
    for identifier in reasons():
        assert identifier not in mutated, named(identifier)


def test_a_reason_without_a_reason_is_refused(tmp_path: Path) -> None:
    """With the name of the file."""
    path = tmp_path / "unreachable.toml"
    path.write_text('[[unreachable]]\nrequirements = ["a/b"]\n', encoding="utf-8")
    with pytest.raises(MutantError, match=r"unreachable\.toml: write requirements and a reason"):
        reasons(path)


class _Canned:
    """A campaign whose tests have run already."""

    tests: ClassVar = {"route/topic-star": ["star"], "route/other": ["other"], "a/b": ["far"]}

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self.orders: list[Order] = []

    def run(self, orders: Sequence[Order], _jobs: int, tell: Tell) -> None:
        """Say what was told."""
        self.orders += orders
        for order in orders:
            tell(order, self._outcome)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ([_case("star", Verdict.FAIL), _case("other", Verdict.WEAK)], "2/2 failed +route/other"),
        ([_case("star", Verdict.PASS)], "0/1 failed -route/topic-star"),
        ("broken", "0/0 failed -route/topic-star (broken)"),
    ],
)
def test_widening_judges_each_requirement_alone(outcome: Outcome, told: str) -> None:
    """Those of its areas that fail are told with a plus, its own that do not with a minus."""
    said: list[str] = []
    canned = _Canned(outcome)
    widen(cast("Campaign", canned), [ONE], ["route/other", "a/b"], 1, lambda w: said.append(str(w)))
    assert said == [f"one: {told}"]
    assert [order.tests for order in canned.orders] == [["star", "other"]]
