"""A broker in the user's own process, for the tests of an application."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reference_broker.broker.ports import StoreError
from reference_broker.config import Config

from .server import Server


@dataclass(frozen=True, slots=True)
class RunningBroker:
    """Where a running broker is."""

    host: str
    port: int
    memcacheq_port: int | None = None  # None unless asked for, likewise below
    memcached_port: int | None = None
    management_port: int | None = None
    tls_port: int | None = None

    @property
    def url(self) -> str:
        """The address as AMQP clients take it."""
        return f"amqp://guest:guest@{self.host}:{self.port}/"


class _Thread(threading.Thread):
    """Runs one server in an event loop of its own."""

    def __init__(self, config: Config) -> None:
        super().__init__(name="reference-broker", daemon=True)
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self._config = config

    def run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001  handed to the thread that waits
            self.failure = failure
        finally:
            self.ready.set()

    async def _serve(self) -> None:
        self.server = Server(self._config)
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

    def stop(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._asked.set)
        self.join()


@contextmanager
def running(**settings: Any) -> Iterator[RunningBroker]:
    """A broker for the length of a `with` block, on a free port of the loopback interface.

    Keyword arguments are the fields of `config.Config`. Several may run at once; nothing of them is
    left when the block ends. Raises StartError when the broker cannot start.
    """
    config = Config(**{"port": 0, **settings})
    thread = _Thread(config)
    thread.start()
    thread.ready.wait()
    if thread.failure is not None:
        thread.join()
        raise thread.failure
    try:
        ports = thread.server.front_ends.ports
        management = thread.server.management
        yield RunningBroker(
            config.host,
            thread.server.port,
            ports.get("memcacheq"),
            ports.get("memcached"),
            management.port if management is not None else None,
            thread.server.tls_port,
        )
    finally:
        thread.stop()
    if thread.failure is not None:
        raise thread.failure
