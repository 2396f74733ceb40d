"""Work on a message for longer than the heartbeat allows, in one way or another."""

import time
from collections.abc import Iterator, Mapping
from typing import ClassVar

from reports.answers.model import Cell, Fact, Mark, Span
from reports.answers.questions.slow_callback import (
    BLOCKING,
    HALF,
    KEPT,
    LOST,
    MORE,
    MUCH_MORE,
    PUMPING,
    QUESTION,
    SLEEP,
    TAKEN,
    THREAD,
    UNHEARD,
    VOID,
)
from suites.answers.experiment import Experiment, Place, Stage, until
from suites.answers.intervals import silence
from suites.answers.messages import PATIENCE, counts, fill, new_name
from suites.clients.link import SILENCE
from suites.clients.process import ClientError
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.clients.transcript import Transcript
from suites.verify import Mismatch

MARGIN = 1.0  # seconds beyond the work in which nothing must come again any more

WAYS: Mapping[str, str] = {
    BLOCKING: "time.sleep",
    SLEEP: "connection.sleep",
    PUMPING: "process_data_events",
    THREAD: "thread",
    UNHEARD: "time.sleep",
}
LENGTHS: Mapping[str, float] = {HALF: 0.5, MORE: 1.5, MUCH_MORE: 4.0}
assert WAYS.keys() == QUESTION.rows.keys()
assert LENGTHS.keys() == QUESTION.columns.keys()


class Scene:
    """One cell: the client at work, and another consumer that waits."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self._stage = stage
        self._place = place
        self._interval = stage.parameters["heartbeat"]
        self._seconds = LENGTHS[place.column] * self._interval
        self._queue = new_name()
        self._transcript = Transcript()
        self._client = RemoteClient(stage.endpoint, self._transcript, "C")
        self._other = RawClient(stage.endpoint, transcript=self._transcript, label="O")
        self._began = 0.0  # the callback, in monotonic seconds
        self._again: tuple[float, bool] | None = None  # seconds since then, and the flag

    def cell(self) -> Cell:
        """Play it, and leave nothing."""
        try:
            self._other.handshake()
            self._other.open_channel(1)
            fill(self._other, self._queue, [b"work"])
            self._client.join(heartbeat=0 if self._place.row == UNHEARD else int(self._interval))
            self._client.call(
                "work", queue=self._queue, seconds=self._seconds, way=WAYS[self._place.row]
            )
            self._began = self._client.wait("delivery", PATIENCE).at
            self._other.consume(1, self._queue)
            self._look()
            facts = self._facts()
        finally:
            self._client.close()
            self._other.send(1, "queue.delete", queue=self._queue)
            self._other.close()
        return self._stage.cell(
            self._place,
            facts=facts,
            times={} if self._again is None else {"again": self._again[0]},
            spans=list(self._spans()),
            marks=list(self._marks()),
            transcript=self._transcript.lines,
        )

    def _look(self) -> None:
        """Wait for the message to come to the other consumer, until the work is over."""
        end = self._began + self._seconds + MARGIN
        try:
            message = self._other.find(1, "basic.deliver", timeout=max(0.1, end - time.monotonic()))
        except Mismatch as error:
            if error.actual != SILENCE:
                raise
            return
        self._again = time.monotonic() - self._began, bool(message["redelivered"])
        self._other.send(1, "basic.ack", delivery_tag=message["delivery_tag"])

    def _facts(self) -> dict[str, Fact]:
        """When the work is done: the ack, the connection, and what is left."""
        end = self._began + self._seconds + PATIENCE
        until(lambda: bool(self._acks()), end)
        kept = self._answers()
        again = self._again
        return {
            "connection": KEPT if kept else LOST,
            "closed": "not" if again is None else silence(again[0], self._interval),
            "ack": self._ack(kept=kept),
            "processed": 1 if again is None else 2,
            "redelivered": "yes" if again is not None and again[1] else "no",
            "left": counts(self._other, self._queue)[0],
        }

    def _acks(self) -> list[str]:
        told = {"acked": "", "refused": "error"}
        events = [event for event in self._client.events if event.name in told]
        return [str(event.told.get(told[event.name], "")) for event in events]

    def _ack(self, *, kept: bool) -> str:
        acks = self._acks()
        if not acks:
            return "never came to it"
        return f"raises `{acks[0]}`" if acks[0] else TAKEN if kept else VOID

    def _answers(self) -> bool:
        """Whether a round trip works."""
        try:
            self._client.call("sync")
        except ClientError:
            return False
        return True

    def _spans(self) -> Iterator[Span]:
        """The callback at work, for something and for nothing."""
        end = self._seconds if self._again is None else min(self._again[0], self._seconds)
        yield Span(who="callback", start=0, end=end, what="at work", tone="good")
        if end < self._seconds:
            yield Span(
                who="callback", start=end, end=self._seconds, what="work for nothing", tone="bad"
            )

    def _marks(self) -> Iterator[Mark]:
        if self._again is not None:
            yield Mark(at=self._again[0], who="other consumer", what="gets the message")
        for event in self._client.events:
            if event.name in {"acked", "refused", "lost"}:
                told = str(event.told.get("error", ""))
                yield Mark(at=event.at - self._began, who="client", what=f"{event.name} {told}")


class SlowCallback(Experiment):
    """All cells are under way at the same time."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"heartbeat": 2}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Every row with every column."""
        places = [Place(row, column) for row, _variant, column in QUESTION.places()]
        stage.progress(f"{len(places)} cells")

        def play(place: Place) -> Cell:
            return stage.attempt(place, lambda: Scene(stage, place).cell())

        yield from stage.side_by_side(play, stage.shuffled(places))


EXPERIMENT = SlowCallback()
