"""Clients that work until the broker dies: publishers, transactions, a consumer; a thread each."""

import itertools
import random
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from suites.brokers.base import Endpoint
from suites.clients.raw import RawClient
from suites.clients.received import Delivery
from suites.durability.contents import content, identify
from suites.durability.history import Action, History, Phase
from suites.verify import Mismatch

ENDINGS = ("socket closed", "connection.close 320")
PATIENCE = 30.0  # seconds; a broker under load may be slow, and is not on trial for it


@dataclass(frozen=True, slots=True)
class Route:
    """A routing key of the exchange under load, and the queues that it leads to."""

    key: str
    queues: tuple[str, ...]


class Worker(threading.Thread, ABC):
    """One client in a thread; `finish` raises what went wrong before the broker's end."""

    def __init__(self, name: str, history: History) -> None:
        super().__init__(name=name, daemon=True)
        self.history = history
        self.rng = random.Random(name)  # noqa: S311  a load that a seed repeats
        self.works = threading.Event()
        """Set once it is connected, or has failed to be."""
        self.ending = ""
        """How the client saw the end, in the canonical form of a mismatch."""
        self._problem: Exception | None = None

    @abstractmethod
    def live(self) -> None:
        """Connect, and work for as long as the broker lives. Raises Mismatch at its end."""

    @abstractmethod
    def leave(self) -> None:
        """The broker is gone: note what is unknown."""

    @abstractmethod
    def is_end(self, mismatch: Mismatch) -> bool:
        """Whether this is how the broker's end looks."""

    def run(self) -> None:
        """Work until the connection ends, whichever way."""
        try:
            self.live()
        except Mismatch as mismatch:
            self.ending = mismatch.actual
            if not self.is_end(mismatch):
                self._problem = mismatch
        except Exception as problem:  # noqa: BLE001  raised again by `finish`
            self._problem = problem
        self.works.set()
        self.leave()

    def finish(self) -> None:
        """Wait for the end; raises what was not the broker's death."""
        self.join(PATIENCE)
        if self.is_alive():
            raise TimeoutError(f"{self.name} still works {PATIENCE:g} s after the broker's end")
        if self._problem is not None:
            raise self._problem


class AmqpWorker(Worker):
    """A worker on channel 1 of a connection of its own."""

    def __init__(self, name: str, endpoint: Endpoint, history: History) -> None:
        super().__init__(name, history)
        self._endpoint = endpoint

    @abstractmethod
    def work(self, client: RawClient) -> None:
        """Use channel 1, which is open, for as long as the broker lives."""

    def live(self) -> None:
        """Connect and work."""
        with RawClient.open(self._endpoint, timeout=PATIENCE) as client:
            client.open_channel(1)
            self.works.set()
            self.work(client)

    def is_end(self, mismatch: Mismatch) -> bool:
        """The socket ends, after a Close if the broker is stopped."""
        return mismatch.actual.startswith(ENDINGS)


class AnyEnd(Worker):
    """A worker that no end surprises; what it was is in `ending`."""

    def is_end(self, mismatch: Mismatch) -> bool:
        """Always."""
        del mismatch
        return True


class Publisher(AmqpWorker):
    """Publishes with confirms, at most `window` of them outstanding."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        history: History,
        exchange: str,
        routes: Sequence[Route],
        window: int,
    ) -> None:
        super().__init__(name, endpoint, history)
        self._exchange = exchange
        self._routes = routes
        self._window = window
        self._waiting: dict[int, tuple[str, Route]] = {}
        self.learned = 0
        """How many messages were confirmed."""

    def work(self, client: RawClient) -> None:
        """Publish and learn."""
        client.call(1, "confirm.select")
        for number in itertools.count(1):
            route = self.rng.choice(self._routes)
            message = f"{self.name}:{number}"
            self._waiting[number] = message, route
            self._note(Phase.INVOKE, message, route)
            body, properties = content(message)
            client.publish(1, self._exchange, route.key, body, **properties)
            while len(self._waiting) >= self._window:
                self._learn(client)

    def leave(self) -> None:
        """What was not confirmed may be there or not."""
        for message, route in self._waiting.values():
            self._note(Phase.INFO, message, route)

    def _learn(self, client: RawClient) -> None:
        received = client.read_method(1)
        if received.name != "basic.ack":
            raise Mismatch("basic.ack", str(received), received.detail)
        tag, multiple = received["delivery_tag"], received["multiple"]
        for number in [n for n in self._waiting if n == tag or (multiple and n < tag)]:
            self._note(Phase.OK, *self._waiting.pop(number))
            self.learned += 1

    def _note(self, phase: Phase, message: str, route: Route) -> None:
        for queue in route.queues:
            self.history.add(self.name, Action.SEND, phase, queue, message)


class Transactor(AmqpWorker):
    """Publishes in transactions on one queue; one of four is rolled back."""

    def __init__(self, name: str, endpoint: Endpoint, history: History, queue: str) -> None:
        super().__init__(name, endpoint, history)
        self._queue = queue
        self._unit: list[str] = []
        self._committing = False

    def work(self, client: RawClient) -> None:
        """Transaction after transaction."""
        client.call(1, "tx.select")
        for number in itertools.count(1):
            self._publish(client, f"{self.name}:{number}")
            self._committing = self.rng.random() < 0.75
            client.call(1, "tx.commit" if self._committing else "tx.rollback")
            self._note(Phase.OK if self._committing else Phase.FAIL)
            self._unit, self._committing = [], False

    def leave(self) -> None:
        """Without a tx.commit on its way a transaction cannot have an effect."""
        self._note(Phase.INFO if self._committing else Phase.FAIL)

    def _publish(self, client: RawClient, unit: str) -> None:
        for index in range(self.rng.randint(1, 6)):
            message = f"{unit}.{index}"
            self._unit.append(message)
            self.history.add(self.name, Action.SEND, Phase.INVOKE, self._queue, message, unit=unit)
            body, properties = content(message)
            client.publish(1, "", self._queue, body, **properties)

    def _note(self, phase: Phase) -> None:
        for message in self._unit:
            self.history.add(self.name, Action.SEND, phase, self._queue, message)


class Consumer(AmqpWorker):
    """Acks most of what it gets, one by one or several at once, requeues some, holds some."""

    def __init__(
        self, name: str, endpoint: Endpoint, history: History, queue: str, prefetch: int
    ) -> None:
        super().__init__(name, endpoint, history)
        self._queue = queue
        self._prefetch = prefetch
        self._held: dict[int, str] = {}
        self._settling: list[str] = []

    def work(self, client: RawClient) -> None:
        """Take and settle."""
        client.call(1, "basic.qos", prefetch_count=self._prefetch)
        client.consume(1, self._queue)
        while True:
            received = client.read_method(1)
            if not isinstance(received, Delivery) or received.name != "basic.deliver":
                raise Mismatch("basic.deliver", str(received), received.detail)
            message = identify(received)
            self._note(Action.TAKE, Phase.OK, message, redelivered=received["redelivered"])
            self._held[received["delivery_tag"]] = message
            self._decide(client, received["delivery_tag"])

    def leave(self) -> None:
        """The end of the connection gives back what it held; acks on their way may be lost."""
        for message in (*self._held.values(), *self._settling):
            self._note(Action.GIVE_BACK, Phase.INVOKE, message)

    def _decide(self, client: RawClient, tag: int) -> None:
        choice = self.rng.random()
        if len(self._held) >= self._prefetch:
            self._ack(client, tag, multiple=True)
        elif choice < 0.6:
            self._ack(client, tag, multiple=False)
        elif choice < 0.7:
            self._note(Action.GIVE_BACK, Phase.INVOKE, self._held.pop(tag))
            client.send(1, "basic.nack", delivery_tag=tag, requeue=True)
        if choice < 0.02:
            client.sync(1)
            for message in self._settling:
                self._note(Action.SETTLE, Phase.OK, message)
            self._settling.clear()

    def _ack(self, client: RawClient, tag: int, *, multiple: bool) -> None:
        for settled in [held for held in self._held if held == tag or (multiple and held < tag)]:
            message = self._held.pop(settled)
            self._settling.append(message)
            self._note(Action.SETTLE, Phase.INVOKE, message)
        client.send(1, "basic.ack", delivery_tag=tag, multiple=multiple)

    def _note(
        self, action: Action, phase: Phase, message: str, *, redelivered: bool = False
    ) -> None:
        self.history.add(self.name, action, phase, self._queue, message, redelivered=redelivered)
