"""Listen on a port, or say clearly why not."""

import asyncio
import errno
import os
from collections.abc import Callable


class StartError(Exception):
    """The server cannot start; the text says why and what to do."""


async def listen(
    accept: Callable[[], asyncio.BaseProtocol], host: str, port: int, option: str
) -> asyncio.Server:
    """A listener; `option` is the one that chose the port. Raises StartError."""
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(accept, host, port, backlog=1024)
    except OSError as cause:
        raise StartError(_why(cause, f"{host}:{port}", option)) from cause


def port_of(listener: asyncio.Server) -> int:
    """The port that was bound."""
    port: int = listener.sockets[0].getsockname()[1]
    return port


def _why(cause: OSError, where: str, option: str) -> str:
    if cause.errno == errno.EADDRINUSE:
        return f"cannot listen on {where}: the port is in use; choose another with {option}, or 0"
    if cause.errno == errno.EACCES:
        return f"cannot listen on {where}: not permitted; choose a port above 1023 with {option}"
    return f"cannot listen on {where}: {cause.strerror or os.strerror(cause.errno or 0)}"
