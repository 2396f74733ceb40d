"""Use an auto-delete queue or exchange for the last time, in one way or another, and look."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

from reports.answers.model import Cell, Fact, Mark
from reports.answers.questions.auto_delete import (
    ACCEPTED,
    EXCHANGE,
    GONE,
    KILLED,
    QUESTION,
    QUEUE,
    RESTARTED,
    THERE,
)
from suites.answers.experiment import Experiment, Place, Stage, until
from suites.answers.messages import PATIENCE, new_name, publish
from suites.clients.raw import RawClient
from suites.clients.transcript import SENT, Transcript
from suites.verify import Mismatch

MESSAGES = 2
UNKNOWN_TAG = 99


class Scene:
    """One cell: `client` uses the thing, and the witness looks for it."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self.place = place
        self.name = new_name()
        self.other = new_name()
        """A queue or exchange beside it, if the row needs one."""
        self._stage = stage
        self._transcript = Transcript()
        self._clients: list[RawClient] = []
        self._witness: RawClient | None = None
        self._is_queue = place.row.startswith(QUEUE)
        self._facts: dict[str, Fact] = {}
        self._marks: list[Mark] = []
        self._times: dict[str, float] = {}
        self._began = 0.0

    @property
    def client(self) -> RawClient:
        """The connection that declared it; its channel 1 is open."""
        return self._clients[0]

    def declare(self) -> None:
        """Connect and declare, with the messages that the queue holds."""
        self._witness = self._connect("W")
        self._clients.append(self._connect("A"))
        flags: dict[str, Any] = {
            "durable": self.place.column == "durable",
            "auto_delete": True,
        }
        if not self._is_queue:
            self.client.call(1, "exchange.declare", exchange=self.name, type="fanout", **flags)
            return
        letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": self.other}
        self._witness.call(1, "queue.declare", queue=self.other, durable=True)
        self.client.call(1, "queue.declare", queue=self.name, arguments=letters, **flags)
        self._witness.open_channel(2)
        publish(self._witness, "", self.name, [b"message"] * MESSAGES, channel=2)

    def consume(self, channel: int = 1) -> str:
        """Consume with a prefetch of 1, until a message came; the consumer's tag."""
        if channel > 1:
            self.client.open_channel(channel)
        self.client.call(channel, "basic.qos", prefetch_count=1)
        tag = self.client.consume(channel, self.name)
        self.client.find(channel, "basic.deliver", timeout=PATIENCE)
        return tag

    def bind(self, queue: str | None = None, **flags: Any) -> str:
        """Bind it to a queue that is declared so; the queue's name."""
        name = queue or self.other
        self.client.call(1, "queue.declare", queue=name, **flags)
        self.client.call(1, "queue.bind", queue=name, exchange=self.name)
        return name

    def feed(self, source: str, destination: str) -> Callable[[], object]:
        """Bind it and an exchange beside it to each other; how to unbind them."""
        call = self.client.call
        call(1, "exchange.declare", exchange=self.other, type="fanout")
        call(1, "exchange.bind", source=source, destination=destination)
        return partial(call, 1, "exchange.unbind", source=source, destination=destination)

    def begin(self, what: str) -> None:
        """The clock starts when the last use ends."""
        self._began = time.monotonic()
        self._transcript.note("*", SENT, f"now: {what}")

    def watch(self, seconds: float) -> None:
        """Look until it is gone or so many seconds have gone by."""
        if until(self._gone, time.monotonic() + seconds):
            self._times["gone"] = time.monotonic() - self._began
            self._facts["state"] = GONE
        else:
            self._facts["state"] = THERE
        self._mark(f"sees it {self._facts['state']}")

    def restarted(self) -> None:
        """The broker is back: all connections are new."""
        for client in (*self._clients, self.witness):
            client.close()
        self._clients.clear()
        self._witness = self._connect("W")
        self._facts["state"] = GONE if self._gone() else THERE

    def cell(self) -> Cell:
        """What was seen, and what of the messages."""
        if self._is_queue:
            if self._facts["state"] == GONE:
                self._facts |= {"messages": MESSAGES, "dead letters": self._letters()}
        else:
            self._facts["publish"] = self._publishes()
        return self._stage.cell(
            self.place,
            facts=self._facts,
            times=self._times,
            marks=self._marks,
            transcript=self._transcript.lines,
        )

    def clean(self) -> None:
        """Leave nothing on the broker."""
        for client in [*self._clients, *filter(None, [self._witness])]:
            client.close()
        if not self._stage.broker.alive():
            return
        with RawClient.open(self._stage.endpoint) as client:
            for method, key in (("queue.delete", "queue"), ("exchange.delete", "exchange")):
                for name in (self.name, self.other):
                    client.open_channel(1)
                    client.send(1, method, **{key: name})
                    if client.read_method(1).name == "channel.close":
                        client.send(1, "channel.close-ok")
                    else:
                        client.call(1, "channel.close", reply_code=200)

    @property
    def witness(self) -> RawClient:
        """Who looks; there is one after `declare`."""
        if self._witness is None:
            raise RuntimeError("nothing is declared yet")
        return self._witness

    def _connect(self, label: str) -> RawClient:
        client = RawClient(self._stage.endpoint, transcript=self._transcript, label=label)
        try:
            client.handshake()
            client.open_channel(1)
        except BaseException:
            client.close()
            raise
        return client

    def _gone(self) -> bool:
        if self._is_queue:
            self.witness.send(1, "queue.declare", queue=self.name, passive=True)
        else:
            self.witness.send(1, "exchange.declare", exchange=self.name, passive=True)
        answer = self.witness.read_method(1, PATIENCE)
        if answer.name.endswith(".declare-ok"):
            return False
        if answer.name != "channel.close" or answer["reply_code"] != 404:
            raise Mismatch("declare-ok or channel.close 404", str(answer), answer.detail)
        self.witness.send(1, "channel.close-ok")
        self.witness.open_channel(1)
        return True

    def _letters(self) -> int:
        """How many dead letters there are: the queue is gone, and with it who could send more."""
        declared = self.witness.call(1, "queue.declare", queue=self.other, passive=True)
        return int(declared["message_count"])

    def _publishes(self) -> str:
        """What a publish to the exchange gets."""
        self.witness.publish(1, self.name, "", b"anybody")
        self.witness.send(1, "exchange.declare", exchange="amq.direct", type="direct", passive=True)
        answer = self.witness.read_method(1, PATIENCE)
        return str(answer) if answer.name == "channel.close" else ACCEPTED

    def _mark(self, what: str) -> None:
        self._marks.append(Mark(at=time.monotonic() - self._began, who="witness", what=what))


Last = Callable[[], object]
"""The last use, or the step that ends it."""


def _leave(scene: Scene) -> Last:
    return scene.client.close


def _get(scene: Scene) -> Last:
    scene.client.get(1, scene.name, no_ack=False)
    return scene.client.close


def _cancel_first(scene: Scene) -> Last:
    first, _second = scene.consume(1), scene.consume(2)
    return partial(scene.client.call, 1, "basic.cancel", consumer_tag=first)


def _cancel_both(scene: Scene) -> Last:
    first, second = scene.consume(1), scene.consume(2)
    scene.client.call(1, "basic.cancel", consumer_tag=first)
    return partial(scene.client.call, 2, "basic.cancel", consumer_tag=second)


def _cancel(scene: Scene) -> Last:
    return partial(scene.client.call, 1, "basic.cancel", consumer_tag=scene.consume())


def _close_channel(scene: Scene) -> Last:
    scene.consume()
    return partial(scene.client.call, 1, "channel.close", reply_code=200)


def _be_closed(scene: Scene) -> Last:
    scene.consume()

    def err() -> None:
        scene.client.send(1, "basic.ack", delivery_tag=UNKNOWN_TAG)
        scene.client.expect_channel_close(1, 406)

    return err


def _close_connection(scene: Scene) -> Last:
    scene.consume()
    return scene.client.close


def _lose_connection(scene: Scene) -> Last:
    scene.consume()
    return scene.client.link.reset


def _unbind_first(scene: Scene) -> Last:
    first = scene.bind(exclusive=True)
    scene.bind(new_name(), exclusive=True)
    return partial(scene.client.call, 1, "queue.unbind", queue=first, exchange=scene.name)


def _unbind(scene: Scene) -> Last:
    queue = scene.bind(exclusive=True)
    return partial(scene.client.call, 1, "queue.unbind", queue=queue, exchange=scene.name)


def _delete_queue(scene: Scene) -> Last:
    return partial(scene.client.call, 1, "queue.delete", queue=scene.bind(exclusive=True))


def _queue_vanishes(scene: Scene) -> Last:
    tag = scene.client.consume(1, scene.bind(auto_delete=True))
    return partial(scene.client.call, 1, "basic.cancel", consumer_tag=tag)


def _unbind_exchange(scene: Scene) -> Last:
    return scene.feed(source=scene.name, destination=scene.other)


def _unbind_destination(scene: Scene) -> Last:
    return scene.feed(source=scene.other, destination=scene.name)


def _leave_bound(scene: Scene) -> Last:
    scene.bind(durable=True)
    return scene.client.link.reset


def _leave_exclusive(scene: Scene) -> Last:
    scene.bind(exclusive=True)
    return scene.client.link.reset


ENDINGS: Mapping[str, Callable[[Scene], Last]] = {
    f"{QUEUE}never consumed": _leave,
    f"{QUEUE}only basic.get": _get,
    f"{QUEUE}first of two consumers cancelled": _cancel_first,
    f"{QUEUE}last consumer cancelled": _cancel,
    f"{QUEUE}both consumers cancelled": _cancel_both,
    f"{QUEUE}channel closed": _close_channel,
    f"{QUEUE}channel closed by the broker": _be_closed,
    f"{QUEUE}connection closed": _close_connection,
    f"{QUEUE}connection lost": _lose_connection,
    f"{EXCHANGE}never bound": _leave,
    f"{EXCHANGE}first of two bindings removed": _unbind_first,
    f"{EXCHANGE}last binding removed": _unbind,
    f"{EXCHANGE}last queue deleted": _delete_queue,
    f"{EXCHANGE}last queue auto-deleted": _queue_vanishes,
    f"{EXCHANGE}last exchange unbound": _unbind_exchange,
    f"{EXCHANGE}unbound as a destination": _unbind_destination,
    f"{EXCHANGE}bound, connection lost": _leave_bound,
    f"{EXCHANGE}exclusive queue, connection lost": _leave_exclusive,
}
"""What is prepared while the broker runs on, and the step that follows."""

BEFORE_RESTART: Mapping[str, Callable[[Scene], object]] = {
    f"{QUEUE}never consumed{RESTARTED}": lambda _scene: None,
    f"{QUEUE}consumed{RESTARTED}": Scene.consume,
    f"{EXCHANGE}bound{RESTARTED}": lambda scene: scene.bind(durable=True),
    f"{EXCHANGE}never bound{RESTARTED}": lambda _scene: None,
}
BEFORE_KILL: Mapping[str, Callable[[Scene], object]] = {
    f"{QUEUE}consumed{KILLED}": Scene.consume,
}
assert ENDINGS.keys() | BEFORE_RESTART.keys() | BEFORE_KILL.keys() == QUESTION.rows.keys()


class AutoDelete(Experiment):
    """All cells that need no restart are under way at the same time."""

    question = QUESTION
    defaults: ClassVar[Mapping[str, float]] = {"watch": 2}

    def run(self, stage: Stage) -> Iterator[Cell]:
        """While the broker runs, then over its restart, then over its end by SIGKILL."""
        stage.progress(f"{len(ENDINGS)} ways on a running broker")
        yield from stage.side_by_side(
            lambda place: stage.attempt(place, lambda: _ended(stage, place)),
            stage.shuffled(_places(ENDINGS)),
        )
        yield from _over(stage, BEFORE_RESTART, ("restart", "durable"), stage.broker.stop)
        yield from _over(stage, BEFORE_KILL, ("kill", "restart", "durable"), stage.broker.kill)


def _places(rows: Mapping[str, object]) -> list[Place]:
    return [Place(row, column) for row in rows for column in QUESTION.columns]


def _ended(stage: Stage, place: Place) -> Cell:
    scene = Scene(stage, place)
    try:
        scene.declare()
        last = ENDINGS[place.row](scene)
        scene.begin(place.row)
        last()
        scene.watch(stage.parameters["watch"])
        return scene.cell()
    finally:
        scene.clean()


def _over(
    stage: Stage,
    before: Mapping[str, Callable[[Scene], object]],
    needs: tuple[str, ...],
    end: Callable[[], None],
) -> Iterator[Cell]:
    """The cells of rows in which the broker ends and is started again."""
    places = _places(before)
    refused = [stage.unsupported(place, needs) for place in places]
    if any(refused):
        yield from filter(None, refused)
        return
    stage.progress(f"the broker {'is killed' if 'kill' in needs else 'restarts'}")
    scenes = [Scene(stage, place) for place in places]
    try:
        for scene in scenes:
            scene.declare()
            before[scene.place.row](scene)
            scene.begin("the broker ends")
        end()
        stage.broker.start()
        for scene in scenes:
            scene.restarted()
            yield scene.cell()
    finally:
        for scene in scenes:
            scene.clean()


EXPERIMENT = AutoDelete()
