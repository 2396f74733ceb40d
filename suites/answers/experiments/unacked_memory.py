"""Fill a queue, consume from it in one way or another, and see where the messages are."""

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from reports.answers.model import Cell, Fact
from reports.answers.questions.unacked_memory import (
    ACKED,
    AUTOMATIC,
    BROKER,
    CLIENT,
    FILLED,
    LIMITED,
    PART,
    QUESTION,
    STUCK,
    TAKES,
    UNLIMITED,
)
from suites.answers.experiment import Experiment, Place, Stage, at_rest
from suites.answers.messages import PATIENCE, counts, fill, new_name, ready
from suites.bench import usage
from suites.brokers.local import LocalBroker
from suites.clients.process import ClientProcess
from suites.clients.raw import RawClient
from suites.verify import Mismatch

SIZE = 1024
MIB = 1 << 20
STILL = 1.0  # seconds in which nothing may move
MOVE = 60.0  # seconds in which all must have come to rest
FOREVER = 3600.0

WAYS: Mapping[str, Mapping[str, Any]] = {
    UNLIMITED: {"keep": True},
    LIMITED: {"keep": True, "prefetch": 100},
    AUTOMATIC: {"keep": True, "auto_ack": True},
    ACKED: {"ack": True},
}
assert WAYS.keys() == QUESTION.rows.keys()


class Load:
    """One cell: a queue, and the client that consumes from it without a proxy between."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self._stage = stage
        self._place = place
        self._count = int(stage.parameters["messages"])
        self._queue = new_name()
        self._client = ClientProcess()
        self._witness = RawClient.open(stage.endpoint)

    def cell(self) -> Cell:
        """Fill, consume, look, kill, look again; leave nothing."""
        self._witness.open_channel(1)
        try:
            self._client.start().connect(self._stage.endpoint, heartbeat=0)
            empty = self._memory()
            fill(self._witness, self._queue, [b"x" * SIZE] * self._count)
            before = self._memory()
            self._consume()
            called, waiting = self._come_to_rest()
            after = self._memory()
            self._client.kill()
            facts = self._facts(called, waiting, ready(self._witness, self._queue))
        finally:
            self._client.kill()
            self._witness.send(1, "queue.delete", queue=self._queue)
            transcript = self._witness.transcript
            self._witness.close()
        figures = {name: (after[name] - before[name]) / MIB for name in before}
        if BROKER in before:
            figures[FILLED] = (before[BROKER] - empty[BROKER]) / MIB
        return self._stage.cell(self._place, facts=facts, figures=figures, transcript=transcript)

    def _consume(self) -> None:
        way = dict(WAYS[self._place.row])
        if self._place.column == STUCK:
            # pika handles the first delivery before the answer, or after it: do not wait for it.
            self._client.send("consume", queue=self._queue, callback_sleeps=FOREVER, **way)
            self._client.wait("delivery", PATIENCE)
        else:
            self._client.call("consume", queue=self._queue, quiet=True, **way)

    def _come_to_rest(self) -> tuple[int, int]:
        """When nothing has moved for a while: how many callbacks there were, how many are ready."""

        def look() -> tuple[int, int]:
            return self._called(), counts(self._witness, self._queue)[0]

        seen, rests = at_rest(look, STILL, time.monotonic() + MOVE)
        if not rests:
            raise Mismatch(f"all at rest within {MOVE:g} s", f"{seen[0]} callbacks so far")
        return seen

    def _called(self) -> int:
        if self._place.column == TAKES:
            called: int = self._client.call("delivered")
            return called
        return sum(1 for event in self._client.events if event.name == "delivery")

    def _facts(self, called: int, waiting: int, left: int) -> dict[str, Fact]:
        """From what was ready while the client lived, and after."""
        acked = called if (self._place.row, self._place.column) == (ACKED, TAKES) else 0
        # Fewer are left where some more went out as the socket was closed.
        back = max(0, left - waiting)
        found = {"ready": waiting, "back": back, "lost": self._count - left - acked}
        buffered = self._place.column == STUCK and self._place.row != LIMITED
        first = self._witness.get(1, self._queue)
        flag = "nothing is left" if first is None else "yes" if first["redelivered"] else "no"
        return {
            "sent": self._count,
            "callbacks": called,
            **{name: self._word(n) if buffered else n for name, n in found.items()},
            "redelivered": flag,
        }

    def _word(self, number: int) -> Fact:
        return PART if 0 < number < self._count else number

    def _memory(self) -> dict[str, int]:
        """Resident octets of each side, as far as they can be had."""
        if not usage.available():
            return {}
        found = {CLIENT: usage.resident_octets(self._client.pid)}
        if isinstance(self._stage.broker, LocalBroker):
            found[BROKER] = usage.resident_octets(self._stage.broker.pid)
        return found


def _weigh(stage: Stage, place: Place) -> Cell:
    return Load(stage, place).cell()


class UnackedMemory(Experiment):
    """One cell after another, since all of them weigh the same broker."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"messages": 20_000}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Row by row."""
        for row, _variant, column in QUESTION.places():
            stage.progress(f"{row}, {column}")
            place = Place(row, column)
            yield stage.attempt(place, partial(_weigh, stage, place))


EXPERIMENT = UnackedMemory()
