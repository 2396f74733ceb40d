"""A queue: messages in order, and the consumers that share them.

Each message has a position, counted from 0 as messages come in. Invariants:
- `_ready` holds messages of consecutive positions, the first of them `_head`; none has been out;
- `_heap` holds those that came back, all of them below `_head`, so that what comes back stands
  before everything that was never out, in its original place; after a restart it also holds what
  the store gave back, and in a queue with priorities it holds everything, ordered by priority;
- `_ring` holds each consumer at most once, and every consumer that is active is in it;
- `_deadlines` holds the positions of those messages, ready or out, that will expire.

As in RabbitMQ's classic queues, a message expires when it is first in line, not before.
"""

from collections import deque
from collections.abc import Callable, Iterable
from enum import Enum
from heapq import heappop, heappush, nsmallest
from itertools import islice
from typing import Any

from reference_broker.wire.tables import Table

from .arguments import queue_traits
from .limits import NO_LIMITS, Limits, read_limits
from .message import Message
from .policy import NOTHING, Definition
from .ports import Clock, Consumer, Store, Timer

_MILLISECOND = 0.001


class Outcome(Enum):
    """What became of a message that was put into a queue."""

    QUEUED = "queued"
    STORED = "stored"  # handed to the store; durable after its next commit
    REJECTED = "rejected"  # the queue is full and does not drop what it has


# Looked up once: in Python 3.11 an enum takes longer for it than a deque for a message.
_QUEUED, _STORED, _REJECTED = Outcome


class Queue:
    """One queue of a vhost, of RabbitMQ's type classic; other types derive from it."""

    kind = "classic"
    conditional_delete = True  # whether it can be deleted if unused, or if empty
    exclusive_consumers = True  # whether a consumer can have it to itself
    shared_qos = True  # whether its consumers can share a channel's limit
    get_while_single_active = True  # whether basic.get works beside a single active consumer
    most_unacked = 0  # to a consumer without a prefetch of its own; 0 for no limit

    def __init__(
        self,
        name: str,
        clock: Clock,
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
        self._policy = NOTHING
        self.limits = self._read_limits(NOTHING)
        self.consumers: list[Consumer] = []
        self.active_consumer: Consumer | None = None  # where only a single one is served
        self.unacked = 0
        self.deleted = False
        self.used = clock.now()
        self.bury: Callable[[Queue, Message, str], None] | None = None  # message, reason
        self._clock = clock
        self._plain = self.limits is NO_LIMITS or self.limits == NO_LIMITS
        self._choosy = self.limits.single_active  # or priorities among consumers: no plain turns
        self._ready: deque[Message] = deque()
        self._head = 0
        self._heap: list[tuple[int, int, Message, bool]] = []  # rank, position, …, redelivered
        self._ready_size = 0  # octets of body; kept only where they are limited
        self._deadlines: dict[int, float] = {}
        self._timer: Timer | None = None
        self._ring: deque[Consumer] = deque()
        self._asides = 0  # how often a consumer left the line
        self._store: Store | None = None
        self._number = 0

    def __len__(self) -> int:
        """How many messages are ready for delivery."""
        return len(self._ready) + len(self._heap)

    @property
    def entered(self) -> int:
        """How many messages have stood in line, or passed it by, since the queue is there."""
        return self._head + len(self._ready)

    @property
    def exclusive(self) -> bool:
        """Whether the queue belongs to one connection."""
        return self.owner is not None

    @property
    def traits(self) -> dict[str, Any]:
        """What two declares of one queue must agree in."""
        return queue_traits(
            self.kind, self.durable or self.exclusive, self.auto_delete, self.arguments
        )

    def keep_in(self, store: Store, number: int) -> None:
        """Persistent messages go to the store from now on, under the queue's number there."""
        self._store, self._number = store, number

    def touch(self) -> None:
        """Somebody uses the queue: its lease (x-expires) starts anew."""
        self.used = self._clock.now()

    # messages in

    def put(self, message: Message) -> Outcome:
        """Take a message: straight to a consumer if one waits, else to its place in line."""
        traits = message.traits
        if not self._plain or traits.ttl is not None:
            return self._put_limited(message)
        outcome = _QUEUED
        if self._store is not None and traits.persistent:
            self._store.append(self._number, self._head + len(self._ready), message, None)
            outcome = _STORED
        if not self._ring or self._ready or self._heap:
            self._ready.append(message)
            return outcome
        consumer = self._next_consumer()
        if consumer is None:
            self._ready.append(message)
        else:
            self._hand_over(consumer, message)
        return outcome

    def can_deliver(self, message: Message) -> bool:
        """Whether a consumer would take the message at once."""
        del message
        return not len(self) and any(consumer.active for consumer in self.consumers)

    def _hand_over(self, consumer: Consumer, message: Message) -> None:
        """Deliver a message that never stood in line."""
        position = self._head
        self._head = position + 1
        self.unacked += 1
        if self._store is not None and message.traits.persistent:
            self._store.delivered(self._number, position + 1)
        consumer.deliver(position, message, False)

    def _put_limited(self, message: Message) -> Outcome:
        """`put` where limits, priorities or an expiration have a say."""
        if self._refuses(message):
            if self.limits.overflow == "reject-publish-dlx":
                self._bury(message, "maxlen")
            return _REJECTED
        outcome = _QUEUED
        position = self._head + len(self._ready)
        lifetime = self._lifetime(message)
        if lifetime is not None:
            self._deadlines[position] = self._clock.now() + lifetime
        if self._store is not None and message.traits.persistent:
            expires = None if lifetime is None else self._clock.epoch() + lifetime
            self._store.append(self._number, position, message, expires)
            outcome = _STORED
        consumer = None if len(self) else self._next_consumer()
        if consumer is not None:
            self._hand_over(consumer, message)
            return outcome
        if self.limits.max_priority is None:
            self._ready.append(message)
        else:
            self._head += 1
            heappush(self._heap, (self._rank(message), position, message, False))
        self._ready_size += message.body_size
        self._trim()
        self._watch()
        return outcome

    def _refuses(self, message: Message) -> bool:
        """Whether the queue is full and keeps what it has."""
        return self.limits.overflow != "drop-head" and self.limits.over(
            len(self) + 1, self._ready_size + message.body_size
        )

    def rank(self, message: Message) -> int:
        """The lower, the earlier a message leaves the queue, by its priority."""
        return self._rank(message)

    def _rank(self, message: Message) -> int:
        """Where a message stands among others: the lower the earlier."""
        most = self.limits.max_priority
        return 0 if most is None else -min(message.traits.priority, most)

    def requeue(self, messages: Iterable[tuple[int, Message]]) -> None:
        """Put messages that were out back into their original places."""
        if self.deleted:
            return
        for position, message in messages:
            self.unacked -= 1
            self._ready_size += message.body_size
            heappush(self._heap, (self._rank(message), position, message, True))
        if not self._plain:
            self._trim()
        if self._deadlines:
            self._drop_expired()  # or a consumer would lose its turn to what is gone
        self.serve()
        self._watch()

    def take_back(self, messages: Iterable[tuple[int, Message]]) -> None:
        """As `requeue`, what a channel that ended has left behind."""
        self.requeue(messages)

    def recover(
        self, head: int, messages: Iterable[tuple[int, Message, float | None, int]]
    ) -> None:
        """Fill a queue after a restart.

        Of each message: position, message, expiry in seconds since 1970, and the number that was
        given to `Store.counted`, if any. Positions rise, those below `head` have been out.
        """
        last = -1
        ahead = self._clock.now() - self._clock.epoch()
        for position, message, expires, _deliveries in messages:
            if expires is not None:
                self._deadlines[position] = expires + ahead
            self._ready_size += message.body_size
            self._heap.append((self._rank(message), position, message, position < head))
            last = position
        self._heap.sort(key=lambda entry: entry[:2])
        self._head = max(head, last + 1)
        self._watch()

    # messages out

    def take(self) -> tuple[int, Message, bool] | None:
        """Remove the first message: position, message, redelivered; None when there is none."""
        if self._deadlines:
            self._drop_expired()
        taken = self._pop()
        if taken is None:
            return None
        self.unacked += 1
        position, message, _redelivered = taken
        if self._store is not None and message.traits.persistent:
            self._store.delivered(self._number, position + 1)
        if self._deadlines:
            self._watch()
        return taken

    def fetch(self) -> tuple[int, Message, bool] | None:
        """`take` for a client that is no consumer."""
        return self.take()

    def _pop(self) -> tuple[int, Message, bool] | None:
        if self._heap:
            _rank, position, message, redelivered = heappop(self._heap)
        elif self._ready:
            position, message, redelivered = self._head, self._ready.popleft(), False
            self._head = position + 1
        else:
            return None
        self._ready_size -= message.body_size
        return position, message, redelivered

    def settle(self, position: int, message: Message) -> None:
        """A message that was out has been acknowledged, or needs no acknowledgement."""
        self.unacked -= 1
        if self._store is not None or self._deadlines or not self._plain:
            self._forget(position, message)

    def reject(self, position: int, message: Message) -> None:
        """A message that was out is refused for good."""
        if not self.deleted:
            self._bury(message, "rejected")
        self.settle(position, message)

    def _forget(self, position: int, message: Message) -> None:
        if self._deadlines:
            self._deadlines.pop(position, None)
        if self._store is not None and message.traits.persistent:
            self._store.remove(self._number, position)

    def _bury(self, message: Message, reason: str) -> None:
        if self.bury is not None:
            self.bury(self, message, reason)

    def serve(self) -> None:
        """Deliver while there are messages and consumers with room."""
        while self._ready or self._heap:
            consumer = self._next_consumer()
            if consumer is None:
                return
            if self._heap or self._deadlines or self._store is not None or not self._plain:
                taken = self.take()
                if taken is None:
                    return
                consumer.deliver(*taken)
            else:  # `take`, unrolled for what most queues hold
                position, message = self._head, self._ready.popleft()
                self._head = position + 1
                self._ready_size -= message.body_size
                self.unacked += 1
                consumer.deliver(position, message, False)

    def purge(self) -> int:
        """Drop all ready messages; how many there were."""
        count = len(self)
        in_line = range(self._head, self._head + len(self._ready))
        if self._store is not None:
            self._store.purge(self._number, in_line)
        for _rank, position, message, _redelivered in self._heap:
            self._forget(position, message)
        if self._deadlines:
            for position in in_line:
                self._deadlines.pop(position, None)
        self._head = in_line.stop
        self._ready.clear()
        self._heap.clear()
        self._ready_size = 0
        return count

    def peek(self, start: int, count: int) -> list[tuple[int, Message, bool]]:
        """Some of the ready messages, from the place `start` in line on; all stay as they are.

        Of each: position, message, whether it has been out before.
        """
        came_back = nsmallest(start + count, self._heap)[start:]
        found = [(position, message, again) for _rank, position, message, again in came_back]
        first = max(0, start - len(self._heap))
        fresh = islice(self._ready, first, first + count - len(found))
        return found + [(at, m, False) for at, m in enumerate(fresh, self._head + first)]

    # limits

    def regulate(self, policy: Definition) -> None:
        """Do what a policy asks, beside the arguments, from now on.

        Messages that are here keep the time to live that they have.
        """
        if policy is self._policy:
            return
        self._policy = policy
        limits = self._read_limits(policy)
        if limits == self.limits:
            return
        self.limits = limits
        self._plain = limits == NO_LIMITS
        waiting = (message for _rank, _position, message, _redelivered in self._heap)
        self._ready_size = sum(message.body_size for message in (*waiting, *self._ready))
        self._trim()

    def _read_limits(self, policy: Definition) -> Limits:
        return read_limits(self.arguments, policy)

    def _trim(self) -> None:
        """Drop from the head what is too much, unless the queue refuses new messages instead."""
        if self.limits.overflow != "drop-head":
            return
        while len(self) and self.limits.over(len(self), self._ready_size):
            self._drop_first("maxlen")

    def _drop_first(self, reason: str) -> None:
        taken = self._pop()
        assert taken is not None  # noqa: S101  the callers looked
        position, message, _redelivered = taken
        self._forget(position, message)
        self._bury(message, reason)

    def _lifetime(self, message: Message) -> float | None:
        """How many seconds the message may wait here; the queue's limit or its own, if any."""
        lives = [ttl for ttl in (self.limits.ttl, message.traits.ttl) if ttl is not None]
        return min(lives) * _MILLISECOND if lives else None

    def _first_deadline(self) -> float | None:
        """When the first message in line expires, if there is one and it does."""
        if self._heap:
            return self._deadlines.get(self._heap[0][1])
        return self._deadlines.get(self._head) if self._ready else None

    def _drop_expired(self) -> None:
        now = self._clock.now()
        while (deadline := self._first_deadline()) is not None and deadline <= now:
            self._drop_first("expired")

    def _watch(self) -> None:
        """See to it that the first message goes when its time has come."""
        if not self._deadlines or self.deleted:
            return
        self._drop_expired()
        deadline = self._first_deadline()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            delay = max(0.0, deadline - self._clock.now())
            self._timer = self._clock.call_later(delay, self._watch)

    # consumers

    def add_consumer(self, consumer: Consumer) -> None:
        """Let a consumer share the queue, last in line; `activate` it to start."""
        self.consumers.append(consumer)
        self._ring.append(consumer)
        consumer.queued = True
        if self.limits.single_active and self.active_consumer is None:
            self.active_consumer = consumer
        self._choosy = self.limits.single_active or any(c.priority for c in self.consumers)

    def line_up(self, consumer: Consumer) -> None:
        """The consumer has room again, for what the queue serves next."""
        consumer.active = True
        if not consumer.queued:
            consumer.queued = True
            self._ring.append(consumer)

    def activate(self, consumer: Consumer) -> None:
        """The consumer has room again: serve it."""
        self.line_up(consumer)
        self.serve()

    def remove_consumer(self, consumer: Consumer) -> None:
        """The consumer takes no more."""
        self.consumers.remove(consumer)
        self.touch()
        consumer.active = False
        if consumer.queued:
            consumer.queued = False
            self._ring.remove(consumer)
        self._choosy = self.limits.single_active or any(c.priority for c in self.consumers)
        if consumer is self.active_consumer:
            self.active_consumer = self._successor()
            self.serve()

    def _successor(self) -> Consumer | None:
        """Who becomes the single active consumer: of those that are preferred the first."""
        return max(self.consumers, key=lambda consumer: consumer.priority, default=None)

    def _next_consumer(self) -> Consumer | None:
        """The consumer whose turn it is; it goes to the end of the ring."""
        if self._choosy:
            return self._chosen_consumer()
        ring = self._ring
        while ring:
            consumer = ring[0]
            if consumer.active:
                if len(ring) > 1:
                    ring.rotate(-1)
                return consumer
            self._step_aside(ring.popleft())
        return None

    def _step_aside(self, consumer: Consumer) -> None:
        """Its turn has come, and it has no room: out of the line until it has."""
        consumer.queued = False
        self._asides = consumer.aside = self._asides + 1

    def _chosen_consumer(self) -> Consumer | None:
        """The one that the queue's mode or the consumers' priorities choose."""
        if self.limits.single_active:
            chosen = self.active_consumer
            return chosen if chosen is not None and chosen.active else None
        return self._next_by_priority()

    def _next_by_priority(self) -> Consumer | None:
        while self._ring:
            best = max(self._ring, key=lambda consumer: consumer.priority)
            self._ring.remove(best)
            if best.active:
                self._ring.append(best)
                return best
            self._step_aside(best)
        return None

    def drop(self) -> None:
        """The queue is deleted: consumers are told, messages are gone."""
        self.deleted = True
        if self._store is not None:
            self._store.drop_queue(self._number)
            self._store = None  # which may give the number to another queue
        if self._timer is not None:
            self._timer.cancel()
        consumers, self.consumers, self.active_consumer = self.consumers, [], None
        self._ring.clear()
        self._ready.clear()
        self._heap.clear()
        self._deadlines.clear()
        for consumer in consumers:
            consumer.active = consumer.queued = False
            consumer.queue_gone()
