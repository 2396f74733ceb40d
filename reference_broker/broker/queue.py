"""A queue: messages in order, and the consumers that share them.

Each message has a position, counted from 0 as messages come in. Invariants:
- `_ready` holds messages of consecutive positions, the first of them `_head`;
- `_returned` holds those that came back, in a heap by position, all of them below `_head`, so that
  what comes back stands before everything that was never out, in its original place; after a
  restart it also holds what the store gave back, each with whether it had been out;
- nothing in `_ready` has been out;
- `_ring` holds each consumer at most once, and every consumer that is active is in it.
"""

from collections import deque
from collections.abc import Iterable
from enum import Enum
from heapq import heappop, heappush
from typing import Any

from reference_broker.wire.tables import Table

from .arguments import queue_traits
from .message import Message
from .ports import Consumer, Store


class Outcome(Enum):
    """What became of a message that was put into a queue."""

    QUEUED = "queued"
    STORED = "stored"  # handed to the store; durable after its next commit


class Queue:
    """One queue of a vhost."""

    def __init__(
        self,
        name: str,
        *,
        durable: bool = False,
        auto_delete: bool = False,
        owner: object | None = None,
        arguments: Table | None = None,
    ) -> None:
        self.name = name
        self.durable = durable
        self.auto_delete = auto_delete
        self.owner = owner  # the connection to which an exclusive queue belongs
        self.arguments = arguments or {}
        self.consumers: list[Consumer] = []
        self.unacked = 0
        self.deleted = False
        self._prioritised = False
        self._ready: deque[Message] = deque()
        self._head = 0
        self._returned: list[tuple[int, Message, bool]] = []  # position, message, redelivered
        self._ring: deque[Consumer] = deque()
        self._store: Store | None = None
        self._number = 0

    def __len__(self) -> int:
        """How many messages are ready for delivery."""
        return len(self._ready) + len(self._returned)

    @property
    def exclusive(self) -> bool:
        """Whether the queue belongs to one connection."""
        return self.owner is not None

    @property
    def traits(self) -> dict[str, Any]:
        """What two declares of one queue must agree in."""
        return queue_traits(
            durable=self.durable,
            auto_delete=self.auto_delete,
            exclusive=self.exclusive,
            arguments=self.arguments,
        )

    def keep_in(self, store: Store, number: int) -> None:
        """Persistent messages go to the store from now on, under the queue's number there."""
        self._store, self._number = store, number

    # messages in

    def put(self, message: Message) -> Outcome:
        """Take a message: straight to a consumer if one waits, else to the tail."""
        outcome = Outcome.QUEUED
        if self._store is not None and message.traits.persistent:
            self._store.append(self._number, self._head + len(self._ready), message)
            outcome = Outcome.STORED
        if self._ring and not self._ready and not self._returned:
            consumer = self._next_consumer()
            if consumer is not None:
                position = self._head
                self._head = position + 1
                self.unacked += 1
                if self._store is not None and outcome is Outcome.STORED:
                    self._store.delivered(self._number, position + 1)
                consumer.deliver(position, message, False)
                return outcome
        self._ready.append(message)
        return outcome

    def requeue(self, messages: Iterable[tuple[int, Message]]) -> None:
        """Put messages that were out back into their original places."""
        if self.deleted:
            return
        for position, message in messages:
            self.unacked -= 1
            heappush(self._returned, (position, message, True))
        self.serve()

    def recover(self, head: int, messages: Iterable[tuple[int, Message]]) -> None:
        """Fill a queue after a restart; positions rise, those below `head` have been out."""
        self._returned = [(position, message, position < head) for position, message in messages]
        last = self._returned[-1][0] if self._returned else -1
        self._head = max(head, last + 1)

    # messages out

    def take(self) -> tuple[int, Message, bool] | None:
        """Remove the first message: position, message, redelivered; None when there is none."""
        if self._returned:
            position, message, redelivered = heappop(self._returned)
        elif self._ready:
            position, message, redelivered = self._head, self._ready.popleft(), False
            self._head = position + 1
        else:
            return None
        self.unacked += 1
        if self._store is not None and message.traits.persistent and not redelivered:
            self._store.delivered(self._number, position + 1)
        return position, message, redelivered

    def settle(self, position: int, message: Message) -> None:
        """A message that was out has been acknowledged, or needs no acknowledgement."""
        self.unacked -= 1
        if self._store is not None and message.traits.persistent and not self.deleted:
            self._store.remove(self._number, position)

    def serve(self) -> None:
        """Deliver while there are messages and consumers with room."""
        while self._ready or self._returned:
            consumer = self._next_consumer()
            if consumer is None:
                return
            taken = self.take()
            assert taken is not None  # noqa: S101  the loop's condition
            consumer.deliver(*taken)

    def purge(self) -> int:
        """Drop all ready messages; how many there were."""
        count = len(self)
        if self._store is not None:
            self._store.purge(self._number, range(self._head, self._head + len(self._ready)))
            for position, message, _redelivered in self._returned:
                if message.traits.persistent:
                    self._store.remove(self._number, position)
        self._head += len(self._ready)
        self._ready.clear()
        self._returned.clear()
        return count

    # consumers

    def add_consumer(self, consumer: Consumer) -> None:
        """Let a consumer share the queue; `activate` it to start."""
        self.consumers.append(consumer)
        self._prioritised = any(c.priority for c in self.consumers)

    def activate(self, consumer: Consumer) -> None:
        """The consumer has room again."""
        consumer.active = True
        if not consumer.queued:
            consumer.queued = True
            self._ring.append(consumer)
        self.serve()

    def remove_consumer(self, consumer: Consumer) -> None:
        """The consumer takes no more."""
        self.consumers.remove(consumer)
        consumer.active = False
        if consumer.queued:
            consumer.queued = False
            self._ring.remove(consumer)
        self._prioritised = any(c.priority for c in self.consumers)

    def _next_consumer(self) -> Consumer | None:
        """The consumer whose turn it is; it goes to the end of the ring."""
        ring = self._ring
        if self._prioritised:
            return self._next_by_priority()
        while ring:
            consumer = ring[0]
            if consumer.active:
                ring.rotate(-1)
                return consumer
            ring.popleft()
            consumer.queued = False
        return None

    def _next_by_priority(self) -> Consumer | None:
        best = max((c for c in self._ring if c.active), key=lambda c: c.priority, default=None)
        if best is not None:
            self._ring.remove(best)
            self._ring.append(best)
        return best

    def drop(self) -> None:
        """The queue is deleted: consumers are told, messages are gone."""
        self.deleted = True
        if self._store is not None:
            self._store.drop_queue(self._number)
        consumers, self.consumers = self.consumers, []
        self._ring.clear()
        self._ready.clear()
        self._returned.clear()
        for consumer in consumers:
            consumer.active = consumer.queued = False
            consumer.queue_gone()
