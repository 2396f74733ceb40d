"""The order in which the dead are buried: one by one, when nobody is in the middle of it."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from .message import Message
from .queue import Outcome, Queue

_REJECTED = Outcome.REJECTED  # looked up once: the hot path asks for it each time
Bury = Callable[[Queue, Message, str], None]


class Burials:
    """What has died in the queues of a vhost; `bury` sends one to where it goes."""

    def __init__(self, bury: Bury) -> None:
        self._bury = bury
        self._dead: deque[tuple[Queue, Message, str]] = deque()
        self._waiting = False

    def spread(self, queues: Iterable[Queue], message: Message) -> bool:
        """Put a message into several queues; False when one was full and did not take it.

        What dies of it is buried when all have it: RabbitMQ's queues, being processes, would not
        have sent it on any sooner.
        """
        taken = True
        waited, self._waiting = self._waiting, True
        try:
            for queue in queues:
                if queue.put(message) is _REJECTED:
                    taken = False
        finally:
            self._waiting = waited
        if self._dead and not waited:
            self._bury_all()
        return taken

    @contextmanager
    def held(self) -> Iterator[None]:
        """What dies within is buried at the end, as `spread` does it for a single message."""
        waited, self._waiting = self._waiting, True
        try:
            yield
        finally:
            self._waiting = waited
            if self._dead and not waited:
                self._bury_all()

    def died(self, queue: Queue, message: Message, reason: str) -> None:
        """A message has died in a queue."""
        self._dead.append((queue, message, reason))
        if not self._waiting:
            self._bury_all()

    def _bury_all(self) -> None:
        """Bury them, and what dies of that."""
        self._waiting = True
        try:
            while self._dead:
                self._bury(*self._dead.popleft())
        finally:
            self._waiting = False
