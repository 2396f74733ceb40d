"""How one direction of a link ends."""

from enum import Enum


class Ending(Enum):
    """What the peer will see."""

    FIN = "end of stream"
    RST = "connection reset"
