from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from reports.answers import questions
from reports.answers.model import Cell, load
from reports.answers.questions.anonymous_queues import CONSUMED
from suites.answers import __main__ as command
from suites.answers import experiments
from suites.answers.anonymous.endings import ENDINGS
from suites.answers.anonymous.subject import Subject
from suites.answers.experiment import Experiment, Place, Stage
from suites.answers.experiments import anonymous_queues
from suites.brokers.base import BrokerError
from suites.brokers.kinds.reference import ReferenceBroker
from suites.unit.answers_example import Example
from suites.verify import Mismatch

PLACE = Place("sky", "day")


class _Looking(Experiment):
    """An experiment that needs a broker only for its name."""

    question = Example()
    defaults: ClassVar[Mapping[str, float]] = {"patience": 1.5}
    breaks = False

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Look once."""
        stage.progress("looking")

        def look() -> Cell:
            if self.breaks:
                raise BrokerError("clouds")
            return stage.cell(PLACE, facts={"colour": "blue"})

        yield stage.attempt(PLACE, look)


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> _Looking:
    """The only experiment that there is."""
    experiment = _Looking()
    monkeypatch.setattr(experiments, "known", lambda: {Example.id: experiment})
    monkeypatch.setattr(questions, "known", lambda: {Example.id: Example()})
    return experiment


@pytest.mark.usefixtures("looking")
def test_a_run_leaves_a_study_and_its_pages(tmp_path: Path) -> None:
    """And the command that repeats it, with what was changed."""
    status = command.main(["--set", "patience=3", "--seed", "5", "--output", str(tmp_path)])
    assert status == 0
    study = load(tmp_path / f"{Example.id}.jsonl")
    assert [cell.facts for cell in study.cells] == [{"colour": "blue"}]
    assert study.head.repeat == (
        "nox -s answers -- --broker reference --question is-it-blue --seed 5 --set patience=3"
    )
    assert (tmp_path / f"{Example.id}.html").exists()
    assert (tmp_path / "README.md").exists()


def test_what_breaks_is_told_and_fails_the_run(
    looking: _Looking, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages are written all the same."""
    monkeypatch.setattr(looking, "breaks", True)
    assert command.main(["--output", str(tmp_path)]) == 1
    study = load(tmp_path / f"{Example.id}.jsonl")
    assert study.cells[0].trouble == "broke: BrokerError: clouds"


@pytest.mark.usefixtures("looking")
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--question", "what"], "no question is named 'what'; there are: is-it-blue"),
        (["--set", "patience"], "give NAME=SECONDS, with a name of patience"),
        (["--set", "colour=1"], "give NAME=SECONDS, with a name of patience"),
        (["--set", "patience=x"], "'x' is no number"),
        (["--set", "patience=0"], "give a number above 0"),
        (["--broker", "nobody"], "no kind of broker is named `nobody`"),
    ],
)
def test_wrong_input_is_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, nothing started."""
    assert command.main(words) == 2
    assert told in capsys.readouterr().err


def test_a_broker_that_cannot_be_killed_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its cells are unsupported, each with the reason; the run is no failure."""
    few = {name: ENDINGS[name] for name in ("FIN", "broker SIGKILL")}
    monkeypatch.setattr(anonymous_queues, "ENDINGS", few)
    monkeypatch.setattr(ReferenceBroker, "capabilities", frozenset({"restart", "durable"}))
    words = ["--question", "anonymous-queues", "--set", "expires=2", "--output", str(tmp_path)]
    assert command.main(words) == 0, capsys.readouterr().err
    study = load(tmp_path / "anonymous-queues.jsonl")
    killed = [cell.trouble or "" for cell in study.cells if cell.column == "broker SIGKILL"]
    assert len(killed) == 18
    assert all(trouble.startswith("unsupported: needs `kill`") for trouble in killed)
    facts = {c.row: c.facts["queue"] for c in study.cells if c.column == "FIN"}
    assert facts["server-named exclusive"] == "gone"
    assert facts["server-named plain"] == "there"
    assert facts["client-named x-expires"] == "gone"


def test_a_client_that_cannot_be_prepared_costs_one_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are seen as ever, and the run says that one broke."""
    sound = Subject.prepare

    def prepare(subject: Subject, heartbeat: int) -> None:
        if subject.place == Place("client-named durable", "FIN", CONSUMED):
            raise Mismatch("a client", "none")
        sound(subject, heartbeat)

    monkeypatch.setattr(anonymous_queues, "ENDINGS", {"FIN": ENDINGS["FIN"]})
    monkeypatch.setattr(Subject, "prepare", prepare)
    words = ["--question", "anonymous-queues", "--set", "expires=2", "--output", str(tmp_path)]
    assert command.main(words) == 1
    cells = load(tmp_path / "anonymous-queues.jsonl").cells
    assert [cell.trouble for cell in cells if cell.trouble] == [
        "broke: Mismatch: expected a client, got none"
    ]
    assert len(cells) == 18
