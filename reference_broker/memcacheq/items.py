"""The key-value store: items by key, each with flags, an expiry and a number that rises.

All items are in memory; a store (`ports.ItemStore`), if there is one, gets every change. Expired
items go when somebody asks for them.
"""

from collections.abc import Callable

from .ports import Item, ItemStore

RELATIVE_MAX = 60 * 60 * 24 * 30  # seconds; a larger exptime is a time since the epoch
_LONG_AGO = 1.0  # seconds since the epoch


class Items:
    """All items; `clock` gives seconds since the epoch."""

    def __init__(self, clock: Callable[[], float], store: ItemStore | None) -> None:
        self._clock = clock
        self._store = store
        self._flush_at: float | None = None
        self._items: dict[bytes, Item] = {}
        # Above any number that clients may remember from before a restart.
        self._cas = int(clock() * 1_000_000) if store is not None else 0
        for key, flags, expires, value in store.load_items() if store is not None else ():
            self._items[key] = Item(flags, expires, self._next_cas(), value)

    def __len__(self) -> int:
        """How many items there are, those included that have expired unnoticed."""
        return len(self._items)

    def find(self, key: bytes) -> Item | None:
        """The item, if it is there and has not expired."""
        if self._flush_at is not None:
            self._flush_if_due()
        item = self._items.get(key)
        if item is not None and item.expires and item.expires <= self._clock():
            self.delete(key)
            return None
        return item

    def put(self, key: bytes, flags: int, expires: float, value: bytes) -> None:
        """Keep an item, instead of one that had its key."""
        if self._flush_at is not None:
            self._flush_if_due()
        self._items[key] = Item(flags, expires, self._next_cas(), value)
        if self._store is not None:
            self._store.save_item(key, flags, expires, value)

    def touch(self, key: bytes, item: Item, expires: float) -> None:
        """Give an item another expiry; to its readers it is the same item."""
        self._items[key] = item._replace(expires=expires)
        if self._store is not None:
            self._store.save_item(key, item.flags, expires, item.value)

    def delete(self, key: bytes) -> None:
        """Forget an item that is there."""
        del self._items[key]
        if self._store is not None:
            self._store.drop_item(key)

    def flush(self, exptime: int) -> None:
        """Forget all items, now or at the time that `expiry` makes of `exptime`."""
        self._flush_at = self.expiry(exptime) or self._clock()
        self._flush_if_due()

    def _flush_if_due(self) -> None:
        if self._flush_at is not None and self._flush_at <= self._clock():
            self._flush_at = None
            self._items.clear()
            if self._store is not None:
                self._store.drop_items()

    def expiry(self, exptime: int) -> float:
        """When an item expires: `exptime` seconds from now, or since the epoch if it is large."""
        if exptime < 0:
            return _LONG_AGO
        if exptime > RELATIVE_MAX:
            return float(exptime)
        return self._clock() + exptime if exptime else 0.0

    def _next_cas(self) -> int:
        self._cas += 1
        return self._cas
