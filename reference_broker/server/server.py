"""The server: listens, hands sockets to sessions, stops in good order."""

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar, cast

from reference_broker.broker.broker import Broker
from reference_broker.broker.definitions import load_definitions
from reference_broker.broker.passwords import ALGORITHMS
from reference_broker.broker.ports import StoreError
from reference_broker.config import Config
from reference_broker.session.hub import Hub
from reference_broker.session.overdue import OverdueAcks
from reference_broker.session.session import Session
from reference_broker.storage.recovery import recover
from reference_broker.storage.sqlite import SqliteStore

from .alarms import Alarms
from .clock import LoopClock
from .front_ends import FrontEnds
from .listening import StartError, listen, port_of
from .management import ManagementPort, open_management
from .tls import TlsTransport, tls_context
from .transport import AmqpTransport

log = logging.getLogger(__name__)

Result = TypeVar("Result")
Carrier = TypeVar("Carrier", AmqpTransport, TlsTransport)

_INBOX = 512 * 1024  # octets read at once
_CHORES = 1.0  # seconds between looks at resources, and at whether the data directory can shrink
_GOODBYE = 1.0  # seconds that clients have to answer the Close of a stopping broker


class Server:
    """One broker on one port. Lives in the event loop in which `start` was awaited."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.inbox = memoryview(bytearray(_INBOX))
        self.broker = Broker(
            LoopClock(self.run), config.semantics, ALGORITHMS[config.password_hashing]
        )
        self.hub = Hub(self.broker, config)
        self.failed: asyncio.Future[StoreError] = asyncio.get_running_loop().create_future()
        self.front_ends = FrontEnds(config, self.broker, self.hub, self.settle)
        self._store: SqliteStore | None = None
        self.alarms = Alarms(self.hub, config)
        self.looks: list[Callable[[], None]] = [self.alarms.check]  # now and then
        self._transports: set[AmqpTransport | TlsTransport] = set()
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._overdue: asyncio.TimerHandle | None = None
        self._listener: asyncio.Server | None = None
        self._tls_listener: asyncio.Server | None = None
        self.management: ManagementPort | None = None

    @property
    def port(self) -> int:
        """The port that was bound."""
        assert self._listener is not None  # noqa: S101  after start only
        return port_of(self._listener)

    @property
    def tls_port(self) -> int | None:
        """The port that was bound for TLS."""
        return port_of(self._tls_listener) if self._tls_listener is not None else None

    @property
    def addresses(self) -> dict[str, tuple[str, int]]:
        """Host and port of each listener, by protocol."""
        ports = {"amqp": self.port, **self.front_ends.ports}
        if self.tls_port is not None:
            ports["amqp/ssl"] = self.tls_port
        if self.management is not None:
            ports["http"] = self.management.port
        return {name: (self.config.host, port) for name, port in ports.items()}

    async def start(self) -> None:
        """Recover what is durable, and listen.

        Raises:
            StartError: the port cannot be had.
            StoreError: the data directory cannot be used.
            DefinitionsError: the definitions file cannot be used.
        """
        if self.config.data_dir is not None:
            self._store = SqliteStore(self.config.data_dir)
        try:
            self._fill()
            await self._listen()
        except BaseException:
            self._close_store()
            raise
        self._chores()
        if self.config.consumer_timeout:
            self._look_for_overdue(OverdueAcks(self.hub))

    def _fill(self) -> None:
        if self._store is not None:
            recover(self._store, self.broker)
            self.broker.keep_in(self._store)
        if self.config.definitions is not None:
            load_definitions(self.broker, self.config.definitions)
        elif not self.broker.access.users:
            self.broker.add_guest()
        self.hub.settle()

    async def _listen(self) -> None:
        host, port = self.config.host, self.config.port
        self._listener = await listen(self._accept, host, port, "--port")
        try:
            if self.config.tls_port is not None:
                await self._listen_with_tls(self.config.tls_port)
            await self.front_ends.start(self._store)
            if self.config.management_port is not None:
                self.management = await open_management(self, self.config.management_port)
        except StartError:
            await self._stop_serving()
            raise

    async def _listen_with_tls(self, port: int) -> None:
        context = tls_context(self.config)

        def accept() -> TlsTransport:
            inner = AmqpTransport(self.hub, self.config, self)
            return self._track(TlsTransport(context, self.config, inner, self.inbox))

        self._tls_listener = await listen(accept, self.config.host, port, "--tls-port")

    def _accept(self) -> AmqpTransport:
        return self._track(AmqpTransport(self.hub, self.config, self))

    def _track(self, transport: Carrier) -> Carrier:
        self._transports.add(transport)
        transport.gone.add_done_callback(lambda _gone: self._transports.discard(transport))
        return transport

    def wire(self, session: Session) -> AmqpTransport:
        """The socket of an open connection."""
        return cast("AmqpTransport", session.transport)  # there is no other kind here

    def drop_connections(self) -> None:
        """End every connection without a word."""
        for transport in list(self._transports):
            transport.abort()

    def run(self, call: Callable[[], None]) -> None:
        """Make a call that may touch the store, and settle what came of it."""
        try:
            call()
        except StoreError as error:
            self.fail(error)
        else:
            self.settle()

    def run_now(self, call: Callable[[], Result]) -> Result:
        """Make a call that may touch the store, and settle it before this returns.

        Raises StoreError; then the server stops.
        """
        try:
            result = call()
            self.hub.settle()
        except StoreError as error:
            self.fail(error)
            raise
        return result

    def settle(self) -> None:
        """Write what a read has set off; a commit, if one is due, serves the loop's whole turn."""
        if self._store is None or not self._store.pending:
            self._settle()
        elif not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._settle)

    def _settle(self) -> None:
        self._scheduled = False
        try:
            self.hub.settle()
        except StoreError as error:
            self.fail(error)

    def fail(self, error: StoreError) -> None:
        """The store does not keep what it is given: say nothing more but goodbye, and stop."""
        if self.failed.done():
            return
        log.critical("%s; stopping, since nothing more can be confirmed", error)
        self.failed.set_result(error)
        self.hub.abandon()
        for session in list(self.hub.sessions):
            session.shut_down(541, str(error))
        self.front_ends.fail(str(error))
        self.hub.settle()

    def _chores(self) -> None:
        """What has to be looked at from time to time."""
        for look in self.looks:
            self.run(look)
        if self._store is not None and not self._store.pending:
            self.run(self._store.tidy)
        self._timer = asyncio.get_running_loop().call_later(_CHORES, self._chores)

    def _look_for_overdue(self, overdue: OverdueAcks) -> None:
        """Close channels whose acknowledgements take too long, now and from time to time."""
        loop = asyncio.get_running_loop()
        self.run(lambda: overdue.check(loop.time()))
        self._overdue = loop.call_later(overdue.interval, self._look_for_overdue, overdue)

    async def stop(self) -> None:
        """Close every connection with 320, wait a little for the answers, and end."""
        await self._stop_serving()
        for timer in filter(None, (self._timer, self._overdue)):
            timer.cancel()
        self._close_store()

    def _close_store(self) -> None:
        if self._store is None:
            return
        try:
            self._store.close()
        except StoreError as error:
            if not self.failed.done():  # else it has been said already
                log.critical("%s", error)

    async def _stop_serving(self) -> None:
        listeners = [each for each in (self._listener, self._tls_listener) if each is not None]
        for listener in listeners:
            listener.close()
        await self.front_ends.stop()
        if self.management is not None:
            await self.management.stop()
        for session in list(self.hub.sessions):
            session.shut_down(320, "broker forced connection closure with reason 'shutdown'")
        self._settle()
        await self._gone(_GOODBYE)
        for transport in list(self._transports):
            transport.abort()
        await self._gone(None)
        for listener in listeners:
            await listener.wait_closed()

    async def _gone(self, timeout: float | None) -> None:  # noqa: ASYNC109  a bound, not an error
        waiting = [transport.gone for transport in self._transports]
        if waiting:
            await asyncio.wait(waiting, timeout=timeout)
