import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

import suites.stateful
from suites.brokers import registry
from suites.stateful import generate, program
from suites.stateful.amqp import AmqpContest
from suites.stateful.campaign import Contest, Finding, Outcome, conduct
from suites.stateful.choice import AREAS, THEMES, Choice
from suites.stateful.generate import Run, programs
from suites.stateful.key_value import KeyValueModel
from suites.stateful.model import Model
from suites.stateful.paste import as_test
from suites.stateful.program import CONNECT, Step
from suites.stateful.queue_text import QueueModel

ROOT = Path(suites.stateful.__file__).parents[2]
SOON = 100.0  # seconds; far more than is needed on a busy machine
SEED = 1
PROGRAMS = 150  # within which each of the mutants here is found


def silent(_outcome: Outcome) -> None:
    """No progress."""


def conducted(contest: Contest, wanted: int, *, shrink: bool = True) -> Outcome:
    """A campaign without a word."""
    outcome = Outcome(contest.what, contest.subjects, SEED, wanted)
    conduct(contest, outcome, silent, shrink=shrink)
    return outcome


def found_in(spec: str) -> Finding | None:
    """What the model finds in this broker, not made small."""
    with registry.parse(spec) as broker:
        contest = AmqpContest({broker.name: broker.endpoint})
        contest.hurry()
        try:
            return conducted(contest, PROGRAMS, shrink=False).finding
        finally:
            contest.close()


@pytest.mark.parametrize(
    ("mutant", "seen"),
    [
        ("requeue-at-the-tail", "basic."),
        ("redelivered-never", "redelivered"),
        ("channel-end-loses-unacked", "holds 0 ready"),
    ],
)
def test_a_mutant_is_found(mutant: str, seen: str) -> None:
    """A bug that nobody told the programs of shows, with what the broker and the model say."""
    finding = found_in(f"reference:mutant={mutant}")
    assert finding is not None
    assert seen in finding.transcript
    assert f"reference:mutant={mutant}:" in finding.transcript


def test_areas_and_features_are_those_that_steps_know(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program is bent on is asked for where steps are made: no name is wrong."""
    asked: set[str] = set()
    chance = Choice.chance

    def heard(self: Choice, per_cent: int, feature: str = "") -> bool:
        asked.add(feature)
        return chance(self, per_cent, feature)

    monkeypatch.setattr(Choice, "chance", heard)

    @settings(max_examples=PROGRAMS, database=None, deadline=None)
    @seed(SEED)
    @given(programs())
    def draw(_run: Run) -> None:
        """A program that nobody runs."""

    draw()
    assert asked - {""} == {feature for features in THEMES.values() for feature in features}
    assert {area for _weight, areas, _maker in generate.MAKERS for area in areas} == set(AREAS)


def twin(*words: str) -> "subprocess.CompletedProcess[str]":
    """The command to its end."""
    return subprocess.run(  # noqa: S603  our own interpreter and package
        [sys.executable, "-m", "suites.stateful", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
    )


def test_a_run_is_recorded(tmp_path: Path) -> None:
    """The seed, the figures and the command are in the record, for each kind of programs."""
    path = tmp_path / "twin.json"
    done = twin(
        *("--broker", "reference", "--examples", "12", "--seed", "5", "--output", str(path))
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(path.read_text(encoding="utf-8"))
    assert "--seed 5" in told["command"]
    assert [outcome["what"] for outcome in told["outcomes"]] == ["amqp", "memcacheq", "memcached"]
    assert {outcome["compared"] for outcome in told["outcomes"]} == {12}


def test_a_wrong_word_is_answered_with_what_there_is() -> None:
    """One line says what was wrong."""
    done = twin("--broker", "nobody")
    assert done.returncode == 2
    assert "no kind of broker is named `nobody`" in done.stderr


def test_an_interrupted_run_is_recorded(tmp_path: Path) -> None:
    """Ctrl-C ends the brokers, and what was compared so far is in the record."""
    path = tmp_path / "twin.json"
    words = ("--broker", "reference", "--what", "amqp", "--examples", "9999", "--output", str(path))
    running = subprocess.Popen(  # noqa: S603  our own interpreter and package
        [sys.executable, "-m", "suites.stateful", *words],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=_hears_interrupts,  # noqa: PLW1509  no threads here
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "programs" in line:
            break
    running.send_signal(signal.SIGINT)
    assert running.wait(SOON) == 130
    running.stderr.close()
    assert json.loads(path.read_text(encoding="utf-8"))["outcomes"][0]["compared"] > 0


def _hears_interrupts() -> None:
    """Whoever starts us in the background lets children ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Scripted:
    """A contest whose programs are numbers, and whose findings are listed."""

    what = "script"
    subjects: list[str]

    def __init__(self, wrong: Iterator[bool]) -> None:
        self.subjects = ["nobody"]
        self.hurried = False
        self._wrong = wrong

    def programs(self) -> st.SearchStrategy[list[int]]:
        """Lists of numbers."""
        return st.lists(st.integers(0, 9), max_size=5)

    def differs(self, drawn: list[int]) -> Finding | None:
        """What comes next in the list."""
        return Finding("wrong", "", list(drawn)) if next(self._wrong, False) else None

    def hurry(self) -> None:
        """It has been told."""
        self.hurried = True

    def close(self) -> None:
        """Nothing."""


def test_a_difference_that_does_not_repeat_is_kept_apart() -> None:
    """It does not end the run, and is told."""
    outcome = conducted(Scripted(iter([False, True, False])), 20)
    assert outcome.finding is None
    assert len(outcome.once) == 1


def test_a_difference_that_repeats_ends_the_run() -> None:
    """From then on the contest is in a hurry."""
    contest = Scripted(iter([True] * 1000))
    outcome = conducted(contest, 20)
    assert outcome.finding is not None
    assert outcome.finding.program == []
    assert contest.hurried


STEPS = (
    Step("c0", 0, CONNECT),
    Step("c0", 1, "channel.open"),
    Step("c0", 1, "queue.declare", {"queue": "$q0"}),
    Step("c0", 1, "basic.consume", {"queue": "$q0", "consumer_tag": "t0"}),
    Step("c0", 1, "basic.publish", {"routing_key": "$q0", "body": "m1"}),
    Step("c0", 1, "queue.delete", {"queue": "$q0", "if_unused": True}),
)


def test_a_program_becomes_a_test() -> None:
    """Source that compiles, with the model's expectations as asserts."""
    model = Model()
    source = as_test(STEPS, [model.apply(step) for step in STEPS])
    compile(source, "pasted", "exec")
    assert 'c0.expect_content(1, "basic.deliver", b"m1")' in source
    assert 'c0.expect_channel_close(1, 406, method="queue.delete")' in source


def test_a_program_survives_json() -> None:
    """What the record has is the program."""
    assert program.load(json.loads(json.dumps(program.dump(STEPS)))) == STEPS


def test_the_models_of_text_answer() -> None:
    """One exchange with each."""
    queues, items = QueueModel(), KeyValueModel()
    assert queues.answer(0, b"set $a 7 0 1\r\nx\r\n") == b"STORED\\\r\\\n"
    assert b"x" in queues.answer(1, b"get $a\r\n")
    assert items.answer(0, b"add $a 7 0 1\r\nx\r\n") == b"STORED\\\r\\\n"
    assert items.answer(0, b"add $a 7 0 1\r\nx\r\n") == b"NOT_STORED\\\r\\\n"
