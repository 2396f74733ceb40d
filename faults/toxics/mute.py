"""New connections are accepted and never answered."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from faults.proxy.toxic import Toxic

if TYPE_CHECKING:
    from faults.proxy.link import Link


@dataclass(frozen=True)
class Mute(Toxic):
    """Accepts new connections and never answers; the upstream hears nothing of them.

    When it is left they are joined to the upstream, and what they sent meanwhile is delivered, as
    by a process that was stopped and goes on. Connections that are open go on all the time.
    """

    def admits(self, link: "Link") -> bool:
        """Nobody."""
        del link
        return False
