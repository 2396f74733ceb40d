"""Quorum queues as RabbitMQ has them on a single node.

What differs from a classic queue, all seen on RabbitMQ 3.10:
- every message is kept in the store, whatever its delivery mode;
- what has come back says how often in the header x-delivery-count, and is buried when that is more
  often than x-delivery-limit;
- what comes back has lost its place: what was refused goes to the end of the line, or, in a queue
  with a delivery limit, stands before all that was never out; so does what a channel leaves behind;
- a queue that rejects publishes does so from one message above its limit on, until it has come
  down to four fifths of it.

A message with a count is a rewritten copy; `_out` holds the original of each that is out.
"""

from collections.abc import Iterable
from dataclasses import replace
from heapq import heappush
from itertools import count

from reference_broker.wire.content import properties_of
from reference_broker.wire.tables import Table, Typed

from .limits import Limits, lower
from .message import Message, read_traits
from .policy import Definition
from .ports import Clock, Consumer
from .queue import Outcome, Queue

_COUNT = "x-delivery-count"
_NEVER_OUT = 2**62  # ranks of messages that a restart put into the heap behind those that were out


class QuorumQueue(Queue):
    """One quorum queue."""

    kind = "quorum"
    conditional_delete = False
    exclusive_consumers = False
    shared_qos = False
    get_while_single_active = False
    most_unacked = 2000  # to a consumer without a prefetch of its own

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        durable: bool = True,
        auto_delete: bool = False,
        owner: object | None = None,
        arguments: Table | None = None,
    ) -> None:
        super().__init__(
            name, clock, durable=durable, auto_delete=auto_delete, owner=owner, arguments=arguments
        )
        self._plain = False
        self._returns: dict[int, int] = {}  # how often a message came back, by position; no zeros
        self._out: dict[int, Message] = {}
        self._ranks = count()
        self._blocked = False

    def regulate(self, policy: Definition) -> None:
        """Do what a policy asks, beside the arguments, from now on."""
        super().regulate(policy)
        self._plain = False

    def _read_limits(self, policy: Definition) -> Limits:
        self._limit = lower(self.arguments, policy, "delivery-limit")
        limits = super()._read_limits(policy)
        if limits.overflow == "reject-publish-dlx":  # which this type does not have
            return replace(limits, overflow="drop-head")
        return limits

    def _successor(self) -> Consumer | None:
        """Who becomes the single active consumer: the first, whatever priorities say; 4.0 asks."""
        return next(iter(self.consumers), None)

    # messages in

    def _put_limited(self, message: Message) -> Outcome:
        return super()._put_limited(_durable(message))

    def _refuses(self, message: Message) -> bool:  # noqa: ARG002  its size does not matter
        limits = self.limits
        if limits.overflow == "drop-head":
            return False
        if self._blocked:
            low = Limits(max_length=_low(limits.max_length), max_bytes=_low(limits.max_bytes))
            self._blocked = low.over(len(self), self._ready_size)
        else:
            self._blocked = limits.over(len(self), self._ready_size)
        return self._blocked

    def requeue(self, messages: Iterable[tuple[int, Message]]) -> None:
        """Take back what was refused."""
        self._come_back(messages, to_the_end=self._limit is None)

    def take_back(self, messages: Iterable[tuple[int, Message]]) -> None:
        """Take back what a channel has left behind."""
        self._come_back(messages, to_the_end=False)

    def _come_back(self, messages: Iterable[tuple[int, Message]], *, to_the_end: bool) -> None:
        if self.deleted:
            return
        for position, _copy in messages:
            returns = self._returns[position] = self._returns.get(position, 0) + 1
            message = self._out[position]
            if isinstance(self._limit, int | float) and returns > self._limit:
                self._bury(message, "delivery_limit")
                self.settle(position, message)
                continue
            del self._out[position]
            self.unacked -= 1
            self._ready_size += message.body_size
            if to_the_end:
                self._move_to_the_end(position, message)
            else:
                heappush(self._heap, (next(self._ranks), position, message, True))
        self._trim()
        self.serve()
        self._watch()

    def _move_to_the_end(self, old: int, message: Message) -> None:
        """Give a message a new position, behind all others."""
        position = self._head + len(self._ready)
        self._ready.append(message)
        self._returns[position] = self._returns.pop(old)
        deadline = self._deadlines.pop(old, None)
        expires = None
        if deadline is not None:
            self._deadlines[position] = deadline
            expires = deadline - self._clock.now() + self._clock.epoch()
        if self._store is not None:
            self._store.remove(self._number, old)
            self._store.append(self._number, position, message, expires)
            self._store.counted(self._number, position, self._returns[position])

    def recover(
        self, head: int, messages: Iterable[tuple[int, Message, float | None, int]]
    ) -> None:
        """As a classic queue; what was out when the broker ended has come back once more."""
        kept = list(messages)
        self._returns = {
            position: max(deliveries, int(position < head))
            for position, _message, _expires, deliveries in kept
            if deliveries or position < head
        }
        durable = (
            (position, _durable(message), expires, deliveries)
            for position, message, expires, deliveries in kept
        )
        super().recover(head, durable)
        self._heap = [
            (place if position < head else _NEVER_OUT + place, position, message, redelivered)
            for place, (_rank, position, message, redelivered) in enumerate(self._heap)
        ]
        self._ranks = count(len(self._heap))

    # messages out

    def _hand_over(self, consumer: Consumer, message: Message) -> None:
        position = self._head
        self._head = position + 1
        self.unacked += 1
        consumer.deliver(position, self._issue(position, message), False)

    def take(self) -> tuple[int, Message, bool] | None:
        """Remove the first message, as a classic queue does; the copy that it gives is counted."""
        taken = super().take()
        if taken is None:
            return None
        position, message, _redelivered = taken
        return position, self._issue(position, message), position in self._returns

    def _issue(self, position: int, message: Message) -> Message:
        """The copy of a message that goes out."""
        returns = self._returns.get(position, 0)
        self._out[position] = message
        if self._store is not None:
            self._store.delivered(self._number, position + 1)
            if returns:
                self._store.counted(self._number, position, returns + 1)
        return self._counted(message, returns) if returns else message

    def fetch(self) -> tuple[int, Message, bool] | None:
        """As `take`; other than consumers, a client that fetches is told of a count of 0 too."""
        taken = self.take()
        if taken is None or taken[2]:
            return taken
        position, message, redelivered = taken
        return position, self._counted(message, 0), redelivered

    @staticmethod
    def _counted(message: Message, returns: int) -> Message:
        properties = message.properties
        headers = {**(properties.get("headers") or {}), _COUNT: Typed("l", returns)}
        return message.rewritten({**properties, "headers": dict(sorted(headers.items()))})

    def peek(self, start: int, count: int) -> list[tuple[int, Message, bool]]:
        """As a classic queue; without the header that counts deliveries."""
        return [(at, m, at in self._returns) for at, m, _again in super().peek(start, count)]

    def purge(self) -> int:
        """Drop all ready messages; how many there were."""
        dropped = super().purge()
        self._returns = {at: n for at, n in self._returns.items() if at in self._out}
        return dropped

    def settle(self, position: int, message: Message) -> None:
        """A message that was out has been acknowledged, or needs no acknowledgement."""
        original = self._out.pop(position, message)
        super().settle(position, original)

    def reject(self, position: int, message: Message) -> None:
        """A message that was out is refused for good."""
        super().reject(position, self._out.get(position, message))

    def _forget(self, position: int, message: Message) -> None:
        self._returns.pop(position, None)
        super()._forget(position, message)

    def _bury(self, message: Message, reason: str) -> None:
        published = message.with_traits(read_traits(properties_of(message.frames)))
        super()._bury(published, reason)


def _durable(message: Message) -> Message:
    """The message as one that the store keeps, whatever its delivery mode."""
    if message.traits.persistent:
        return message
    return message.with_traits(message.traits._replace(persistent=True))


def _low(limit: int | None) -> int | None:
    """Publishes are taken again when no more is ready than this part of the limit."""
    return None if limit is None else int(limit * 0.8)
