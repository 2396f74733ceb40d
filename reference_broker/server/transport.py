"""A socket's way to its session, and the timers of a connection."""

import asyncio
import logging
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol, cast

from reference_broker.broker.ports import StoreError
from reference_broker.config import Config
from reference_broker.management.desk import Vitals
from reference_broker.protocol.states import Phase
from reference_broker.session.hub import Hub
from reference_broker.session.session import Session
from reference_broker.wire.errors import HardError
from reference_broker.wire.framing import HEARTBEAT
from reference_broker.wire.recent import RecentFrames

from .vitals import vitals_of

if TYPE_CHECKING:
    from reference_broker.session.security import Security

log = logging.getLogger(__name__)

_WATCH = 60.0  # seconds that frames are kept for somebody who does not ask for them
_BUFFER = 512 * 1024  # octets that may wait for a slow reader before its consumers pause


class Host(Protocol):
    """What a transport needs of its server."""

    inbox: memoryview  # shared by all: what it holds is taken out before the next read

    def settle(self) -> None:
        """Write what a read has set off."""

    def run(self, call: Callable[[], None]) -> None:
        """Make a call that may touch the store, and settle what came of it."""

    def fail(self, error: StoreError) -> None:
        """The store has failed."""


class AmqpTransport(asyncio.BufferedProtocol):
    """One accepted socket; a `session.session.Transport`."""

    def __init__(self, hub: Hub, config: Config, host: Host) -> None:
        self.peer = self.name = "?"
        self.local = False
        self.security: Security | None = None
        self.gone = asyncio.get_running_loop().create_future()
        self._config = config
        self._settle = host.settle
        self._host = host
        self._hub = hub
        self._inbox = host.inbox
        self._heard = self._spoke = False
        self._frames: RecentFrames | None = None
        self._take: Callable[[memoryview], None]
        self._send: Callable[[bytes | memoryview], None]
        self._holds: set[str] = set()  # why nothing is read from the client
        self._silent = 0  # checks in a row that found nothing received
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        self._transport = cast("asyncio.Transport", transport)  # a stream socket's
        self._transport.set_write_buffer_limits(high=_BUFFER)
        host, port = transport.get_extra_info("peername")[:2]
        own_host, own_port = transport.get_extra_info("sockname")[:2]
        self.peer = f"{host}:{port}"
        self.name = f"{self.peer} -> {own_host}:{own_port}"
        self.local = ip_address(host).is_loopback
        self.security = transport.get_extra_info("security")
        self._session = Session(self._hub, self)
        self.unwatch()
        self._after("handshake", self._config.handshake_timeout, self._too_slow)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002  it is always -1
        """Where what comes is to be put."""
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        """Octets have come."""
        self._heard = True
        self._do(self._take, self._inbox[:nbytes])

    def _do(self, call: Callable[..., None], *args: object) -> None:
        """Let the session do something, whatever comes of it."""
        try:
            call(*args)
        except StoreError as error:
            self._host.fail(error)
        except Exception:
            log.exception("%s: internal error", self.peer)
            self._session.protocol.begin_close()
            self._session.failed(HardError(541, ""))
        self._settle()

    def pause_writing(self) -> None:
        """The client does not read: stop delivering to it, and stop reading from it."""
        self._session.pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._host.run(self._session.resume_writing)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket has ended."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._session.protocol.phase in {Phase.OPEN, Phase.CLOSING}:
            log.warning("%s: gone without a close handshake (%s)", self.peer, exc or "closed")
        self._host.run(self._session.gone)
        self._take = self._send = _nowhere
        del self._session  # which refers back here
        self.gone.set_result(None)

    # what the session calls

    def write(self, data: bytes | memoryview) -> None:
        """Send the octets, in order."""
        self._spoke = True
        self._send(data)

    def hold_input(self, why: str) -> None:
        """Read nothing from the client until `release_input` with the same word."""
        self._holds.add(why)
        self._transport.pause_reading()

    def release_input(self, why: str) -> None:
        """Read again, if nothing else holds, beginning with what was read already."""
        self._holds.discard(why)
        if not self._holds:
            self._transport.resume_reading()
            self._do(self._session.protocol.resume)

    def close(self) -> None:
        """End the connection once all is sent."""
        self._transport.close()

    def tuned(self, heartbeat: int) -> None:
        """Start the heartbeats of the negotiated interval, in seconds; 0 for none.

        As RabbitMQ does: send when half an interval went by in silence, end the socket when two
        checks, an interval apart, have found nothing received (specification 4.2.7).
        """
        if heartbeat:
            self._after("send", heartbeat / 2, self._send_heartbeat, heartbeat)
            self._after("hear", heartbeat, self._check_heard, heartbeat)

    def opened(self) -> None:
        """The handshake is over."""
        self._timers.pop("handshake").cancel()

    def closing(self) -> None:
        """Close was sent: end the socket if it is not answered in time."""
        self._after("close", self._config.close_timeout, self.abort)

    def abort(self) -> None:
        """End the socket now."""
        self._transport.abort()

    # what the management asks; octets go through `_take` and `_send`, which only then do more

    def vitals(self) -> Vitals:
        """How the socket is, as the system knows it."""
        return vitals_of(self._transport.get_extra_info("socket"))

    @property
    def watched(self) -> bool:
        """Whether the last frames are kept."""
        return self._frames is not None

    def watch(self) -> RecentFrames:
        """Keep the last frames, until nobody has asked for them for a while."""
        frames = self._frames
        if frames is None:
            frames = self._frames = RecentFrames(self._session.protocol.unread)
            self._take, self._send = _recording(frames, self._take, self._send)
        else:
            self._timers["watch"].cancel()
        self._after("watch", _WATCH, self.unwatch)
        return frames

    def unwatch(self) -> None:
        """Octets go straight through."""
        self._frames = None
        self._take, self._send = self._session.receive, self._transport.write
        if timer := self._timers.pop("watch", None):
            timer.cancel()

    # timers

    def _after(self, name: str, delay: float, call: Callable[..., None], *args: object) -> None:
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(delay, call, *args)

    def _too_slow(self) -> None:
        log.info("%s: no open connection within the handshake timeout", self.peer)
        self.abort()

    def _send_heartbeat(self, interval: int) -> None:
        if not self._spoke:
            self._send(HEARTBEAT)
        self._spoke = False
        self._after("send", interval / 2, self._send_heartbeat, interval)

    def _check_heard(self, interval: int) -> None:
        heard = self._heard or bool(self._holds)  # a silence of our own making does not count
        self._silent = 0 if heard else self._silent + 1
        self._heard = False
        if self._silent > 1:
            log.warning("%s: missed heartbeats, timeout %ds", self.peer, interval)
            self.abort()
        else:
            self._after("hear", interval, self._check_heard, interval)


def _nowhere(_data: bytes | memoryview) -> None:
    """Where the octets of a socket go that has ended."""


def _recording(
    frames: RecentFrames,
    take: Callable[[memoryview], None],
    send: Callable[[bytes | memoryview], None],
) -> tuple[Callable[[memoryview], None], Callable[[bytes | memoryview], None]]:
    """Both ways of the octets, past a record of them."""

    def received(data: memoryview) -> None:
        frames.add(data, time.time(), from_client=True)
        take(data)

    def sent(data: bytes | memoryview) -> None:
        frames.add(data, time.time(), from_client=False)
        send(data)

    return received, sent
