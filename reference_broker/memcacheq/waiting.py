"""A read that waits at its queue until a message comes or its time is up."""

from collections.abc import Callable

from reference_broker.broker.message import Message
from reference_broker.broker.queue import Queue

from .ports import Transport

Arrival = Callable[[Queue, tuple[int, Message] | None], None]


class Waiter:
    """Takes one message or none: a `broker.ports.Consumer` that leaves after a delivery."""

    exclusive = False
    priority = 0

    def __init__(self, queue: Queue, arrived: Arrival) -> None:
        self.active = False
        self.queued = False
        self.aside = 0
        self._queue = queue
        self._arrived = arrived

    def start(self, transport: Transport, seconds: float) -> None:
        """Stand in line."""
        self._timer = transport.after(seconds, self.give_up)
        self._queue.add_consumer(self)
        self._queue.activate(self)

    def accepts(self, position: int, message: Message) -> bool:
        """Any message will do."""
        del position, message
        return True

    def deliver(self, position: int, message: Message, redelivered: bool) -> None:
        """A message has come."""
        del redelivered
        self.cancel()
        self._arrived(self._queue, (position, message))

    def queue_gone(self) -> None:
        """The queue was deleted."""
        self._timer.cancel()
        self._arrived(self._queue, None)

    def give_up(self) -> None:
        """The time is up, or the client has gone."""
        self.cancel()
        self._arrived(self._queue, None)

    def cancel(self) -> None:
        """Leave the line."""
        self._timer.cancel()
        self._queue.remove_consumer(self)
