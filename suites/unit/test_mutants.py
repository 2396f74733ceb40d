import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from reports.model import Case, Record, Verdict
from suites import mutants
from suites.brokers import registry
from suites.brokers.base import BrokerError
from suites.clients.raw import RawClient
from suites.mutants import Mutant, MutantError, page, trial
from suites.mutants.trial import Fate, Trial
from suites.requirements import named
from suites.unit.test_reports import case, header

ONE = Mutant("one", "A bug.", "broker.topic", "old", "new", ("route/topic-star",), "routing")


def _case(test: str, verdict: Verdict) -> Case:
    return msgspec.structs.replace(case(verdict), test=test)


def _record(*cases: Case) -> Record:
    return Record(header=header(), cases=list(cases))


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
    judged = trial.judge(ONE, _record(*cases), {each.test for each in cases})
    assert judged.fate is fate


def test_a_foreign_failure_does_not_kill() -> None:
    """A test of another requirement failed: it is noted, and the mutant lives."""
    failed, passed = _case("other", Verdict.FAIL), _case("own", Verdict.PASS)
    judged = trial.judge(ONE, _record(failed, passed), {"own"})
    assert (judged.fate, judged.killers) == (Fate.SURVIVED, ("other",))


def test_the_page_names_survivors_first() -> None:
    """And counts."""
    survivor = Trial(replace(ONE, id="two"), Fate.SURVIVED)
    shown = page.render([Trial(ONE, Fate.KILLED, ("suites/a.py::test_x",)), survivor], "again")
    assert "2 mutants: 1 killed, 1 survived, 0 undecided" in shown
    assert shown.index("`two` (survived): all tests passed") < shown.index("`a.py::test_x`")
