"""What tests of an application ask of its broker: what was published, and a fault now and then.

A broker that is not observed has none of this on its way: the memory of routes and the consumers of
an observed one are of other types, chosen when a connection opens and when a client consumes.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from reference_broker.broker.access import User
from reference_broker.broker.message import Message
from reference_broker.broker.queue import Queue
from reference_broker.broker.vhost import VHost
from reference_broker.wire.content import body_of, header_of
from reference_broker.wire.methods import decode_properties

from .publishing import Route, Routes

if TYPE_CHECKING:
    from .consuming import Consumer
    from .replies import ReplyConsumer

_KEPT = 10_000  # messages; a test that publishes more asks for the last of them


class DeliveryFault(StrEnum):
    """What can befall a delivery."""

    LOST = "lost"  # the connection breaks before the delivery arrives; it comes again
    CUT = "cut"  # the connection ends after it arrived and before it can be acked; it comes again
    TWICE = "twice"  # it is delivered, and then once more as a message of its own


@dataclass(frozen=True, slots=True)
class Published:
    """A message as it was published, and the names of the queues that it reached."""

    exchange: str
    routing_key: str
    body: bytes
    properties: Mapping[str, Any]
    queues: tuple[str, ...]
    vhost: str


class Observer:
    """What is seen of one broker, through all its restarts."""

    def __init__(self) -> None:
        self._seen: deque[tuple[VHost, Message, tuple[str, ...]]] = deque(maxlen=_KEPT)
        self._faults: dict[tuple[str, str], deque[DeliveryFault]] = {}

    def published(self) -> list[Published]:
        """What was published, the first first."""
        return [
            Published(
                message.exchange,
                message.routing_key,
                body_of(message.frames),
                decode_properties(header_of(message.frames)),
                queues,
                vhost.name,
            )
            for vhost, message, queues in self._seen
        ]

    def forget(self) -> None:
        """Let what was published so far be forgotten."""
        self._seen.clear()

    def arm(self, vhost: str, queue: str, fault: DeliveryFault) -> None:
        """Let this befall the queue's next delivery to a consumer that has none in store yet."""
        self._faults.setdefault((vhost, queue), deque()).append(fault)

    def routes(
        self, vhost: VHost, user: User, replies: Mapping[str, "ReplyConsumer"]
    ) -> "ObservedRoutes":
        """The memory of routes of one connection."""
        routes = ObservedRoutes(vhost, user, replies)
        routes.observer = self
        return routes

    def consumers(self, kind: "type[Consumer]") -> "type[Consumer]":
        """The like of this kind of consumers, whose deliveries are hurt as was asked for."""

        def deliver(consumer: Any, position: int, message: Message, redelivered: bool) -> None:
            fault = self._next_fault(consumer)
            kind.deliver(consumer, position, message, redelivered)
            if fault is not None:
                _hurt(consumer, message, fault)

        return type(f"Observed{kind.__name__}", (kind,), {"__slots__": (), "deliver": deliver})

    def note(self, vhost: VHost, message: Message, queues: Iterable[Queue]) -> None:
        """A message is on its way to these queues."""
        self._seen.append((vhost, message, tuple(queue.name for queue in queues)))

    def _next_fault(self, consumer: "Consumer") -> DeliveryFault | None:
        waiting = self._faults.get((consumer.channel.session.vhost.name, consumer.queue.name))
        return waiting.popleft() if waiting else None


class ObservedRoutes(Routes):
    """Remembers no queues, so that every message is looked at, and told."""

    observer: Observer

    def _resolve(self, method: bytes) -> Route:
        return replace(super()._resolve(method), queues=None, queue=None)

    def queues(self, route: Route, message: Message) -> Sequence[Queue]:
        """The queues that one message reaches."""
        found = list(super().queues(route, message))
        self.observer.note(self._vhost, message, found)
        return found


def _hurt(consumer: "Consumer", message: Message, fault: DeliveryFault) -> None:
    """What follows a delivery that is in the connection's output, and not written yet."""
    session = consumer.channel.session
    if fault is DeliveryFault.LOST:
        session.out.clear()
        session.transport.close()
        return

    def later() -> None:
        if fault is DeliveryFault.TWICE and not consumer.queue.deleted:
            consumer.queue.put(message)
        elif fault is DeliveryFault.CUT:
            session.hub.settle()  # so that the delivery is written
            session.transport.close()

    session.hub.broker.clock.call_later(0, later)
