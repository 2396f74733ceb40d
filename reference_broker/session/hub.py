"""What the sessions of one broker share: who has output to write, and the group commit.

Everything that a read set off is written at its end, by one `settle`: first the store's commit, if
anything waits for it; then the confirms, in order, from this one place; then one write for each
connection that has output. So a confirm never leaves before what it confirms is durable.
"""

from typing import TYPE_CHECKING, Protocol

from reference_broker.broker.broker import Broker
from reference_broker.config import Config

if TYPE_CHECKING:
    from .channel import Channel
    from .observing import Observer
    from .replies import ReplyConsumer
    from .session import Session

HIGH_WATER = 256 * 1024  # octets of output gathered before they are handed to the transport


class Writer(Protocol):
    """A connection with output."""

    out: list[bytes]

    def flush(self) -> None:
        """Write the output."""


class Hub:
    """The meeting point of the sessions."""

    def __init__(self, broker: Broker, config: Config) -> None:
        self.broker = broker
        self.config = config
        self.sessions: set[Session] = set()
        self.dirty: set[Writer] = set()
        self.unconfirmed: set[Channel] = set()
        self.replies: dict[str, ReplyConsumer] = {}  # who awaits direct replies, by address
        self.broken = False  # the store has failed: nothing can be committed any more
        self.atomic = False  # in the middle of something that may not be committed by halves
        self.alarms: set[str] = set()  # the resources that are low
        self.observer: Observer | None = None  # tells an application's tests what happens
        self.alarm = ""  # why publishers have to wait; empty when they need not

    def raise_alarm(self, resource: str) -> None:
        """From now on a connection that publishes is blocked (RabbitMQ's resource alarms)."""
        self.alarms.add(resource)
        self._alarms_changed()

    def clear_alarm(self, resource: str) -> None:
        """Let publishers go on, unless something else is low."""
        self.alarms.discard(resource)
        self._alarms_changed()
        if not self.alarms:
            for session in list(self.sessions):
                session.unblock()

    def _alarms_changed(self) -> None:
        self.alarm = f"low on {' & '.join(sorted(self.alarms))}" if self.alarms else ""

    def abandon(self) -> None:
        """The store has failed: throw away what waits, since it may claim that it was stored."""
        self.broken = True
        self.unconfirmed.clear()
        for writer in self.dirty:
            writer.out.clear()

    def settle(self) -> None:
        """Commit, confirm, write. Raises StoreError when the commit fails: nothing is confirmed."""
        store = self.broker.store
        if store is not None and store.pending and not self.broken:
            store.commit()
        while self.unconfirmed:
            self.unconfirmed.pop().confirm()
        while self.dirty:
            self.dirty.pop().flush()
