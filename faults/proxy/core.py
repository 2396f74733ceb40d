"""The proxy inside its event loop: links, and the faults in force."""

import asyncio
from collections.abc import Callable

from .fault import LinkFault
from .link import Link
from .listener import Listener


class Core:
    """All that is touched by the loop's thread only."""

    def __init__(self, host: str, port: int, upstream: tuple[str, int]) -> None:
        self.links: dict[int, Link] = {}
        self.listener = Listener(host, port, self._protocol)
        self.upstream = upstream
        self._faults: list[LinkFault] = []
        self._accepted = 0

    async def connect(self, protocol: Callable[[], asyncio.Protocol]) -> None:
        """Connect to the upstream. Raises OSError."""
        await asyncio.get_running_loop().create_connection(protocol, *self.upstream)

    def accepted(self, link: Link) -> None:
        """A client has connected."""
        self.links[link.number] = link
        for fault in list(self._faults):
            if not fault.toxic.momentary:
                fault.attach(link)
        self._admit(link)

    def forget(self, link: Link) -> None:
        """Both ends of the link are gone."""
        self.links.pop(link.number, None)

    def begin(self, fault: LinkFault) -> None:
        """Bring a fault into force."""
        fault.toxic.enter(self)
        self._faults.append(fault)
        for link in list(self.links.values()):
            fault.attach(link)

    async def finish(self, fault: LinkFault) -> None:
        """Leave a fault."""
        self._faults.remove(fault)
        for link in list(self.links.values()):
            fault.detach(link)
        await fault.toxic.leave(self)
        for link in list(self.links.values()):
            self._admit(link)

    async def close(self) -> None:
        """Close every connection and give the port back."""
        self.listener.close()
        while self.links:
            for link in list(self.links.values()):
                link.abandon()
            await asyncio.sleep(0)  # connection_lost is called in the loop's next turn

    def _admit(self, link: Link) -> None:
        if all(fault.admits(link) for fault in self._faults):
            link.admit()

    def _protocol(self) -> asyncio.Protocol:
        self._accepted += 1
        return Link(self, self._accepted).client
