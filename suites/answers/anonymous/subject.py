"""One cell: a client with its queue, from the declare to the last message that is accounted for."""

import time
from typing import Any

from reports.answers.model import Cell, Fact, Mark
from reports.answers.questions.anonymous_queues import CONSUMED
from suites.answers.anonymous.kinds import KINDS
from suites.answers.anonymous.watch import GONE, Watch
from suites.answers.experiment import Place, Stage
from suites.answers.messages import PATIENCE, publish
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.clients.remote import RemoteClient
from suites.clients.transcript import CAME, SENT, Transcript
from suites.verify import Mismatch

SENT_COUNT, TAKEN, AWAY = 110, 10, 10
LAST_LOOK = 3.0  # seconds in which what the old connection held must have come back
LOOK_AGAIN = 0.1


class Subject:
    """The old client, its queue, and everyone who looks for it afterwards."""

    def __init__(self, stage: Stage, place: Place) -> None:
        self.place = place
        self.transcript = Transcript()
        self.client = RemoteClient(stage.endpoint, self.transcript, "C")
        self.queue = ""
        self._stage = stage
        self._kind = KINDS[place.row]
        self._exchange = f"{self._kind.name() or 'mqproof.answers'}.{id(self):x}"
        self._facts: dict[str, Fact] = {"sent": SENT_COUNT, "away": AWAY}
        self._marks: list[Mark] = []
        self._watch: Watch | None = None
        self._began = 0.0  # when the ending was applied, in monotonic seconds
        self._watched = 0.0  # when the watch was over
        self._times: dict[str, float] = {}
        self._got: dict[bytes, str] = {}  # the message, and when it came back

    @property
    def watch(self) -> Watch:
        """What looks at the queue; there is one after `prepare`."""
        if self._watch is None:
            raise RuntimeError("the queue is not watched yet")
        return self._watch

    # before

    def prepare(self, heartbeat: int) -> None:
        """Connect, declare, bind, begin to watch, publish, take."""
        self.client.join(heartbeat=heartbeat)
        arguments = self._kind.arguments(self._stage.parameters)
        self.queue = self.client.call(
            "declare", queue=self._kind.name(), arguments=arguments, **self._kind.flags
        )[0]
        with RawClient.open(self._stage.endpoint) as publisher:
            publisher.open_channel(1)
            exchange: dict[str, Any] = {"exchange": self._exchange, "type": "fanout"}
            publisher.call(1, "exchange.declare", durable=True, **exchange)
            self.client.call("bind", queue=self.queue, exchange=self._exchange)
            self._begin_to_watch()
            bodies = [b"%d" % number for number in range(SENT_COUNT)]
            returned = publish(publisher, self._exchange, "", bodies)
        if returned:
            raise Mismatch("110 messages in the queue", f"{returned} of them returned")
        self._take()

    def _begin_to_watch(self) -> None:
        """Until the ending a queue with a lease is kept, however long the others take."""
        where = (self._stage.endpoint, self.queue, self._exchange)
        self._watch = Watch(*where, self.transcript, keep=self._kind.expires)
        self._watch.start()

    def _take(self) -> None:
        if self.place.variant == CONSUMED:
            self.client.call("consume", queue=self.queue, prefetch=TAKEN)
            self.client.wait("delivery", PATIENCE, TAKEN)
        else:
            taken = self.client.call("get", queue=self.queue, count=TAKEN)
            if len(taken) != TAKEN:
                raise Mismatch(f"{TAKEN} messages", f"{len(taken)} messages")

    # the ending, and after

    def begin(self) -> None:
        """The ending is applied now: the clock starts."""
        self.watch.let_go()
        self._began = time.monotonic()
        self.transcript.note("*", SENT, f"the ending: {self.place.column}")

    def mark(self, who: str, what: str, at: float | None = None) -> None:
        """Note an event, now or at a moment of the monotonic clock."""
        moment = time.monotonic() if at is None else at
        self._marks.append(Mark(at=moment - self._began, who=who, what=what))

    def leave_messages(self) -> None:
        """What a new connection gets meanwhile, and what becomes of what is published meanwhile."""
        code = self._ask("queue.declare", passive=True)
        self._facts["meanwhile"] = code
        self.mark("new client", f"declares the queue passively: {code}")
        with RawClient.open(self._stage.endpoint) as publisher:
            publisher.open_channel(1)
            bodies = [b"away %d" % number for number in range(AWAY)]
            returned = publish(publisher, self._exchange, "", bodies)
        self._facts["returned"] = returned
        kept = AWAY - returned
        self.mark("publisher", f"publishes {AWAY}: {kept} confirmed and kept, {returned} returned")

    def recover(self) -> None:
        """A new client takes what it can get, then declares the queue as the old one did."""
        self._watched = time.monotonic()
        self._facts["queue"] = self.watch.state
        if self.watch.state == GONE:
            self._times["gone"] = self.watch.since - self._began
        back = self._drain("back")
        self._facts["back"] = sum(1 for body in back if not body.startswith(b"away"))
        self._facts["redelivered"] = sum(
            1 for body, again in back.items() if again and not body.startswith(b"away")
        )
        if self._facts["back"]:
            told = f"{len(back)} messages, {self._facts['redelivered']} of them redelivered"
            self.mark("new client", f"gets {told}")
        self._facts["same"] = self._same_connection()
        self._facts["declared"] = self._ask(
            "queue.declare",
            arguments=self._kind.arguments(self._stage.parameters),
            **self._kind.flags,
        )
        self.mark("new client", f"declares the queue as before: {self._facts['declared']}")

    def _same_connection(self) -> int:
        """How many messages the old client gets by a new channel, if only its channel ended."""
        if self.place.column != "channel.close":
            return 0
        self.client.call("open_channel")
        if self._facts["queue"] == GONE:
            return 0
        found = self.client.call("get", queue=self.queue, count=SENT_COUNT + AWAY)
        self._got |= {body.encode(): "same" for _tag, body, _again in found}
        if found:
            self.mark("client", f"gets {len(found)} messages on a new channel")
        return sum(1 for _tag, body, _again in found if not body.startswith("away"))

    def end(self) -> None:
        """End what is left of the old client; count what comes only now, and what never does."""
        for event in self.client.events:
            if event.name == "lost":
                self.mark("client", f"notices: {event.told['error']}", event.at)
        self.client.close()
        self.mark("client", "is ended for good")
        stored = SENT_COUNT + AWAY - int(self._facts["returned"])
        deadline = time.monotonic() + LAST_LOOK
        while self._facts["queue"] != GONE and time.monotonic() < deadline:
            if len(self._got) >= stored or self.watch.state == GONE:
                break
            self._drain("held")
            time.sleep(LOOK_AGAIN)
        away = sum(1 for body in self._got if body.startswith(b"away"))
        self._facts["held"] = sum(
            1 for body, when in self._got.items() if when == "held" and not body.startswith(b"away")
        )
        self._facts["lost"] = SENT_COUNT - (len(self._got) - away)
        self._facts["away lost"] = stored - SENT_COUNT - away

    def clean(self) -> None:
        """Leave nothing on the broker, and give back what the machine lent."""
        self.client.close()
        if self._watch is not None:
            self._watch.stop()
        if self._stage.broker.alive():
            self._ask("queue.delete")
            self._ask("exchange.delete", exchange=self._exchange)

    def cell(self) -> Cell:
        """What was seen."""
        return self._stage.cell(
            self.place,
            facts=self._facts,
            times=self._times,
            spans=self.watch.spans(self._began, self._watched),
            marks=self._marks,
            transcript=self.transcript.lines,
        )

    def _ask(self, method: str, **arguments: Any) -> str:
        """A new connection's request about the queue: 200, or the code it is refused with."""
        if "exchange" not in arguments:
            arguments["queue"] = self.queue
        with RawClient.open(self._stage.endpoint) as client:
            client.open_channel(1)
            client.link.transcript, client.link.label = self.transcript, "N"
            client.send(1, method, **arguments)
            answer = client.read_method(1)
            client.link.transcript = Transcript()
        return str(answer["reply_code"]) if answer.name.endswith(".close") else "200"

    def _drain(self, when: str) -> dict[bytes, bool]:
        """Take all that a new connection can get: bodies, and whether each was redelivered."""
        found: dict[bytes, bool] = {}
        with RawClient.open(self._stage.endpoint) as client:
            client.open_channel(1)
            while True:
                client.send(1, "basic.get", queue=self.queue, no_ack=True)
                answer = client.read_method(1)
                if not isinstance(answer, Delivery):
                    break
                found[answer.body] = bool(answer["redelivered"])
        self.transcript.note("N", SENT, f"ch 1 basic.get queue={self.queue!r}, until it is refused")
        self.transcript.note("N", CAME, f"{len(found)} basic.get-ok, then {answer}")
        self._got |= dict.fromkeys(found, when)
        return found
