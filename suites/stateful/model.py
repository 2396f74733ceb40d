"""What a broker has to answer to each step: an own model of connections, channels and queues.

`Model.apply(step)` gives what must be said, and what each queue holds once all has come to rest.
It is RabbitMQ 3.10's behaviour, written from its documentation and the specification; both brokers
are judged by it, so that both being wrong in the same way is seen.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from suites.stateful import words
from suites.stateful.program import CONNECT, DROP, Step
from suites.stateful.queues import Consumer, Held, Message, Queue
from suites.stateful.routing import Topology


class Refusal(Exception):  # noqa: N818  what a client is told, not an error of ours
    """A channel is closed, or the connection if `hard`, blaming the step's method."""

    def __init__(self, code: int, *, hard: bool = False, nobody: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.hard = hard
        self.nobody = nobody


@dataclass(frozen=True, slots=True)
class Rest:
    """What holds after a step: what was said, and each queue's ready messages and consumers."""

    lanes: words.Lanes
    queues: dict[str, tuple[int, int]]
    owners: dict[str, str]
    gone: frozenset[str]


@dataclass(eq=False, slots=True)
class Out:
    """A delivery that is not settled: `step` is when it came."""

    queue: Queue
    held: Held
    consumer: Consumer | None
    step: int


@dataclass(slots=True)
class Transaction:
    """What waits for the commit."""

    publishes: list[tuple[Message, bool, list[str]]] = field(default_factory=list)
    settled: list[tuple[list[tuple[int, Out]], str]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Channel:
    """One open channel."""

    connection: "Connection"
    number: int
    current: str = ""
    consumers: dict[str, Consumer] = field(default_factory=dict)
    outs: dict[int, Out] = field(default_factory=dict)
    history: dict[int, Out] = field(default_factory=dict)
    tag: int = 0
    prefetch: int = 0
    shared: int = 0
    confirming: bool = False
    published: int = 0
    transaction: Transaction | None = None

    @property
    def undecided(self) -> dict[int, Out]:
        """What is out, by its tag, and what is settled in a transaction that was not committed."""
        undecided = dict(self.outs)
        for settled, _how in self.transaction.settled if self.transaction is not None else ():
            undecided.update(settled)
        return undecided

    @property
    def has_room(self) -> bool:
        """Whether the limit that its consumers share allows one more."""
        consumed = [out for out in self.undecided.values() if out.consumer is not None]
        return not self.shared or len(consumed) < self.shared

    def hold(self, queue: Queue, held: Held, consumer: Consumer | None, step: int) -> None:
        """A message goes out, and has to be settled."""
        self.tag += 1
        self.outs[self.tag] = self.history[self.tag] = Out(queue, held, consumer, step)


@dataclass(eq=False, slots=True)
class Connection:
    """One open connection."""

    name: str
    channels: dict[int, Channel] = field(default_factory=dict)


class Model:
    """All that a program has made so far."""

    def __init__(self) -> None:
        self.topology = Topology()
        self.queues: dict[str, Queue] = {}
        self.connections: dict[str, Connection] = {}
        self.steps = 0
        self.ever: set[str] = set()
        self._said = words.lanes()
        self._dying: deque[tuple[Queue, Message, str]] = deque()
        self._touched: dict[Queue, None] = {}

    def apply(self, step: Step) -> Rest:
        """Do the step; give what must have been seen when all has come to rest."""
        self.steps += 1
        self._said = words.lanes()
        before = set(self.queues)
        self._do(step)
        self._bury_all()
        self.ever |= self.queues.keys()
        return Rest(
            dict(self._said),
            {q.name: (len(q.ready), len(q.consumers)) for q in self.queues.values()},
            {q.name: q.owner.name for q in self.queues.values() if isinstance(q.owner, Connection)},
            frozenset(before - self.queues.keys()),
        )

    def channel(self, step: Step) -> Channel:
        """The channel of a step, which must be open: anything else is 504."""
        channel = self.connections[step.connection].channels.get(step.channel)
        if channel is None:
            raise Refusal(504, hard=True)
        return channel

    def _do(self, step: Step) -> None:
        from suites.stateful.methods import HANDLERS  # noqa: PLC0415  they know this module

        if step.action == CONNECT:
            self.connections[step.connection] = Connection(step.connection)
        elif step.action == DROP:
            self.end_connection(self.connections[step.connection])
        else:
            try:
                HANDLERS[step.action](self, step)
            except Refusal as refusal:
                self._refuse(step, refusal)

    def _refuse(self, step: Step, refusal: Refusal) -> None:
        connection = self.connections[step.connection]
        blamed = (0, 0) if refusal.nobody else _ids(step.action)
        if refusal.hard:
            text = words.closed("connection.close", refusal.code, blamed)
            self._said[words.replies(step.connection, 0)].append(text)
            self.end_connection(connection)
        else:
            text = words.closed("channel.close", refusal.code, blamed)
            self._said[step.lane].append(text)
            self.end_channel(connection.channels[step.channel])

    # what handlers use

    def say(self, lane: str, text: str) -> None:
        """The broker says this."""
        self._said[lane].append(text)

    def reply(self, step: Step, text: str) -> None:
        """The broker answers the step, unless it is not to."""
        if not step.arguments.get("no_wait"):
            self.say(step.lane, text)

    def new_queue(self, name: str, **traits: Any) -> Queue:
        """A queue that is not there yet."""
        queue = Queue(name, deliver=self._deliver, bury=self._die, **traits)
        self.queues[name] = queue
        return queue

    def delete_queue(self, queue: Queue) -> None:
        """It goes, with its bindings; its consumers are told."""
        del self.queues[queue.name]
        queue.deleted = True
        self.topology.forget_queue(queue.name)
        for consumer in queue.consumers:
            channel = consumer.channel
            assert isinstance(channel, Channel)
            channel.consumers.pop(consumer.tag, None)
            lane = words.consumer(channel.connection.name, channel.number, consumer.tag)
            self.say(lane, "basic.cancel")
        queue.consumers.clear()

    def publish(
        self, channel: Channel, message: Message, reached: list[Queue], *, mandatory: bool
    ) -> bool:
        """Put a message into its queues, return or confirm it; False if a queue refused it."""
        lane = words.publisher(channel.connection.name, channel.number)
        if mandatory and not reached:
            self.say(lane, words.returned(312, message.exchange, message.keys[0], message.body))
        taken = [queue.put(message) for queue in reached if not queue.deleted]
        if channel.confirming:
            channel.published += 1
            self.say(lane, words.confirmed(channel.published, taken=all(taken)))
        return all(taken)

    def settle(self, channel: Channel, outs: Iterable[tuple[int, Out]], how: str) -> None:
        """`ack`, `requeue` or `discard`; at the commit, if there is a transaction."""
        chosen = list(outs)
        for tag, _out in chosen:
            del channel.outs[tag]
        if channel.transaction is not None:
            channel.transaction.settled.append((chosen, how))
        else:
            self.finish(channel, [out for _tag, out in chosen], how)

    def finish(self, channel: Channel, outs: list[Out], how: str) -> None:
        """Do what was decided, a queue at a time; then whoever has room again is served."""
        for out in outs:
            if out.consumer is not None:
                out.consumer.out -= 1
        if how == "discard":
            outs = sorted(outs, key=_burial)
        for queue, helds in _by_queue(outs):
            if queue.deleted:
                continue
            queue.rejoin()
            if how == "requeue":
                queue.give_back(helds)
            elif how == "discard":
                for held in helds:
                    self._die(queue, held.message, "rejected")
            queue.serve()
        for consumer in list(channel.consumers.values()):
            consumer.queue.rejoin()
            consumer.queue.serve()

    def end_consumer(self, consumer: Consumer) -> None:
        """It leaves; an auto-delete queue goes with its last one."""
        queue = consumer.queue
        if queue.deleted:
            return
        queue.remove(consumer)
        if queue.auto_delete and not queue.consumers:
            self.delete_queue(queue)

    def end_channel(self, channel: Channel) -> None:
        """Its consumers leave, and what is not settled goes back."""
        del channel.connection.channels[channel.number]
        consumers, channel.consumers = list(channel.consumers.values()), {}
        for consumer in consumers:
            consumer.queue.remove(consumer)
        for queue, helds in _by_queue(channel.undecided.values()):
            if not queue.deleted:
                queue.give_back(helds)
                queue.serve()
        for consumer in consumers:
            consumer.queue.serve()  # a single active consumer hands over
            self.end_consumer(consumer)

    def end_connection(self, connection: Connection) -> None:
        """Its channels end, and the queues that are its alone go."""
        del self.connections[connection.name]
        channels = list(connection.channels.values())
        for consumer in [one for channel in channels for one in channel.consumers.values()]:
            consumer.queue.remove(consumer)  # none is sent what another channel gives back
        for channel in channels:
            self.end_channel(channel)
        for queue in [one for one in self.queues.values() if one.owner is connection]:
            self.delete_queue(queue)

    # what queues do with messages

    def _deliver(self, consumer: Consumer, held: Held) -> None:
        channel = consumer.channel
        assert isinstance(channel, Channel)
        lane = words.consumer(channel.connection.name, channel.number, consumer.tag)
        sent = held.message
        text = words.delivered(sent.exchange, sent.keys[0], sent.body, redelivered=held.redelivered)
        self.say(lane, text)
        if consumer.no_ack:
            channel.tag += 1
            return
        consumer.out += 1
        channel.hold(consumer.queue, held, consumer, self.steps)

    def _die(self, queue: Queue, message: Message, reason: str) -> None:
        self._dying.append((queue, message, reason))

    def _bury_all(self) -> None:
        while self._dying:
            self._bury(*self._dying.popleft())

    def _bury(self, queue: Queue, message: Message, reason: str) -> None:
        exchange = queue.arguments.get("x-dead-letter-exchange")
        if exchange is None or exchange not in self.topology.exchanges:
            return
        key = queue.arguments.get("x-dead-letter-routing-key")
        dead = Message(
            message.body,
            exchange,
            message.keys if key is None else (key,),
            message.headers,
            message.priority,
            None,
            _died(message.deaths, queue.name, reason),
        )
        for target in self.route(dead):
            if reason == "rejected" or not _in_circle(dead.deaths, target.name):
                target.put(dead)

    def route(self, message: Message) -> list[Queue]:
        """Where it goes now."""
        names = self.topology.route(message.exchange, message.keys, message.headers, self.queues)
        return [self.queues[name] for name in names]


def _ids(action: str) -> tuple[int, int]:
    from reference_broker.wire.spec import METHODS  # noqa: PLC0415  one use

    return METHODS[action].ids


def _burial(out: Out) -> tuple[bool, str, int]:
    """What was fetched dies first, one by one, then consumer by consumer, by priority."""
    if out.consumer is None:
        return False, "", 0
    return True, out.consumer.tag, -out.queue.rank(out.held.message)


def _by_queue(outs: Iterable[Out]) -> Iterator[tuple[Queue, list[Held]]]:
    """The messages by their queues, in the order in which the queues first occur."""
    found: dict[Queue, list[Held]] = {}
    for out in outs:
        found.setdefault(out.queue, []).append(out.held)
    yield from found.items()


def _died(
    deaths: tuple[tuple[str, str], ...], queue: str, reason: str
) -> tuple[tuple[str, str], ...]:
    """One death more, in front; a death like an earlier one counts there and moves to the front."""
    return (queue, reason), *(death for death in deaths if death != (queue, reason))


def _in_circle(deaths: tuple[tuple[str, str], ...], target: str) -> bool:
    """Whether the message comes back to a queue and nobody has rejected it since."""
    since: list[str] = []
    for queue, reason in deaths:
        since.append(reason)
        if queue == target:
            return "rejected" not in since
    return False


Handler = Callable[[Model, Step], None]
