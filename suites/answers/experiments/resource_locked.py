"""Lose a connection that owns a queue, come back, and ask for the queue."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from reports.answers.model import Cell, Fact, Mark, Span
from reports.answers.moments import AT_ONCE, NEVER
from reports.answers.questions.resource_locked import (
    AUTO_DELETE,
    EXPIRES,
    GRANTED,
    LOCKED,
    LONG,
    QUESTION,
    SERVER_NAMED,
    SHORT,
    SILENT,
    UNHEARD,
    interval_of,
)
from suites.answers.drops import DROPS
from suites.answers.experiment import Experiment, Place, Stage
from suites.answers.intervals import MOST, SLACK, silence
from suites.answers.messages import PATIENCE, new_name, publish
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.clients.transcript import SENT, Transcript
from suites.verify import Mismatch

MESSAGES = 3
AWAY = 0.5  # seconds until the application comes back
AGAIN = 0.05  # seconds between two tries
SOON = 1.5  # seconds in which a broker that was told must have acted
LEASE = 60_000  # milliseconds of x-expires: longer than any cell

FLAGS: Mapping[str, Mapping[str, Any]] = {
    SHORT: {"exclusive": True},
    LONG: {"exclusive": True},
    UNHEARD: {"exclusive": True},
    SERVER_NAMED: {"exclusive": True},
    AUTO_DELETE: {"auto_delete": True},
    EXPIRES: {"arguments": {"x-expires": LEASE}},
}
assert FLAGS.keys() == QUESTION.columns.keys()
assert DROPS.keys() == QUESTION.rows.keys()


class Scene:
    """One cell: the old client, and the one that comes back."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self._stage = stage
        self._place = place
        self._interval = stage.parameters[interval_of(place.column)]
        self._transcript = Transcript()
        self._old = RemoteClient(stage.endpoint, self._transcript, "C")
        self._name = "" if place.column == SERVER_NAMED else new_name()
        self._queue = ""
        self._flags = FLAGS[place.column]
        self._refusals = 0
        self._spans: list[Span] = []
        self._marks: list[Mark] = []

    def cell(self) -> Cell:
        """Play it, and leave nothing."""
        try:
            self._before()
            began = time.monotonic()
            self._transcript.note("*", SENT, f"the end: {self._place.row}")
            DROPS[self._place.row](self._old)
            time.sleep(AWAY)
            with RawClient(self._stage.endpoint, transcript=self._transcript, label="N") as new:
                new.handshake()
                facts, times = self._come_back(new, began)
        finally:
            self._old.close()
            self._clean()
        return self._stage.cell(
            self._place,
            facts={"sent": MESSAGES, **facts},
            times=times,
            figures={"refusals": self._refusals},
            spans=self._spans,
            marks=self._marks,
            transcript=self._transcript.lines,
        )

    def _before(self) -> None:
        """Declare, fill, and consume one message."""
        heartbeat = 0 if self._place.column == UNHEARD else int(self._interval)
        self._old.join(heartbeat=heartbeat)
        self._queue = self._old.call("declare", queue=self._name, **self._flags)[0]
        with RawClient.open(self._stage.endpoint) as publisher:
            publisher.open_channel(1)
            publish(publisher, "", self._queue, [b"message"] * MESSAGES)
        self._old.call("consume", queue=self._queue, prefetch=1)
        self._old.wait("delivery", PATIENCE)

    def _come_back(self, new: RawClient, began: float) -> tuple[dict[str, Fact], dict[str, float]]:
        """Try until it is granted; then see what is in the queue."""
        end = began + self._watch()
        first = code = self._declare(new)
        while code != GRANTED and time.monotonic() < end:
            time.sleep(AGAIN)
            code = self._declare(new)
        at = time.monotonic() - began
        self._picture(first, code, at)
        if code != GRANTED:
            return {"first": first, "granted": NEVER, "messages": 0}, {}
        granted = AT_ONCE if first == GRANTED else silence(at, self._interval)
        messages = self._take(new, max(end, time.monotonic() + SOON))
        facts: dict[str, Fact] = {"first": first, "granted": granted, "messages": messages}
        return facts, {"granted": at}

    def _watch(self) -> float:
        """Seconds until the broker must have noticed the end, if it can."""
        if self._place.row not in SILENT:
            return AWAY + SOON
        if self._place.column == UNHEARD:
            return self._stage.parameters["watch"]
        return MOST * self._interval + SLACK + 1

    def _declare(self, new: RawClient) -> str:
        """Open a channel and declare as the old client did: 200, or the code of the refusal."""
        quiet = self._refusals > 1  # more of the same is no evidence
        new.link.transcript = Transcript() if quiet else self._transcript
        new.open_channel(1)
        new.send(1, "queue.declare", queue=self._name, **self._flags)
        answer = new.read_method(1, PATIENCE)
        if answer.name == "queue.declare-ok":
            new.link.transcript = self._transcript
            self._queue = answer["queue"]
            self._transcript.note("N", SENT, f"is granted it after {self._refusals} refusals")
            return GRANTED
        if answer.name != "channel.close":
            raise Mismatch("queue.declare-ok or channel.close", str(answer), answer.detail)
        new.send(1, "channel.close-ok")
        self._refusals += 1
        return str(answer["reply_code"])

    def _take(self, new: RawClient, end: float) -> int:
        """Consume until the end (monotonic seconds) or all came: how many messages."""
        new.consume(1, self._queue)
        count = 0
        while count < MESSAGES and (left := end - time.monotonic()) > 0:
            try:
                new.find(1, "basic.deliver", timeout=left)
            except Mismatch as error:
                if error.actual != "silence":
                    raise
                break
            count += 1
        return count

    def _picture(self, first: str, last: str, at: float) -> None:
        """What was answered while."""
        if first != GRANTED:
            told = "405" if first == LOCKED else first
            self._spans.append(Span(who="declare", start=AWAY, end=at, what=told, tone="bad"))
        if last == GRANTED:
            self._marks.append(Mark(at=at, who="declare", what="is granted"))
            self._spans.append(
                Span(who="declare", start=at, end=at + SOON, what="granted", tone="good")
            )

    def _clean(self) -> None:
        """The queues that are nobody's."""
        with RawClient.open(self._stage.endpoint) as client:
            client.open_channel(1)
            client.send(1, "queue.delete", queue=self._queue)
            client.read_method(1, PATIENCE)


class ResourceLocked(Experiment):
    """All cells are under way at the same time, since most of them wait."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"short": 1, "long": 3, "watch": 8}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Every row with every column."""
        places = [Place(row, column) for row, _variant, column in QUESTION.places()]
        stage.progress(f"{len(places)} cells")

        def play(place: Place) -> Cell:
            return stage.attempt(place, lambda: Scene(stage, place).cell())

        yield from stage.side_by_side(play, stage.shuffled(places))


EXPERIMENT = ResourceLocked()
