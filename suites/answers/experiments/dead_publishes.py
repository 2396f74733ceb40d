"""Let a connection die under a client that publishes, and see what it believes."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import ClassVar

from faults.proxy import Toxic
from faults.toxics import Fin, Freeze, Reset
from reports.answers.model import Cell
from reports.answers.questions.dead_publishes import FIN, FROZEN, KILLED, QUESTION, RST, SILENT
from suites.answers.dead.subject import Subject
from suites.answers.experiment import Experiment, Place, Stage, until

GRACE = 5.0  # seconds that pika adds to the interval between two of its checks
SLACK = 3.0  # seconds that a loaded machine may add
SOON = 4.0  # seconds in which a client that is told must have its error

LINKS: Mapping[str, Callable[[], Toxic]] = {FIN: Fin, RST: Reset, SILENT: Freeze}
assert {*LINKS, FROZEN, KILLED} == QUESTION.columns.keys()


class DeadPublishes(Experiment):
    """First the links, all at the same time; then the broker itself."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"heartbeat": 1}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Links, a frozen broker, a dead one."""
        stage.progress("links")
        yield from _together(stage, list(LINKS), _links_die)
        yield from _with_broker(stage, FROZEN, ("pause",), _broker_freezes)
        yield from _with_broker(stage, KILLED, ("kill", "restart", "durable"), _broker_dies)


def _places(columns: list[str]) -> list[Place]:
    return [Place(row, column, v) for row, v, column in QUESTION.places() if column in columns]


def _with_broker(
    stage: Stage, column: str, needs: tuple[str, ...], end: Callable[[Stage, list[Subject]], None]
) -> Iterator[Cell]:
    """The cells of a column for which the broker itself is hurt, or why they cannot be."""
    stage.progress(column)
    refused = [stage.unsupported(place, needs) for place in _places([column])]
    if any(refused):
        yield from filter(None, refused)
        return
    if column == KILLED:
        # RabbitMQ 3.10 may forget what was declared after a start that had followed a kill.
        stage.broker.restart()
    yield from _together(stage, [column], end)


def _together(
    stage: Stage, columns: list[str], end: Callable[[Stage, list[Subject]], None]
) -> list[Cell]:
    """Prepare all, let them die, and see what came of each."""
    with ExitStack() as stack:
        subjects = []
        for place in stage.shuffled(_places(columns)):
            subjects.append(Subject(stage, place))
            stack.callback(subjects[-1].clean)
        broken, ready = stage.prepared(subjects, Subject.prepare)
        end(stage, ready)
        return [*broken, *stage.side_by_side(lambda s: stage.attempt(s.place, s.cell), ready)]


def _links_die(stage: Stage, subjects: list[Subject]) -> None:
    for subject in subjects:
        subject.hurt(LINKS[subject.place.column]())
    for subject in subjects:  # those that are told first, though all watches run already
        if subject.place.column != SILENT:
            subject.watch(SOON)
    stage.side_by_side(
        lambda s: s.watch(_patience(stage)), [s for s in subjects if s.place.column == SILENT]
    )


def _broker_freezes(stage: Stage, subjects: list[Subject]) -> None:
    stage.broker.pause()
    try:
        for subject in subjects:
            subject.begin()
        stage.side_by_side(lambda s: s.watch(_patience(stage)), subjects)
    finally:
        stage.broker.resume()
    until(stage.broker.ready, time.monotonic() + _patience(stage))


def _broker_dies(stage: Stage, subjects: list[Subject]) -> None:
    stage.broker.kill()
    for subject in subjects:
        subject.begin()
    stage.side_by_side(lambda s: s.watch(SOON), subjects)
    stage.broker.start()


def _patience(stage: Stage) -> float:
    """Two of pika's checks, after which it gives up on a silent broker."""
    return 2 * (stage.parameters["heartbeat"] + GRACE) + SLACK


EXPERIMENT = DeadPublishes()
