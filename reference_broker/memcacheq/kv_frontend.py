"""What the connections of the memcached port share: items, counters, what lines mean."""

import time

from .items import Items
from .kv_grammar import KeyValueGrammar
from .kv_session import END, KeyValueSession
from .ports import ItemStore, Settlement, Transport
from .statistics import Counters, ProcessTimes, stat_lines


class KeyValue:
    """A key-value store behind memcached's text protocol."""

    def __init__(self, settlement: Settlement, version: str, store: ItemStore | None) -> None:
        self._version = version
        self._counters = Counters()
        self._items = Items(time.time, store)
        self._commands = KeyValueGrammar(version, self._statistics)
        self._settlement = settlement
        self._times = ProcessTimes()

    def connect(self, transport: Transport) -> KeyValueSession:
        """A client has come."""
        return KeyValueSession(
            self._settlement, transport, self._commands, self._counters, self._items
        )

    def _statistics(self, what: str) -> bytes:
        """The reply to `stats`: `general`, or `reset`, which starts the counters anew."""
        counters = self._counters
        if what == "reset":
            counters.reset()
            return b"RESET\r\n"
        values = {
            **self._times.lines(self._version),
            "curr_connections": counters.curr_connections,
            "total_connections": counters.total_connections,
            "connection_structures": counters.peak_connections,
            "cmd_get": counters.get_hits + counters.get_misses,
            "cmd_set": counters.set_hits,
            "get_hits": counters.get_hits,
            "get_misses": counters.get_misses,
            "bytes_read": counters.bytes_read,
            "bytes_written": counters.bytes_written,
            "curr_items": len(self._items),
            "total_items": counters.set_hits,
            "threads": 1,
        }
        return stat_lines(values) + END
