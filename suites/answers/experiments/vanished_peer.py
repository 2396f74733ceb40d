"""Let a client, a broker or their link vanish, and see when each side knows."""

import time
from collections.abc import Iterator, Mapping
from typing import ClassVar

from faults.process import Pause
from reports.answers.model import Cell, Fact, Span
from reports.answers.moments import AT_ONCE, NEVER
from reports.answers.questions.vanished_peer import (
    BEATING,
    BROKER_KILLED,
    BROKER_STOPPED,
    BY_BROKER,
    BY_CLIENT,
    CHECK,
    CLIENT_STOPPED,
    DEAD,
    QUESTION,
    WAKES_ON,
    WAKES_TOLD,
)
from suites.answers.drops import DROPS, ONE_WAY
from suites.answers.experiment import Experiment, Place, Stage, until
from suites.answers.intervals import SLACK, silence
from suites.answers.messages import PATIENCE, new_name
from suites.clients.process import Event
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.clients.transcript import SENT, Transcript

LOOK = 0.05  # seconds between two looks
GRACE = 5.0  # seconds that pika adds to the interval between two of its checks
TOGETHER = 1.0  # seconds within which one side's end is the other side's news
WAKING = 4.0  # seconds in which whoever wakes has read what came meanwhile

HURTS = {name: drop for name, drop in {**DROPS, **ONE_WAY}.items() if name in QUESTION.rows}
assert HURTS.keys() | {BROKER_KILLED, BROKER_STOPPED} == QUESTION.rows.keys()


class Scene:
    """One cell: a client with an exclusive queue, and a witness of the queue."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self.place = place
        self._stage = stage
        self._interval = stage.parameters["heartbeat"]
        self._transcript = Transcript()
        self._client = RemoteClient(stage.endpoint, self._transcript, "C")
        self._witness: RawClient | None = None
        self._queue = new_name()
        self._pause: Pause | None = None
        self._began = 0.0
        self._facts: dict[str, Fact] = {}
        self._times: dict[str, float] = {}

    def prepare(self) -> None:
        """Connect, and take the lock."""
        self._client.join(heartbeat=int(self._interval) if self.place.column == BEATING else 0)
        self._client.call("declare", queue=self._queue, exclusive=True)
        self._witness = RawClient.open(self._stage.endpoint)

    def begin(self) -> None:
        """The clock starts."""
        self._began = time.monotonic()
        self._transcript.note("*", SENT, f"now: {self.place.row}")

    def hurt(self) -> None:
        """Do what the row says to the client or its link."""
        if self.place.row == CLIENT_STOPPED:
            self._pause = Pause(self._client)
            self._pause.start()
        else:
            HURTS[self.place.row](self._client)

    def watch(self) -> None:
        """Look until both sides know, or the watch is over."""
        client_out = self.place.row in {"SIGKILL", CLIENT_STOPPED}
        broker_out = self.place.row in {BROKER_KILLED, BROKER_STOPPED}

        def known() -> bool:
            if not broker_out and "broker" not in self._times and not self.locked():
                self._times["broker"] = time.monotonic() - self._began
            lost = self._lost()
            if lost is not None and not client_out:
                self._times["client"] = max(0.0, lost.at - self._began)
            needed = 2 - client_out - broker_out
            return len(self._times) >= needed

        until(known, self._began + self._longest(), LOOK)
        self._facts["client"] = DEAD if client_out else self._client_word()
        self._facts["broker"] = DEAD if broker_out else self._broker_word()

    def wake_client(self) -> None:
        """Let a frozen client go on."""
        if self._pause is not None:
            self._pause.stop()
            told = until(lambda: self._lost() is not None, time.monotonic() + WAKING)
            self._facts["client"] = WAKES_TOLD if told else WAKES_ON

    def broker_woke(self) -> None:
        """What a frozen broker knows when it goes on."""
        told = until(lambda: not self.locked(), time.monotonic() + WAKING, LOOK)
        self._facts["broker"] = WAKES_TOLD if told else WAKES_ON

    def locked(self) -> bool:
        """Whether the broker believes in the owner of the queue."""
        if self._witness is None:
            raise RuntimeError("there is no witness yet")
        self._witness.open_channel(1)
        self._witness.send(1, "queue.declare", queue=self._queue, passive=True)
        closed = self._witness.expect_channel_close(1, 404, 405, timeout=PATIENCE)
        return bool(closed["reply_code"] == 405)

    def cell(self) -> Cell:
        """What was seen."""
        return self._stage.cell(
            self.place,
            facts=self._facts,
            times=self._times,
            spans=list(self._spans()),
            transcript=self._transcript.lines,
        )

    def clean(self) -> None:
        """Leave nothing."""
        if self._pause is not None:
            self._pause.stop()
        self._client.close()
        if self._witness is not None:
            self._witness.close()

    def _longest(self) -> float:
        if self.place.column == BEATING:
            return 2 * (self._interval + GRACE) + SLACK
        return self._stage.parameters["watch"]

    def _lost(self) -> Event | None:
        return next((event for event in self._client.events if event.name == "lost"), None)

    def _client_word(self) -> str:
        lost, at = self._lost(), self._times.get("client")
        if lost is None or at is None:
            return NEVER
        if at < self._interval:
            return AT_ONCE
        period = self._interval + GRACE
        if lost.told["error"] == "no heartbeat from the broker":
            in_time = period - self._interval <= at <= 2 * period + SLACK
            return CHECK if in_time else f"by its own check, after {at / period:.1f} periods"
        gave_up = self._times.get("broker", 0.0)
        return BY_BROKER if at - gave_up < TOGETHER else f"{lost.told['error']} after {at:.1f} s"

    def _broker_word(self) -> str:
        at = self._times.get("broker")
        if at is None:
            return NEVER
        gave_up = self._times.get("client")
        if self._facts["client"] == CHECK and gave_up is not None and 0 <= at - gave_up < TOGETHER:
            return BY_CLIENT
        return silence(at, self._interval)

    def _spans(self) -> Iterator[Span]:
        """Who believes in the other, and for how long."""
        for side in ("client", "broker"):
            word = self._facts[side]
            if word == DEAD:
                yield Span(who=side, start=0, end=0.2, what="dead", tone="none")
                continue
            end = self._times.get(side, self._longest())
            what = "frozen" if word in {WAKES_TOLD, WAKES_ON} else "believes in the other"
            tone = "bad" if word == NEVER else "mixed" if word != AT_ONCE else "good"
            yield Span(who=side, start=0, end=end, what=what, tone=tone)


class VanishedPeer(Experiment):
    """First what leaves the broker alone, all at the same time; then the broker itself."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"heartbeat": 1, "watch": 8}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """Link and client, then a frozen broker, then a dead one."""
        stage.progress("links and clients")
        places = [Place(row, column) for row in HURTS for column in QUESTION.columns]
        yield from stage.side_by_side(
            lambda place: stage.attempt(place, lambda: _hurt(stage, place)), stage.shuffled(places)
        )
        yield from _with_broker(stage, BROKER_STOPPED, ("pause",))
        yield from _with_broker(stage, BROKER_KILLED, ("kill",))


def _hurt(stage: Stage, place: Place) -> Cell:
    scene = Scene(stage, place)
    try:
        scene.prepare()
        scene.begin()
        scene.hurt()
        scene.watch()
        scene.wake_client()
        return scene.cell()
    finally:
        scene.clean()


def _with_broker(stage: Stage, row: str, needs: tuple[str, ...]) -> Iterator[Cell]:
    """The cells of a row in which the broker itself is hurt, and then well again."""
    places = [Place(row, column) for column in QUESTION.columns]
    refused = [stage.unsupported(place, needs) for place in places]
    if any(refused):
        yield from filter(None, refused)
        return
    stage.progress(row)
    scenes = [Scene(stage, place) for place in places]
    broker, frozen = stage.broker, row == BROKER_STOPPED
    try:
        stage.side_by_side(Scene.prepare, scenes)
        for scene in scenes:
            scene.begin()
        (broker.pause if frozen else broker.kill)()
        try:
            stage.side_by_side(Scene.watch, scenes)
        finally:
            (broker.resume if frozen else broker.start)()
        if frozen:
            stage.side_by_side(Scene.broker_woke, scenes)
        yield from [scene.cell() for scene in scenes]
    finally:
        for scene in scenes:
            scene.clean()


EXPERIMENT = VanishedPeer()
