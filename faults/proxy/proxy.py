"""A TCP proxy in a thread of its own, whose links can be hurt."""

import asyncio
import ipaddress
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from .core import Core
from .fault import LinkFault
from .link import Selector
from .toxic import Direction, Toxic

T = TypeVar("T")


class Proxy:
    """Passes every connection to its port on to the upstream.

        with Proxy("127.0.0.1", 5672) as proxy:
            client = connect(proxy.port)
            with proxy.fault(Freeze(), direction="down"):
                ...

    It listens on a loopback address only. Raises OSError when it cannot listen.
    """

    def __init__(
        self, upstream_host: str, upstream_port: int, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        if not _is_loopback(host):
            raise ValueError(f"the proxy listens on loopback only, not on {host!r}: use 127.0.0.1")
        self.host = host
        self.upstream = (upstream_host, upstream_port)
        self._asked_port = port
        self._core: Core | None = None
        self._thread: threading.Thread | None = None
        self._failure: OSError | None = None

    @property
    def port(self) -> int:
        """Where it listens; RuntimeError unless it runs."""
        return self._running().listener.port

    @property
    def running(self) -> bool:
        """Whether it has been started and not closed."""
        return self._core is not None

    def fault(
        self, toxic: Toxic, *, direction: Direction | None = None, only: Selector | None = None
    ) -> LinkFault:
        """This harm, to be entered as a context manager.

        `direction` is "up" (towards the upstream), "down" or "both"; without it the toxic's own.
        `only` picks connections by number (the first is 1), several numbers, or a predicate of the
        link (`number`, `address`, `opened_at`); without it all, those to come included.
        """
        return LinkFault(self, toxic, direction, only)

    def connections(self) -> list[int]:
        """The numbers of the connections that are open."""
        return self.call(lambda core: list(core.links))

    def start(self) -> Self:
        """Listen. Raises OSError when the port cannot be had."""
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), name="fault-proxy", daemon=True
        )
        self._thread.start()
        ready.wait()
        if self._failure is not None:
            self._thread.join()
            failure, self._failure = self._failure, None
            raise failure
        return self

    def close(self) -> None:
        """Close every connection, as a process that is killed, and end; harmless when repeated."""
        if self._core is not None and self._thread is not None:
            self._core = None
            self._loop.call_soon_threadsafe(self._asked.set)
            self._thread.join()

    def call(self, action: Callable[[Core], T]) -> T:
        """Do something in the proxy's event loop and wait for it."""

        async def act(core: Core) -> T:
            return action(core)

        return self.call_async(act)

    def call_async(self, action: Callable[[Core], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the proxy's event loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(action(self._running()), self._loop).result()

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        try:
            core = Core(self.host, self._asked_port, self.upstream)
            await core.listener.open()
        except OSError as failure:
            self._failure = failure
            return
        else:
            self._core = core
        finally:
            ready.set()
        await self._asked.wait()
        await core.close()

    def _running(self) -> Core:
        if self._core is None:
            raise RuntimeError(f"{self!r} is not running: enter it, or call start()")
        return self._core

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Proxy({self.upstream[0]!r}, {self.upstream[1]})"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
