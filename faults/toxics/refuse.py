"""New connections are refused."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.toxic import Toxic

if TYPE_CHECKING:
    from faults.proxy.core import Core


@dataclass(frozen=True)
class Refuse(Toxic):
    """Answers new connections with RST (ECONNREFUSED), as a host without a listener.

    Connections that are open go on. It concerns the whole port, whatever `only` says.
    """

    def enter(self, core: "Core") -> None:
        """Stop listening; the port stays ours."""
        core.listener.refuse()

    async def leave(self, core: "Core") -> None:
        """Listen again."""
        await core.listener.relent()
