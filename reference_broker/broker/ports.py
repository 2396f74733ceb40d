"""What the broker asks of those around it: consumers to take messages, a store to keep them.

Invariants of the store, which every implementation keeps:
- nothing is durable before `commit` returns, and all that was appended before is durable after it;
- a message is known by its queue and its position, which rises with each message of the queue;
- a broker that starts again gets back what was committed, in order of position.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .access import User
    from .exchange import Binding, Exchange
    from .message import Message
    from .queue import Queue
    from .vhost import VHost


class StoreError(Exception):
    """The store cannot be used, or a commit failed; the text says why."""


class Consumer(Protocol):
    """Somebody who takes messages from a queue as they come.

    `active` says whether one more may be delivered now: whoever sets it false has to call the
    queue's `activate` when there is room again, or `line_up` for several, in the order of `aside`.
    `queued`, whether it stands in line, and `aside`, when it left the line, belong to the queue.
    """

    active: bool
    queued: bool
    aside: int
    exclusive: bool
    priority: int

    def accepts(self, position: int, message: "Message") -> bool:
        """Whether it takes this one; only queues with choosy consumers ask."""

    def deliver(self, position: int, message: "Message", redelivered: bool) -> None:
        """Take one message."""

    def queue_gone(self) -> None:
        """The queue was deleted under the consumer."""


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Do not make it."""


class Clock(Protocol):
    """The time, and calls at a later one."""

    def now(self) -> float:
        """Seconds that never run backwards."""

    def epoch(self) -> float:
        """Seconds since 1970."""

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        """Call in `delay` seconds."""


class Store(Protocol):
    """Where durable things are kept."""

    @property
    def pending(self) -> bool:
        """Whether anything waits for `commit`."""

    def save_exchange(self, vhost: str, exchange: "Exchange") -> None:
        """Keep a durable exchange."""

    def drop_exchange(self, vhost: str, name: str) -> None:
        """Forget an exchange."""

    def save_queue(self, vhost: str, queue: "Queue") -> int:
        """Keep a durable queue; returns the number by which its messages are stored."""

    def drop_queue(self, number: int) -> None:
        """Forget a queue and its messages."""

    def save_binding(self, vhost: str, binding: "Binding") -> None:
        """Keep a binding between durable ends."""

    def drop_binding(self, vhost: str, binding: "Binding") -> None:
        """Forget a binding."""

    def append(self, queue: int, position: int, message: "Message", expires: float | None) -> None:
        """Keep a persistent message, which `expires` at so many seconds since 1970, if ever."""

    def remove(self, queue: int, position: int) -> None:
        """Forget a message that was settled."""

    def delivered(self, queue: int, head: int) -> None:
        """Note that all messages below position `head` have been out once."""

    def counted(self, queue: int, position: int, deliveries: int) -> None:
        """Note how often a message has been out: for queues that count."""

    def save_vhost(self, vhost: "VHost") -> None:
        """Keep a vhost with its policies and limits."""

    def drop_vhost(self, name: str) -> None:
        """Forget a vhost whose queues are gone."""

    def save_user(self, user: "User") -> None:
        """Keep a user with all permissions and limits."""

    def drop_user(self, name: str) -> None:
        """Forget a user."""

    def purge(self, queue: int, positions: range) -> None:
        """Forget the messages at these positions."""

    def commit(self) -> None:
        """Make durable all that came before. Raises StoreError, and then nothing is."""
