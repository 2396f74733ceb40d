"""A broker in the user's own process, for the tests of an application."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from reference_broker.broker.ports import StoreError
from reference_broker.config import Config
from reference_broker.session.observing import DeliveryFault, Observer, Published

from .server import Server

Result = TypeVar("Result")

_LOOK = 0.005  # seconds between two looks at what is waited for


class StandInError(Exception):
    """The broker cannot be asked this now; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """How a queue is at one moment."""

    ready: int
    unacked: int
    consumers: int

    @property
    def empty(self) -> bool:
        """Whether nothing is ready, and nothing is out that could come back."""
        return not self.ready and not self.unacked


class RunningBroker:
    """A running broker, and what the tests of an application ask of it.

    Everything here waits, so within an event loop call it by `asyncio.to_thread`.
    """

    def __init__(self, config: Config, *, observe: bool) -> None:
        self._config = config
        self._observer = Observer() if observe else None
        self._frozen = False
        self._start()

    def _start(self) -> None:
        self._thread = thread = _Thread(self._config, self._observer)
        thread.start()
        thread.ready.wait()
        if thread.failure is not None:
            thread.join()
            raise thread.failure
        server = thread.server
        ports = server.front_ends.ports
        self._config = replace(
            self._config,
            port=server.port,
            tls_port=server.tls_port,
            memcacheq_port=ports.get("memcacheq"),
            memcached_port=ports.get("memcached"),
            management_port=server.management.port if server.management is not None else None,
        )

    # where it is

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._config.host

    @property
    def port(self) -> int:
        """The port of AMQP."""
        return self._config.port

    @property
    def url(self) -> str:
        """The address as AMQP clients take it."""
        return f"amqp://guest:guest@{self.host}:{self.port}/"

    @property
    def tls_port(self) -> int | None:
        """The port of AMQP over TLS; None unless asked for, likewise below."""
        return self._config.tls_port

    @property
    def memcacheq_port(self) -> int | None:
        """The port of memcached's text protocol onto the queues."""
        return self._config.memcacheq_port

    @property
    def memcached_port(self) -> int | None:
        """The port of the key-value store."""
        return self._config.memcached_port

    @property
    def management_port(self) -> int | None:
        """The port of the HTTP API."""
        return self._config.management_port

    # what is in it

    def published(
        self,
        *,
        exchange: str | None = None,
        routing_key: str | None = None,
        queue: str | None = None,
    ) -> list[Published]:
        """What clients have published so far, to this exchange, by this key, into this queue.

        The last ten thousand messages are known. Raises StandInError unless it is observed.
        """
        return [
            message
            for message in self._ask(self._observed().published)
            if exchange in {None, message.exchange}
            and routing_key in {None, message.routing_key}
            and (queue is None or queue in message.queues)
        ]

    def forget_published(self) -> None:
        """Let `published` begin anew."""
        self._ask(self._observed().forget)

    def queue(self, name: str, vhost: str = "/") -> QueueState | None:
        """How a queue is now; None if there is none of that name."""

        def look() -> QueueState | None:
            held = self._thread.server.broker.vhosts.get(vhost)
            found = held.queues.get(name) if held is not None else None
            if found is None:
                return None
            return QueueState(len(found), found.unacked, len(found.consumers))

        return self._ask(look)

    def wait_until_empty(self, queue: str, timeout: float = 5.0, vhost: str = "/") -> None:
        """Wait until every message of a queue is processed: none is ready and none unacked.

        Raises TimeoutError after `timeout` seconds, which says what is still there.
        """
        deadline = time.monotonic() + timeout
        while (state := self.queue(queue, vhost)) is None or not state.empty:
            if time.monotonic() >= deadline:
                left = f"it has {state}" if state is not None else "there is no such queue"
                raise TimeoutError(f"queue {queue!r} is not empty after {timeout:g} s: {left}")
            time.sleep(_LOOK)

    def wait_until_published(
        self, count: int = 1, timeout: float = 5.0, **where: str
    ) -> list[Published]:
        """Wait until as many messages were published as that; `where` is as for `published`.

        Raises TimeoutError after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while len(found := self.published(**where)) < count:
            if time.monotonic() >= deadline:
                wanted = f"{count} to {where}" if where else str(count)
                raise TimeoutError(f"{len(found)} messages, not {wanted}, within {timeout:g} s")
            time.sleep(_LOOK)
        return found

    # what befalls it

    def hurt_next_delivery(self, queue: str, fault: DeliveryFault | str, vhost: str = "/") -> None:
        """Let the next delivery of a queue be `lost`, `cut` or come `twice`; see DeliveryFault.

        Asked for again, it befalls the one after that. What basic.get fetches is not concerned.
        Raises ValueError for another fault, StandInError unless the broker is observed.
        """
        observer, kind = self._observed(), DeliveryFault(fault)
        self._ask(lambda: observer.arm(vhost, queue, kind))

    def drop_connections(self) -> None:
        """End every connection without a word, as a broken network does."""
        self._ask(self._thread.server.drop_connections)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Do nothing at all while the `with` block lasts; clients can connect, and wait."""
        stopped, go_on = threading.Event(), threading.Event()

        def stand_still() -> None:
            stopped.set()
            go_on.wait()

        self._check()
        self._thread.call(stand_still)
        stopped.wait()
        self._frozen = True
        try:
            yield
        finally:
            self._frozen = False
            go_on.set()

    def restart(self) -> None:
        """Stop as a broker does that is told to, and start again on the same ports.

        What is durable comes back if the broker has a `data_dir`; in memory nothing does.
        """
        self._check()
        self.stop()
        self._start()

    def stop(self) -> None:
        """End it for good; harmless when repeated."""
        self._thread.stop()

    @property
    def failure(self) -> BaseException | None:
        """What the broker has died of: a data directory that fails."""
        return self._thread.failure

    def _observed(self) -> Observer:
        if self._observer is None:
            raise StandInError("nobody observes this broker: start it by running(observe=True)")
        return self._observer

    def _check(self) -> None:
        if self._frozen:
            raise StandInError("the broker is frozen: ask it after the `with` block")
        if not self._thread.is_alive():
            raise StandInError("the broker has stopped")

    def _ask(self, call: Callable[[], Result]) -> Result:
        """Make a call where the broker lives, between two of its doings."""
        self._check()
        answer: Future[Result] = Future()

        def make() -> None:
            try:
                answer.set_result(call())
            except Exception as error:  # noqa: BLE001  handed to the thread that waits
                answer.set_exception(error)

        self._thread.call(make)
        while not wait([answer], 1.0).done:
            self._check()
        return answer.result()


class _Thread(threading.Thread):
    """Runs one server in an event loop of its own."""

    def __init__(self, config: Config, observer: Observer | None) -> None:
        super().__init__(name="reference-broker", daemon=True)
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self._config = config
        self._observer = observer

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  handed to the thread that waits
            self.failure = failure
        finally:
            self.ready.set()

    async def _serve(self) -> None:
        self.server = Server(self._config)
        self.server.hub.observer = self._observer
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        await self.server.start()
        self.server.failed.add_done_callback(self._fail)
        self.ready.set()
        try:
            await self._asked.wait()
        finally:
            await self.server.stop()

    def _fail(self, failed: asyncio.Future[StoreError]) -> None:
        self.failure = failed.result()
        self._asked.set()

    def call(self, call: Callable[[], None]) -> None:
        """Have the loop make a call."""
        self._loop.call_soon_threadsafe(call)

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self.call(self._asked.set)
        self.join()


@contextmanager
def running(*, observe: bool = False, **settings: Any) -> Iterator[RunningBroker]:
    """A broker for the length of a `with` block, on a free port of the loopback interface.

    With `observe` it can be asked what was published, and told to hurt deliveries; without, nothing
    of that is on a message's way. Other keyword arguments are the fields of `config.Config`.
    Several may run at once; nothing of them is left when the block ends. Raises StartError when the
    broker cannot start.
    """
    broker = RunningBroker(Config(**{"port": 0, **settings}), observe=observe)
    try:
        yield broker
    finally:
        broker.stop()
    if broker.failure is not None:
        raise broker.failure
