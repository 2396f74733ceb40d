"""Declare a queue, end its client in one way or another, and see what is left for the next."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import ClassVar

from reports.answers.model import Cell
from reports.answers.questions.anonymous_queues import QUESTION
from suites.answers.anonymous.endings import ENDINGS, Ending
from suites.answers.anonymous.kinds import KINDS
from suites.answers.anonymous.subject import Subject
from suites.answers.anonymous.watch import GONE
from suites.answers.experiment import Experiment, Place, Stage

AWAY_AFTER = 0.5  # seconds after the ending: the client is away, and a new one looks
MARGIN = 1.5  # seconds beyond x-expires in which the queue must be gone


class AnonymousQueues(Experiment):
    """All cells of a column are under way at the same time, since most of them wait."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"heartbeat": 2, "watch": 8, "expires": 4}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Column by column."""
        for column, ending in ENDINGS.items():
            stage.progress(column)
            places = [Place(row, column, v) for row in KINDS for v in QUESTION.variants]
            refused = [stage.unsupported(place, ending.needs) for place in places]
            possible = [p for p, refusal in zip(places, refused, strict=True) if refusal is None]
            yield from filter(None, refused)
            yield from _column(stage, stage.shuffled(possible), ending) if possible else ()


def _column(stage: Stage, places: list[Place], ending: Ending) -> list[Cell]:
    if "kill" in ending.needs:
        # RabbitMQ 3.10 may forget what was declared after a start that had followed a kill.
        stage.broker.restart()
    with ExitStack() as stack:
        subjects = []
        for place in places:
            subjects.append(Subject(stage, place))
            stack.callback(subjects[-1].clean)
        heartbeat = int(stage.parameters["heartbeat"]) if ending.heartbeats else 0
        broken, ready = stage.prepared(subjects, lambda subject: subject.prepare(heartbeat))
        ending.apply(ready, stage.broker)
        applied = time.monotonic()

        def observe(subject: Subject) -> Cell:
            return stage.attempt(subject.place, lambda: _observed(stage, ending, subject, applied))

        return [*broken, *stage.side_by_side(observe, ready)]


def _observed(stage: Stage, ending: Ending, subject: Subject, applied: float) -> Cell:
    """What follows, from the moment (monotonic seconds) at which the ending was applied."""
    time.sleep(max(0.0, applied + AWAY_AFTER - time.monotonic()))
    subject.leave_messages()
    watch = ending.watch(stage.parameters)
    if KINDS[subject.place.row].expires:
        watch += stage.parameters["expires"] + MARGIN
    subject.watch.wait(GONE, applied + watch)
    subject.recover()
    subject.end()
    return subject.cell()


EXPERIMENT = AnonymousQueues()
