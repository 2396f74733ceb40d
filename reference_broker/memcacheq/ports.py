"""What the front ends ask of those around them: a socket, a turn's end, a keeper of items."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol


class Timer(Protocol):
    """Something that was to happen later."""

    def cancel(self) -> None:
        """Let it not happen."""


class Transport(Protocol):
    """What a session needs of whatever carries its octets."""

    peer: str

    def write(self, data: bytes) -> None:
        """Send the octets, in order."""

    def close(self) -> None:
        """End the connection once all is sent."""

    def pause_reading(self) -> None:
        """Leave in the socket what the client sends."""

    def resume_reading(self) -> None:
        """Take it again."""

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        """Call in `delay` seconds, and settle what came of it."""


class Settlement(Protocol):
    """The end of a turn: commits, and then calls `flush` of everything in `dirty`."""

    dirty: set[Any]
    alarm: str  # why nothing more is to be stored for now; empty when it may


class Item(NamedTuple):
    """One entry of the key-value store. `expires` is in seconds since the epoch, 0 for never."""

    flags: int
    expires: float
    cas: int
    value: bytes


class ItemStore(Protocol):
    """Where the items of the key-value store are kept; made durable by the broker's own commit."""

    def load_items(self) -> Iterable[tuple[bytes, int, float, bytes]]:
        """All items: key, flags, expiry as in `Item`, value."""

    def save_item(self, key: bytes, flags: int, expires: float, value: bytes) -> None:
        """Keep an item, instead of the one that had its key."""

    def drop_item(self, key: bytes) -> None:
        """Forget an item."""

    def drop_items(self) -> None:
        """Forget all items."""
