"""A classic queue by the letter of the specification, where RabbitMQ departs from it.

Its consumers may decline a message: one that their own connection published, that their channel has
refused before, or that is too large for what they may have out. So it looks for the first message
in line that somebody takes. Each message stands in the heap, since every queue knows priorities.
"""

from collections.abc import Iterable
from dataclasses import replace
from heapq import heapify, heappop
from typing import Any
from weakref import WeakSet

from reference_broker.semantics import Semantics
from reference_broker.wire.tables import Table

from .limits import Limits
from .message import Message
from .policy import Definition
from .ports import Clock, Consumer
from .queue import Outcome, Queue

MOST_PRIORITY = 9  # basic.priority is 0 to 9
_Entry = tuple[int, int, Message, bool]


class ChoosyQueue(Queue):
    """One such queue."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        semantics: Semantics,
        durable: bool = False,
        auto_delete: bool = False,
        owner: object | None = None,
        arguments: Table | None = None,
    ) -> None:
        super().__init__(
            name, clock, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments
        )
        self._semantics = semantics
        self._refused: dict[int, WeakSet[Any]] = {}  # by position: the channels that want it not
        self._offered: Message

    def _read_limits(self, policy: Definition) -> Limits:
        """As ever, but always with priorities, so that every message stands in the heap."""
        limits = super()._read_limits(policy)
        if limits.max_priority is None:
            return replace(limits, max_priority=MOST_PRIORITY)
        return limits

    def refused(self, position: int, channel: object) -> None:
        """A channel sends a message back: it goes to others from now on."""
        self._refused.setdefault(position, WeakSet()).add(channel)

    def can_deliver(self, message: Message) -> bool:
        """Whether a consumer would take the message at once: none waits for one in line."""
        return any(consumer.accepts(self._head, message) for consumer in self._waiting())

    def refuses(self, position: int, channel: object) -> bool:
        """Whether the channel has refused the message at this position."""
        return channel in self._refused.get(position, ())

    def put(self, message: Message) -> Outcome:
        """Take a message: to a consumer who waits and takes it, else to its place in line."""
        self._offered = message
        outcome = self._put_limited(message)
        self.serve()
        return outcome

    def _rank(self, message: Message) -> int:
        ranks = self._semantics.priorities or "x-max-priority" in self.arguments
        return super()._rank(message) if ranks else 0

    def _trim(self) -> None:
        """Throw no persistent message away; to send it on as a dead letter is another matter."""
        drops = self.limits.overflow == "drop-head" and self.limits.dead_letter_exchange is None
        if not self._semantics.persistent_stays or not drops:
            super()._trim()
            return
        while self.limits.over(len(self), self._ready_size):
            entry = next((e for e in sorted(self._heap) if not e[2].traits.persistent), None)
            if entry is None:
                return
            self._withdraw(entry)
            self._forget(entry[1], entry[2])

    @property
    def pending(self) -> list[Message]:
        """The messages in line."""
        return [message for _rank, _position, message, _again in sorted(self._heap)]

    def bury_pending(self, pending: Iterable[Message]) -> None:
        """A client has deleted the queue: what was pending is dead, but not gone."""
        for message in pending:
            self._bury(message, "deleted")

    def _forget(self, position: int, message: Message) -> None:
        self._refused.pop(position, None)
        super()._forget(position, message)

    # who takes what

    def serve(self) -> None:
        """Deliver while somebody takes one of the messages in line."""
        while self._heap and not self.deleted:
            if self._deadlines:
                self._drop_expired()
            found = self._match()
            if found is None:
                return
            self._hand_out(*found)

    def _match(self) -> tuple[_Entry, Consumer] | None:
        """The first message that somebody takes, and who."""
        waiting = self._waiting()
        if not waiting:
            return None
        for entry in self._in_line():
            for consumer in waiting:
                if consumer.accepts(entry[1], entry[2]):
                    return entry, consumer
        return None

    def _in_line(self) -> Iterable[_Entry]:
        """The messages in their order; the first costs nothing, and mostly is the one."""
        if self._heap:
            yield self._heap[0]
            yield from sorted(self._heap)[1:]

    def _waiting(self) -> list[Consumer]:
        """The consumers with room, whose turn is next first."""
        first = sorted(self._ring, key=lambda consumer: -consumer.priority)
        if self.limits.single_active:
            first = [consumer for consumer in first if consumer is self.active_consumer]
        return [consumer for consumer in first if consumer.active]

    def _next_consumer(self) -> Consumer | None:
        """Who takes the message that is offered; the base asks when nothing is in line."""
        for consumer in self._waiting():
            if consumer.accepts(self._head, self._offered):
                self._to_the_back(consumer)
                return consumer
        return None

    def _to_the_back(self, consumer: Consumer) -> None:
        if consumer.queued:
            self._ring.remove(consumer)
            self._ring.append(consumer)

    def _hand_out(self, entry: _Entry, consumer: Consumer) -> None:
        _rank, position, message, redelivered = entry
        self._withdraw(entry)
        self._to_the_back(consumer)
        self.unacked += 1
        if self._store is not None and message.traits.persistent:
            self._store.delivered(self._number, position + 1)
        consumer.deliver(position, message, redelivered)

    def _withdraw(self, entry: _Entry) -> None:
        if self._heap[0] is entry:
            heappop(self._heap)
        else:
            self._heap.remove(entry)
            heapify(self._heap)
        self._ready_size -= entry[2].body_size
