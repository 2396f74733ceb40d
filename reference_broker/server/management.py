"""The port of the management API; what serves it is an extra, imported only when asked for."""

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from reference_broker.config import Config
from reference_broker.management.desk import Desk, Host, Resources
from reference_broker.session.hub import Hub

from .listening import StartError, listen, port_of

if TYPE_CHECKING:
    from aiohttp.web import AppRunner


class Owner(Host, Protocol):
    """What the port needs of its server."""

    config: Config
    hub: Hub

    @property
    def alarms(self) -> Resources:
        """The limits of its resources."""


class ManagementPort:
    """One open port."""

    def __init__(self, runner: "AppRunner", listener: asyncio.Server) -> None:
        self._runner = runner
        self._listener = listener

    @property
    def port(self) -> int:
        """The port that was bound."""
        return port_of(self._listener)

    async def stop(self) -> None:
        """Close the port and every connection."""
        self._listener.close()
        await self._runner.cleanup()
        await self._listener.wait_closed()


async def open_management(owner: Owner, port: int) -> ManagementPort:
    """Serve the API. Raises StartError, also where the extra is not installed."""
    try:
        from reference_broker.management.http import serve  # noqa: PLC0415  an extra
    except ImportError as cause:
        raise StartError(
            f"--management-port needs the package {cause.name}: pip install 'mqproof[management]'"
        ) from cause
    runner = await serve(Desk(owner.hub, owner.alarms, owner, time.time()))
    factory = runner.server
    assert factory is not None  # noqa: S101  the runner is set up
    try:
        listener = await listen(factory, owner.config.host, port, "--management-port")
    except StartError:
        await runner.cleanup()
        raise
    return ManagementPort(runner, listener)
