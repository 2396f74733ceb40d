"""One cell: a publisher, its queue, and what it believed when it was all over."""

import time
from collections.abc import Callable, Iterator, Mapping

from faults.proxy import Toxic
from reports.answers.model import Cell, Fact, Mark, Span
from reports.answers.moments import AT_ONCE
from reports.answers.questions.dead_publishes import (
    ARRIVED,
    BEATING,
    BLIND,
    BLOCKED,
    BY_HEARTBEAT,
    CALLS,
    CONFIRMS,
    FEW,
    FEWEST,
    FROZEN,
    GOING_ON,
    LARGE,
    MANY,
    OCTETS,
    QUESTION,
    SMALL,
    WORKING,
)
from suites.answers.dead.publishers import BlindPublisher, Call, Error, PikaPublisher, Publisher
from suites.answers.experiment import Place, Stage, at_rest, until
from suites.answers.messages import PATIENCE, counts, drained, new_name
from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.clients.transcript import SENT, Transcript
from suites.verify import Mismatch

WARM = 10  # calls that must have returned before the end
SOON = 2.0  # seconds within which an error is told at once, on a loaded machine
STILL = 2.0  # seconds without a call that returns: one blocks
LOOK = 0.1
KIB, MIB = 1 << 10, 1 << 20

PUBLISHERS: Mapping[str, Callable[[Endpoint, Transcript], Publisher]] = {
    SMALL: lambda endpoint, transcript: PikaPublisher(endpoint, transcript, 64),
    WORKING: lambda endpoint, transcript: PikaPublisher(endpoint, transcript, 64, works=True),
    LARGE: lambda endpoint, transcript: PikaPublisher(endpoint, transcript, 256 * KIB),
    CONFIRMS: lambda endpoint, transcript: PikaPublisher(endpoint, transcript, 64, confirms=True),
    BLIND: lambda endpoint, transcript: BlindPublisher(endpoint, transcript, 64),
}
assert PUBLISHERS.keys() == QUESTION.rows.keys()


class Subject:
    """Times are in monotonic seconds, but in the cell, where they count from the end."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self.place = place
        self._stage = stage
        self._queue = new_name()
        self._transcript = Transcript()
        self._publisher = PUBLISHERS[place.row](stage.endpoint, self._transcript)
        self._died = 0.0
        self._watched = 0.0
        self._in_time: list[Call] = []  # those that returned before the watch was over
        self._error: Error | None = None  # the same of its error

    def prepare(self) -> None:
        """Declare the queue, and publish for a little while."""
        with RawClient.open(self._stage.endpoint) as client:
            client.open_channel(1)
            client.call(1, "queue.declare", queue=self._queue, durable=True)
        heartbeat = self._stage.parameters["heartbeat"] if self.place.variant == BEATING else 0
        self._publisher.start(self._queue, int(heartbeat))
        deadline = time.monotonic() + PATIENCE
        if not until(lambda: len(self._publisher.calls) >= WARM, deadline):
            raise Mismatch(f"{WARM} publishes", f"{len(self._publisher.calls)} so far")

    def hurt(self, toxic: Toxic) -> None:
        """Harm the link, and begin to count."""
        self._publisher.hurt(toxic)
        self.begin()

    def begin(self) -> None:
        """It is dead now."""
        self._died = time.monotonic()
        self._transcript.note("*", SENT, f"dead from here on: {self.place.column}")

    def watch(self, seconds: float) -> None:
        """Wait for its error, so many seconds at most, and then end it."""
        until(lambda: self._publisher.error is not None, self._died + seconds, LOOK)
        self._watched = time.monotonic()
        self._error = self._publisher.error
        self._in_time = self._publisher.calls
        self._publisher.end()

    def cell(self) -> Cell:
        """What it believed, and what arrived; the broker is there again."""
        arrived = self._arrived()
        believed = [call for call in self._in_time if call.began >= self._died]
        there = sum(1 for call in believed if call.number in arrived)
        facts = self._facts(believed)
        if self.place.column != FROZEN:
            facts["arrived"] = "none" if not there else f"{there} of {len(believed)}"
        if self.place.row == CONFIRMS:
            facts["missing"] = sum(1 for call in self._in_time if call.number not in arrived)
        figures = {
            CALLS: float(len(believed)),
            ARRIVED: float(there),
            OCTETS: len(believed) * self._publisher.size / MIB,
        }
        return self._stage.cell(
            self.place,
            facts=facts,
            times=self._times(),
            figures=figures,
            spans=list(self._spans(believed)),
            marks=list(self._marks()),
            transcript=self._transcript.lines,
        )

    def clean(self) -> None:
        """Leave nothing."""
        self._publisher.end()
        if self._stage.broker.alive():
            with RawClient.open(self._stage.endpoint) as client:
                client.open_channel(1)
                client.call(1, "queue.delete", queue=self._queue)

    def _facts(self, believed: list[Call]) -> dict[str, Fact]:
        error = self._error
        number: Fact = FEW if len(believed) <= FEWEST else MANY
        return {
            "believed": len(believed) if self.place.row == CONFIRMS else number,
            "error": error.text if error else "",
            "learned": self._learned(),
            "state": "" if error else BLOCKED if self._blocks() else GOING_ON,
            "arrived": "",
        }

    def _learned(self) -> str:
        error = self._error
        if error is None:
            return ""
        if error.text == "no heartbeat from the broker":
            return BY_HEARTBEAT
        after = error.at - self._died
        return AT_ONCE if after < SOON else f"after {after:.1f} s"

    def _blocks(self) -> bool:
        return self._watched - self._in_time[-1].returned > STILL

    def _arrived(self) -> set[int]:
        """The numbers of the messages in the queue, when no more come."""
        with RawClient.open(self._stage.endpoint) as client:
            client.open_channel(1)
            if self.place.column == FROZEN:
                # A broker that wakes has much to read.
                deadline = time.monotonic() + PATIENCE
                at_rest(lambda: counts(client, self._queue), STILL, deadline)
            return {int(message.body) for message in drained(client, self._queue)}

    def _times(self) -> dict[str, float]:
        error = self._error
        return {"error": max(0.0, error.at - self._died)} if error else {}

    def _spans(self, believed: list[Call]) -> Iterator[Span]:
        """Calls return, then one blocks, then there is an error."""
        error = self._error
        last = believed[-1].returned - self._died if believed else 0.0
        end = (error.at if error else self._watched) - self._died
        over = self._watched - self._died
        if last:
            told = f"{len(believed)} calls return"
            yield Span(who="publisher", start=0, end=last, what=told, tone="bad")
        if end - last > LOOK:
            yield Span(who="publisher", start=last, end=end, what="a call waits", tone="mixed")
        if error:
            yield Span(who="publisher", start=end, end=over + LOOK, what="knows", tone="good")

    def _marks(self) -> Iterator[Mark]:
        error = self._error
        if error:
            yield Mark(at=error.at - self._died, who="publisher", what=f"is told: {error.text}")
