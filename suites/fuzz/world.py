"""A whole reference broker without sockets or time: sessions are fed octets.

What must hold: no exception leaves `Session.receive`; all that is answered is legal; a canary's
messages come through; and when the connection is gone nothing that belonged to it is there.
"""

import gc
import time
from pathlib import Path

from reference_broker.broker.access import Permission
from reference_broker.broker.broker import Broker
from reference_broker.config import Config
from reference_broker.protocol.states import Phase
from reference_broker.session.hub import Hub
from reference_broker.session.security import Security
from reference_broker.session.session import Session
from reference_broker.storage.recovery import recover
from reference_broker.storage.sqlite import SqliteStore
from reference_broker.wire.framing import content_frames, method_frame
from suites.clients.received import Delivery, Received
from suites.fuzz.answers import Answers, IllegalAnswerError
from suites.fuzz.program import VHOST, opening
from suites.unit.doubles import FakeClock

SLOW = 5.0  # seconds of CPU that one read may cost; the dearest are of some milliseconds
_CANARY = "canary-7d1f4c"  # a name that no program draws
_CLOSE_OK = method_frame(0, "connection.close-ok")
_MAX_BODY = 1_000_000  # octets, so that a header that promises more is refused


class BrokenError(Exception):
    """An invariant did not hold; the text says which."""


class Wire:
    """A `session.session.Transport` that keeps what is written."""

    peer = name = "fuzz"
    local = True
    security: Security | None = None

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | memoryview) -> None:
        """Keep the octets."""
        self.out.append(bytes(data))

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def take(self) -> bytes:
        """What was written since the last look."""
        data = b"".join(self.out)
        self.out.clear()
        return data

    def hold_input(self, why: str) -> None:
        """Nobody is slow here, and nothing is low."""

    def release_input(self, why: str) -> None:
        """Likewise."""

    def tuned(self, heartbeat: int) -> None:
        """Time stands still."""

    def opened(self) -> None:
        """Likewise."""

    def closing(self) -> None:
        """Likewise."""


class Client:
    """One connection to the world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.wire = Wire()
        self.session = Session(world.hub, self.wire)
        self.answers = Answers()

    @property
    def over(self) -> bool:
        """Whether the broker has ended the connection."""
        return self.wire.closed

    def feed(self, data: bytes) -> list[Received]:
        """Let the broker read these octets; the methods that it answers. Raises BrokenError."""
        began = time.process_time()
        try:
            self.session.receive(data)
            self.world.hub.settle()
        except Exception as error:
            raise BrokenError(f"{type(error).__name__}: {error}") from error
        if time.process_time() - began > SLOW:
            raise BrokenError(f"more than {SLOW:g} s of CPU for {len(data)} octets")
        try:
            return self.answers.feed(self.wire.take())
        except IllegalAnswerError as error:
            raise BrokenError(str(error)) from error

    def end(self) -> None:
        """The socket ends; nothing of the connection may stay."""
        self._farewell()
        self.session.end()
        self.world.hub.settle()
        self.world.check_gone(self.session)

    def _farewell(self) -> None:
        """What the broker has closed has to end when that is answered."""
        protocol = self.session.protocol
        if self.over or protocol.phase is not Phase.CLOSING:
            return
        if not self.answers.closing:
            raise BrokenError("the connection is being closed, and the client does not know")
        held = protocol._buffer and not protocol._framing_lost  # noqa: SLF001  a frame that is not whole
        if not held:
            self.feed(_CLOSE_OK)
            if not self.over:
                raise BrokenError("the close handshake does not end the connection")


class World:
    """A broker, a clock, and a canary in the vhost that programs hurt."""

    def __init__(self, data_dir: Path | None = None) -> None:
        self.clock = FakeClock()
        self._data_dir = data_dir
        self._store: SqliteStore | None = None
        self._open()

    def _open(self) -> None:
        self.broker = Broker(self.clock)
        self.hub = Hub(self.broker, Config(max_message_size=_MAX_BODY))
        if self._data_dir is not None:
            self._store = SqliteStore(self._data_dir)
            recover(self._store, self.broker)
            self.broker.keep_in(self._store)
        if "guest" not in self.broker.access.users:
            self.broker.add_guest()
        self._settle_in()

    def _settle_in(self) -> None:
        self.broker.add_vhost(VHOST)
        self.broker.permit(self.broker.access.users["guest"], VHOST, Permission())
        self._canary = Client(self)
        for step in opening():
            self._canary.feed(step)
        self._canary.feed(method_frame(1, "channel.open"))
        self._canary.feed(method_frame(1, "queue.declare", queue=_CANARY, exclusive=True))
        self._canary.feed(method_frame(1, "basic.consume", queue=_CANARY, no_ack=True))
        self._sung = 0

    def sing(self) -> None:
        """The canary publishes, and has to get what it published. Raises BrokenError."""
        self._sung += 1
        body = b"song %d" % self._sung
        publish = method_frame(1, "basic.publish", routing_key=_CANARY)
        came = self._canary.feed(publish + content_frames(1, body))
        bodies = [method.body for method in came if isinstance(method, Delivery)]
        if bodies != [body]:
            raise BrokenError(f"the canary got {came} in place of {body!r}")

    def advance(self, seconds: float) -> None:
        """Let time pass, and with it what expires. Raises BrokenError."""
        try:
            self.clock.advance(seconds)
            self.hub.settle()
        except Exception as error:
            raise BrokenError(f"when time passes: {type(error).__name__}: {error}") from error

    def check_gone(self, session: Session) -> None:
        """Nothing may belong to a connection that has ended. Raises BrokenError."""
        if session in self.hub.sessions or session in self.hub.dirty:
            raise BrokenError("the hub still knows a connection that has ended")
        if any(channel.session is session for channel in self.hub.unconfirmed):
            raise BrokenError("confirms wait for a connection that has ended")
        channels = [reply._channel for reply in self.hub.replies.values()]  # noqa: SLF001  whose it is
        if any(channel.session is session for channel in channels):
            raise BrokenError("replies are awaited by a connection that has ended")
        for queue in self.broker.vhosts[VHOST].queues.values():
            if queue.owner is session:
                raise BrokenError(f"{queue.name!r} outlives the connection that owned it")
            if any(getattr(one, "_session", None) is session for one in queue.consumers):
                raise BrokenError(f"{queue.name!r} has a consumer of a connection that has ended")

    def clear(self) -> None:
        """Delete the vhost with all that programs have left in it, and make it anew."""
        self._canary.end()
        if len(self.hub.sessions):
            raise BrokenError(f"{len(self.hub.sessions)} sessions of nobody")
        if self._data_dir is not None:
            self._reopen()
        self.broker.delete_vhost(self.broker.vhosts[VHOST])
        self.hub.settle()
        self.clock.advance(10 * 365 * 86400)  # so that no timer keeps what is deleted
        self._settle_in()

    def _reopen(self) -> None:
        """Start again from the data directory; what was durable has to be there."""
        assert self._store is not None
        before = durable(self.broker)
        self._store.close()
        try:
            self._open()
        except Exception as error:
            raise BrokenError(f"does not start again: {type(error).__name__}: {error}") from error
        self._canary.end()
        if durable(self.broker) != before:
            raise BrokenError(f"was {before}, is {durable(self.broker)} after a restart")

    def close(self) -> None:
        """End the store."""
        if self._store is not None:
            self._store.close()


def durable(broker: Broker) -> tuple[list[str], list[str]]:
    """The durable queues and exchanges of the vhost that programs hurt."""
    vhost = broker.vhosts[VHOST]
    queues = [q.name for q in vhost.queues.values() if q.durable and q.owner is None]
    return sorted(queues), sorted(e.name for e in vhost.exchanges.values() if e.durable)


def objects() -> int:
    """How many objects of the broker there are, garbage aside."""
    gc.collect()
    return sum(type(held).__module__.startswith("reference_broker") for held in gc.get_objects())
