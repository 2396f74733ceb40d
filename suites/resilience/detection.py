"""A client whose connection is hurt, and the moments at which each side knows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Literal

from faults.base import Injector
from suites import verify
from suites.brokers.base import Broker, Unsupported
from suites.clients.raw import RawClient
from suites.clients.remote import RemoteClient
from suites.resilience import bounds
from suites.resilience.owner import HELD, is_locked
from suites.resilience.together import together
from suites.resilience.watch import Watch

LOOK_INTERVAL = 0.1
LISTED = 20.0  # seconds in which a management view follows; RabbitMQ's collects every 5

How = Literal["told", "silence", "patience"]
"""A side is told by FIN or RST; or finds by the broker's, or by pika's, check for heartbeats."""

RULES = {"told": bounds.told, "silence": bounds.silence, "patience": bounds.patience}
RAISED = {
    "told": "socket closed",
    "silence": "socket closed",  # the broker finds it, and its FIN or RST tells the client
    "patience": "no heartbeat from the broker",
}
"""What pika raises, by how it came to know."""


@dataclass(frozen=True)
class Blow:
    """What is done to a client, and how each side comes to know of it.

    A side that is told by the other's giving up knows as that one does. A client that cannot know
    has None; if it `wakes`, it is told when the fault is left.
    """

    strike: Callable[[RemoteClient], Injector]
    broker: How
    client: How | None
    interval: int = 1  # of the heartbeats, in seconds
    wakes: bool = False


@dataclass(frozen=True)
class Victim:
    """A connection with a heartbeat that owns `lock`, an exclusive queue, and holds a message.

    The client calls itself as the lock. `looking` and `consuming` are connections that no fault
    concerns.
    """

    broker: Broker
    client: RemoteClient
    lock: str
    watch: Watch
    looking: RawClient
    consuming: RawClient
    freed: Event = field(default_factory=Event)

    def suffer(self, blow: Blow) -> dict[str, float]:
        """Strike it; how long until the lock was gone, the message back, and the client knew.

        Seconds since the blow; Mismatch when a side knew too early or too late. `management`, where
        there is such a view, is when the first answer came that did not list the connection.
        """
        knowing: dict[str, Callable[[], float]] = {"lock": self._lock_gone, "message": self._back}
        if blow.client is not None:
            knowing["client"] = partial(self._lost, RAISED[blow.client])
        if self.listed() is not None:
            knowing["management"] = self._unlisted
        struck = time.monotonic()
        with blow.strike(self.client):
            origins = self._origins(struck)
            knew = dict(zip(knowing, together(*knowing.values()), strict=True))
        _check(blow, "broker", blow.broker, min(knew["lock"], knew["message"]), origins)
        if blow.client is not None:
            _check(blow, "client", blow.client, knew["client"], origins)
        elif blow.wakes:
            self._lost(RAISED["told"])
        return {side: at - struck for side, at in knew.items()}

    def locked(self) -> bool:
        """Whether the lock holds: 405 for others, and not 404."""
        return is_locked(self.looking, self.lock)

    def listed(self) -> bool | None:
        """Whether the broker's management view shows the connection; None without such a view."""
        try:
            return self.broker.administration().lists_connection(self.lock)
        except Unsupported:
            return None

    def _origins(self, struck: float) -> dict[How, float]:
        """What each way of knowing counts from."""
        up, down = (self.watch.last(way, struck) for way in ("up", "down"))
        return {"told": struck, "silence": up, "patience": down}

    def _lock_gone(self) -> float:
        verify.eventually(
            lambda: not self.locked(), "lock gone", bounds.LONGEST, every=LOOK_INTERVAL
        )
        self.freed.set()
        return time.monotonic()

    def _unlisted(self) -> float:
        self.freed.wait(bounds.LONGEST)  # asking costs a second of processor
        verify.eventually(lambda: not self.listed(), "no longer listed", LISTED)
        return time.monotonic()

    def _back(self) -> float:
        again = self.consuming.expect_content(1, "basic.deliver", HELD, timeout=bounds.LONGEST)
        verify.equal(again["redelivered"], expected=True, what="redelivered")
        return time.monotonic()

    def _lost(self, raised: str) -> float:
        lost = self.client.wait("lost", bounds.LONGEST)
        verify.equal(lost.told["error"], raised, "what pika raises")
        return lost.at


def _check(blow: Blow, who: str, how: How, at: float, origins: dict[How, float]) -> None:
    rule = RULES[how](blow.interval)
    verify.between(at - origins[how], *rule, f"seconds until the {who} knew ({how})")
