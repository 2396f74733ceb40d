"""Everything around a front end, without I/O: transports, turns, a clock, timers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from reference_broker.memcacheq.ports import Transport
from reference_broker.memcacheq.text import TextSession


class Front(Protocol):
    """What makes sessions."""

    def connect(self, transport: Transport) -> TextSession:
        """A client has come."""


@dataclass(eq=False)
class Timer:
    """A call to come."""

    due: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """Do not make it."""
        self.cancelled = True


@dataclass(eq=False)
class Wire:
    """A transport that keeps what is written."""

    stage: "Stage"
    peer: str = "client"
    out: bytearray = field(default_factory=bytearray)
    total: int = 0
    reading: bool = True
    closed: bool = False

    def write(self, data: bytes) -> None:
        """Keep the octets."""
        self.out += data
        self.total += len(data)

    def close(self) -> None:
        """Note that it is closed."""
        self.closed = True

    def pause_reading(self) -> None:
        """Note it."""
        self.reading = False

    def resume_reading(self) -> None:
        """Note it."""
        self.reading = True

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        """Call when the stage's timers are run."""
        return self.stage.call_later(delay, call)


class Stage:
    """A broker's surroundings: `memcacheq.ports.Settlement` and `broker.ports.Clock`."""

    def __init__(self) -> None:
        self.dirty: set[Any] = set()
        self.alarm = ""
        self.time = 1_000_000_000.0
        self._wires: dict[TextSession, Wire] = {}
        self._timers: list[Timer] = []

    def connect(self, front: Front) -> TextSession:
        """A client has come."""
        wire = Wire(self)
        session = front.connect(wire)
        self._wires[session] = wire
        return session

    def feed(self, session: TextSession, data: bytes) -> None:
        """Octets have come, and their turn is settled."""
        session.receive(data)
        self.settle()

    def settle(self) -> None:
        """End the turn."""
        while self.dirty:
            self.dirty.pop().flush()

    # the clock

    def now(self) -> float:
        """Seconds."""
        return self.time

    def epoch(self) -> int:
        """Seconds since 1970."""
        return int(self.time)

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        """Call when the timers are run."""
        self._timers.append(Timer(self.time + delay, call))
        return self._timers[-1]

    def run_timers(self) -> None:
        """Let as much time pass as there are timers for, those included that these set."""
        while self._timers:
            timer = min(self._timers, key=lambda timer: timer.due)
            self._timers.remove(timer)
            if not timer.cancelled:
                self.time = max(self.time, timer.due)
                timer.call()
                self.settle()

    # what came of it

    def reply(self, session: TextSession) -> bytes:
        """What was written since the last call."""
        out = self._wires[session].out
        data = bytes(out)
        out.clear()
        return data

    def written(self, session: TextSession) -> int:
        """How many octets were written in all."""
        return self._wires[session].total

    def closed(self, session: TextSession) -> bool:
        """Whether the connection was closed."""
        return self._wires[session].closed

    def reads(self, session: TextSession) -> bool:
        """Whether the socket is read."""
        return self._wires[session].reading

    def held(self, session: TextSession) -> int:
        """How many octets the session keeps for later."""
        return len(session._rest)  # noqa: SLF001  what is bounded
