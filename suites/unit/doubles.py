"""Stand-ins for what the broker asks of those around it: a clock, consumers, a store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reference_broker.broker.message import Message, read_traits
from reference_broker.broker.queue import Queue
from reference_broker.wire.framing import content_frames
from reference_broker.wire.methods import encode_properties


def message(body: bytes = b"", key: str = "k", exchange: str = "", **properties: Any) -> Message:
    """A message as it was published on channel 1."""
    frames = content_frames(1, body, properties)
    return Message(exchange, key, frames, len(body), read_traits(encode_properties(properties)))


@dataclass
class FakeTimer:
    """A call to come."""

    due: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Do not make it."""
        self.cancelled = True


class FakeClock:
    """Time that stands still until it is told to `advance`."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._timers: list[FakeTimer] = []

    def now(self) -> float:
        """Seconds."""
        return self._now

    def epoch(self) -> float:
        """Seconds since 1970."""
        return 1_700_000_000 + self._now

    def call_later(self, delay: float, call: Callable[[], None]) -> FakeTimer:
        """Call when that much time was advanced."""
        timer = FakeTimer(self._now + delay, call)
        self._timers.append(timer)
        return timer

    @property
    def waiting(self) -> int:
        """How many calls are to come."""
        return sum(not timer.cancelled for timer in self._timers)

    def advance(self, seconds: float) -> None:
        """Let time pass, making each call when it is due."""
        end = self._now + seconds
        while due := [t for t in self._timers if t.due <= end and not t.cancelled]:
            first = min(due, key=lambda timer: timer.due)
            self._timers = [t for t in self._timers if t is not first and not t.cancelled]
            self._now = max(self._now, first.due)
            first.call()
        self._now = end


@dataclass(eq=False)
class FakeConsumer:
    """Takes messages while it has room; a `broker.ports.Consumer`."""

    queue: Queue
    room: int = 1
    priority: int = 0
    exclusive: bool = False
    active: bool = False
    queued: bool = False
    aside: int = 0
    gone: bool = False
    declined: set[int] = field(default_factory=set)  # positions
    got: list[tuple[int, Message, bool]] = field(default_factory=list)

    def start(self) -> "FakeConsumer":
        """Join the queue and take what there is room for."""
        self.queue.add_consumer(self)
        self.more(0)
        return self

    def more(self, room: int) -> None:
        """There is room for so many more."""
        self.room += room
        if self.room and not self.active:
            self.queue.activate(self)

    def accepts(self, position: int, message: Message) -> bool:
        """Any but those that it declines."""
        del message
        return position not in self.declined

    def deliver(self, position: int, message: Message, redelivered: bool) -> None:
        """Take one message."""
        assert self.active
        assert self.room
        self.room -= 1
        self.active = self.room > 0
        self.got.append((position, message, redelivered))

    def queue_gone(self) -> None:
        """The queue was deleted."""
        self.gone = True

    @property
    def bodies(self) -> list[bytes]:
        """The bodies of what it got."""
        return [body_of(taken) for _position, taken, _redelivered in self.got]


def body_of(taken: Message) -> bytes:
    """The body of a message of one body frame at most."""
    return taken.frames[len(taken.frames) - taken.body_size - 1 : -1] if taken.body_size else b""


class MemoryStore:
    """A `broker.ports.Store` that remembers what it was told, and all names in `calls`."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.messages: dict[tuple[int, int], Message] = {}
        self.expiries: dict[tuple[int, int], float | None] = {}
        self.head: dict[int, int] = {}
        self.deliveries: dict[tuple[int, int], int] = {}
        self._queues = 0

    @property
    def pending(self) -> bool:
        """Whether anything waits for `commit`."""
        return bool(self.calls)

    def save_exchange(self, vhost: str, exchange: Any) -> None:
        """Keep a durable exchange."""
        self.calls.append(("save exchange", vhost, exchange.name))

    def drop_exchange(self, vhost: str, name: str) -> None:
        """Forget an exchange."""
        self.calls.append(("drop exchange", vhost, name))

    def save_queue(self, vhost: str, queue: Queue) -> int:
        """Keep a durable queue."""
        self.calls.append(("save queue", vhost, queue.name))
        self._queues += 1
        return self._queues

    def drop_queue(self, number: int) -> None:
        """Forget a queue and its messages."""
        self.calls.append(("drop queue", number))
        self.messages = {at: held for at, held in self.messages.items() if at[0] != number}

    def save_binding(self, vhost: str, binding: Any) -> None:
        """Keep a binding."""
        self.calls.append(("save binding", vhost, binding.source.name, binding.destination.name))

    def drop_binding(self, vhost: str, binding: Any) -> None:
        """Forget a binding."""
        self.calls.append(("drop binding", vhost, binding.source.name, binding.destination.name))

    def append(self, queue: int, position: int, message: Message, expires: float | None) -> None:
        """Keep a persistent message, and when it expires."""
        assert (queue, position) not in self.messages
        self.messages[queue, position] = message
        self.expiries[queue, position] = expires

    def remove(self, queue: int, position: int) -> None:
        """Forget a message."""
        self.messages.pop((queue, position), None)

    def delivered(self, queue: int, head: int) -> None:
        """All below `head` have been out."""
        self.head[queue] = max(head, self.head.get(queue, 0))

    def counted(self, queue: int, position: int, deliveries: int) -> None:
        """A message has been out so often."""
        self.deliveries[queue, position] = deliveries

    def save_vhost(self, vhost: Any) -> None:
        """Keep a vhost."""
        self.calls.append(("save vhost", vhost.name))

    def drop_vhost(self, name: str) -> None:
        """Forget a vhost."""
        self.calls.append(("drop vhost", name))

    def drop_user(self, name: str) -> None:
        """Forget a user."""
        self.calls.append(("drop user", name))

    def save_user(self, user: Any) -> None:
        """Keep a user."""
        self.calls.append(("save user", user.name))

    def purge(self, queue: int, positions: range) -> None:
        """Forget the messages at these positions."""
        for position in positions:
            self.remove(queue, position)

    def commit(self) -> None:
        """Nothing is kept longer than the test."""
        self.calls.clear()
