"""A TCP proxy whose links can be hurt."""

from .fault import LinkFault
from .link import Link
from .proxy import Proxy
from .toxic import Direction, Toxic

__all__ = ["Direction", "Link", "LinkFault", "Proxy", "Toxic"]
