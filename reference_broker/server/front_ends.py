"""The ports that speak memcached's text protocol, beside the AMQP one."""

import asyncio
from collections.abc import Callable

from reference_broker.broker.broker import Broker
from reference_broker.config import Config
from reference_broker.memcacheq.frontend import Memcacheq
from reference_broker.memcacheq.kv_frontend import KeyValue
from reference_broker.memcacheq.ports import ItemStore
from reference_broker.memcacheq.settings import ITEM_SIZES, Settings
from reference_broker.session.hub import Hub
from reference_broker.version import VERSION

from .listening import StartError, listen, port_of
from .memcache_transport import FrontEnd, MemcacheTransport

_VHOST = "/"
_NOSYNC = 0.1  # seconds that a reply may be ahead of the commit when told not to wait for it


class FrontEnds:
    """Those that the configuration asks for; none by default."""

    def __init__(
        self, config: Config, broker: Broker, hub: Hub, settle: Callable[[], None]
    ) -> None:
        self.ports: dict[str, int] = {}  # by the scheme of the address
        self._config = config
        self._broker = broker
        self._hub = hub
        self._settle = settle
        self._listeners: list[asyncio.Server] = []
        self._transports: set[MemcacheTransport] = set()
        self._items: ItemStore | None = None
        self._late: asyncio.TimerHandle | None = None

    async def start(self, items: ItemStore | None) -> None:
        """Listen; the key-value store keeps its items in `items`. Raises StartError."""
        self._items = items
        try:
            await self._open_ports(self._config)
        except StartError:
            await self.stop()
            raise

    async def _open_ports(self, config: Config) -> None:
        if config.memcacheq_port is not None:
            self._broker.in_use.add(_VHOST)
            front = Memcacheq(self._hub, self._broker.add_vhost(_VHOST), _settings(config))
            await self._open("memcacheq", front, config.memcacheq_port, config.memcacheq_nosync)
        if config.memcached_port is not None:
            await self._open(
                "memcached", KeyValue(self._hub, VERSION, self._items), config.memcached_port
            )

    async def _open(self, scheme: str, front: FrontEnd, port: int, prompt: bool = False) -> None:
        def accept() -> MemcacheTransport:
            settle = self._settle_late if prompt else self._settle
            transport = MemcacheTransport(front, settle, prompt=prompt)
            self._transports.add(transport)
            transport.gone.add_done_callback(lambda _gone: self._transports.discard(transport))
            return transport

        listener = await listen(accept, self._config.host, port, f"--{scheme}-port")
        self._listeners.append(listener)
        self.ports[scheme] = port_of(listener)

    def _settle_late(self) -> None:
        """Settle at once if somebody else waits for it, else a little later."""
        if self._hub.dirty or self._hub.unconfirmed:
            self._settle()
        elif self._late is None:
            loop = asyncio.get_running_loop()
            self._late = loop.call_later(_NOSYNC, self._settle_now)

    def _settle_now(self) -> None:
        self._late = None
        self._settle()

    def fail(self, text: str) -> None:
        """The store does not keep what it is given: replies that are not out may be untrue."""
        for transport in list(self._transports):
            transport.fail(text)

    async def stop(self) -> None:
        """Close the ports and every connection."""
        if self._late is not None:
            self._late.cancel()
        for listener in self._listeners:
            listener.close()
        for transport in list(self._transports):
            transport.close()
        waiting = [transport.gone for transport in self._transports]
        if waiting:
            await asyncio.wait(waiting, timeout=1.0)
        for transport in list(self._transports):
            transport.abort()
        await asyncio.gather(*(transport.gone for transport in self._transports))
        for listener in self._listeners:
            await listener.wait_closed()


def _settings(config: Config) -> Settings:
    profile = config.memcacheq_profile
    return Settings(
        strict=profile == "strict",
        item_size=config.memcacheq_item_size or ITEM_SIZES[profile],
        reliable=config.memcacheq_reliable,
    )
