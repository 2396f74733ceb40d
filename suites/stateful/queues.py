"""The model's queues: what is ready, who consumes, what is dropped and where it goes then.

The order of each thing is RabbitMQ's for one thing at a time on an idle broker, which is how
programs are run: the first consumer in line that has room takes the first message in line and goes
to the end of its line; one that has none steps out of the line when its turn comes, and joins the
end again once it has room.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

AT_ONCE = 0
"""The only time to live, in milliseconds, that passes within a program; others are a minute."""


@dataclass(frozen=True, slots=True)
class Message:
    """What was published, and how it died in queues before, latest first: (queue, reason)."""

    body: str
    exchange: str = ""
    keys: tuple[str, ...] = ("",)
    headers: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 0
    ttl: int | None = None
    deaths: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Held:
    """A message in one queue: its place there, and whether it has been out before."""

    place: int
    message: Message
    redelivered: bool = False


class Room(Protocol):
    """A channel as its consumers see it."""

    @property
    def has_room(self) -> bool:
        """Whether the limit that its consumers share allows one more."""


@dataclass(eq=False, slots=True)
class Consumer:
    """One consumer; `limit` is what it may have out, 0 for any number."""

    tag: str
    queue: "Queue"
    channel: Room
    no_ack: bool = False
    exclusive: bool = False
    priority: int = 0
    limit: int = 0
    out: int = 0

    @property
    def has_room(self) -> bool:
        """Whether it may be sent one message more."""
        if self.no_ack:
            return True
        return (not self.limit or self.out < self.limit) and self.channel.has_room


@dataclass(eq=False, slots=True)
class Queue:
    """One classic queue. `deliver` and `bury` are what it does with a message that leaves."""

    name: str
    deliver: Callable[[Consumer, Held], None] = lambda _consumer, _held: None
    bury: Callable[["Queue", Message, str], None] = lambda _queue, _message, _reason: None
    durable: bool = False
    auto_delete: bool = False
    owner: object | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    ready: list[Held] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    deleted: bool = False
    active: Consumer | None = None
    _line: list[Consumer] = field(default_factory=list)
    _waiting: list[Consumer] = field(default_factory=list)
    _places: int = 0

    # messages

    def put(self, message: Message) -> bool:
        """Take a message; False if the queue is full and refuses new ones."""
        overflow = self.arguments.get("x-overflow", "drop-head")
        if overflow != "drop-head" and self._over(message):
            if overflow == "reject-publish-dlx":
                self.bury(self, message, "maxlen")
            return False
        self._places += 1
        held = Held(self._places, message)
        consumer = self._next() if not self.ready else None
        if consumer is not None:
            self.deliver(consumer, held)
            return True
        self._enter(held)
        self._trim()
        self._expire()
        return True

    def fetch(self) -> Held | None:
        """What basic.get takes."""
        return self._take() if self.ready else None

    def give_back(self, helds: Iterable[Held]) -> None:
        """Put messages that were out into their old places; `serve` delivers them."""
        for held in helds:
            held.redelivered = True
            self._enter(held)
        self._trim()
        self._expire()

    def purge(self) -> int:
        """Throw away what is ready; how many there were."""
        count = len(self.ready)
        self.ready.clear()
        return count

    def serve(self) -> None:
        """Deliver while there is a message and somebody with room."""
        while self.ready and (consumer := self._next()) is not None:
            self.deliver(consumer, self._take())

    def _take(self) -> Held:
        held = self.ready.pop(0)
        self._expire()
        return held

    def _enter(self, held: Held) -> None:
        self.ready.append(held)
        self.ready.sort(key=lambda one: (-self.rank(one.message), one.place))

    def rank(self, message: Message) -> int:
        """The higher, the earlier it leaves."""
        return int(min(message.priority, self.arguments.get("x-max-priority", 0)))

    def _trim(self) -> None:
        if self.arguments.get("x-overflow", "drop-head") != "drop-head":
            return
        while self.ready and self._over():
            self.bury(self, self.ready.pop(0).message, "maxlen")

    def _over(self, *further: Message) -> bool:
        """Whether what is ready, and one more if given, is more than the queue may hold."""
        messages = [*(held.message for held in self.ready), *further]
        longest = self.arguments.get("x-max-length", len(messages))
        octets = sum(len(message.body) for message in messages)
        return bool(
            len(messages) > longest or octets > self.arguments.get("x-max-length-bytes", octets)
        )

    def _expire(self) -> None:
        while self.ready and self._expires(self.ready[0].message):
            self.bury(self, self.ready.pop(0).message, "expired")

    def _expires(self, message: Message) -> bool:
        return AT_ONCE in {message.ttl, self.arguments.get("x-message-ttl")}

    # consumers

    def add(self, consumer: Consumer) -> None:
        """A consumer joins the end of the line."""
        self.consumers.append(consumer)
        self._line.append(consumer)
        self.active = self.active or consumer

    def remove(self, consumer: Consumer) -> None:
        """A consumer leaves."""
        for members in (self.consumers, self._line, self._waiting):
            if consumer in members:
                members.remove(consumer)
        if consumer is self.active:
            self.active = max(self.consumers, key=lambda one: one.priority, default=None)

    def rejoin(self) -> None:
        """Those who stepped out of the line and have room again join its end."""
        for consumer in [one for one in self._waiting if one.has_room]:
            self._waiting.remove(consumer)
            self._line.append(consumer)

    def _next(self) -> Consumer | None:
        if self.arguments.get("x-single-active-consumer"):
            return self.active if self.active is not None and self.active.has_room else None
        for consumer in sorted(self._line, key=lambda one: -one.priority):
            self._line.remove(consumer)
            if consumer.has_room:
                self._line.append(consumer)
                return consumer
            self._waiting.append(consumer)
        return None
