"""A connection of the key-value profile."""

import re
from collections import deque
from typing import NamedTuple

from .items import Items
from .ports import Item, Settlement, Transport
from .statistics import Counters
from .text import HIGH_WATER, Commands, TextSession

END = b"END\r\n"
STORED, NOT_STORED = b"STORED\r\n", b"NOT_STORED\r\n"
EXISTS, NOT_FOUND = b"EXISTS\r\n", b"NOT_FOUND\r\n"
BAD_VALUE = b"CLIENT_ERROR bad data chunk\r\n"
TOO_LARGE = b"SERVER_ERROR object too large for cache\r\n"
NO_ROOM = b"SERVER_ERROR out of memory storing object\r\n"
NOT_A_NUMBER = b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"

ITEM_MAX = 1024 * 1024  # octets, memcached's default; it counts the key and a header of its own
_HEADER = 59
_NUMBER = re.compile(rb"[ \t\n\v\f\r]*\+?([0-9]{1,39})(?:[ \t\n\v\f\r]|\Z)")
_WRAP = 2**64


class Update(NamedTuple):
    """A storage command that was understood. `cas` is the number that `cas` asks for."""

    key: bytes
    flags: int
    exptime: int
    cas: int
    noreply: bool


class Change(NamedTuple):
    """Another command on one key. `number` is a step, an exptime or nothing."""

    key: bytes
    number: int
    noreply: bool


def too_large(key: bytes, length: int) -> bool:
    """Whether an item is over the limit."""
    return _HEADER + len(key) + length > ITEM_MAX


class KeyValueSession(TextSession):
    """One client of the items. Its public methods are what lines are parsed to."""

    def __init__(
        self,
        settlement: Settlement,
        transport: Transport,
        commands: Commands,
        counters: Counters,
        items: Items,
    ) -> None:
        super().__init__(settlement, transport, commands, counters)
        self._items = items
        self._keys: deque[bytes] = deque()
        self._with_cas = False
        self._unanswered = False  # a `get` is held up before its END
        counters.connected()

    def end(self) -> None:
        """The connection is gone."""
        super().end()
        self.counters.disconnected()

    def bad_value(self, argument: Update) -> None:
        """A value was not followed by CR LF: nothing is stored."""
        self._answer(BAD_VALUE, argument.noreply)

    def _answer(self, reply: bytes, noreply: bool) -> None:
        if not noreply:
            self.out.append(reply)

    # reading

    def get_one(self, key: bytes, _value: bytes) -> None:
        """`get` with one key; the hot path of `get`."""
        item = self._items.find(key)
        if item is None:
            self.counters.get_misses += 1
            self.out.append(END)
            return
        self.counters.get_hits += 1
        flags, _expires, _cas, value = item
        self.out.append(b"VALUE %b %d %d\r\n%b\r\nEND\r\n" % (key, flags, len(value), value))
        self.gathered += len(value)
        if self.gathered > HIGH_WATER:
            self.stall()

    def get(self, keys: list[bytes], _value: bytes) -> None:
        """`get` with any number of keys."""
        self._with_cas = False
        self._keys.extend(keys)
        self._get_on()

    def gets(self, keys: list[bytes], _value: bytes) -> None:
        """`gets`: each item with its number."""
        self._with_cas = True
        self._keys.extend(keys)
        self._get_on()

    def resume_command(self) -> None:
        """Finish the `get` that was held up."""
        if self._unanswered:
            self._unanswered = False
            self._get_on()

    def _get_on(self) -> None:
        keys = self._keys
        while keys:
            key = keys.popleft()
            item = self._items.find(key)
            if item is None:
                self.counters.get_misses += 1
                continue
            self.counters.get_hits += 1
            flags, _expires, cas, value = item
            number = b" %d" % cas if self._with_cas else b""
            self.out += (b"VALUE %b %d %d%b\r\n" % (key, flags, len(value), number), value, b"\r\n")
            self.gathered += len(value)
            if self.gathered > HIGH_WATER:
                self._unanswered = True
                self.stall()
                return
        self.out.append(END)

    # storing

    def set(self, update: Update, value: bytes) -> None:
        """`set`."""
        if self.settlement.alarm:
            self._answer(NO_ROOM, update.noreply)
            return
        self.counters.set_hits += 1
        self._items.put(update.key, update.flags, self._items.expiry(update.exptime), value)
        if not update.noreply:
            self.out.append(STORED)

    def add(self, update: Update, value: bytes) -> None:
        """`add`: only where there is nothing."""
        self._set_if(self._items.find(update.key) is None, update, value)

    def replace(self, update: Update, value: bytes) -> None:
        """`replace`: only where there is something."""
        self._set_if(self._items.find(update.key) is not None, update, value)

    def _set_if(self, condition: bool, update: Update, value: bytes) -> None:
        if condition:
            self.set(update, value)
        else:
            self._answer(NOT_STORED, update.noreply)

    def cas(self, update: Update, value: bytes) -> None:
        """`cas`: only where nobody has stored since the number was given out."""
        item = self._items.find(update.key)
        if item is None:
            self._answer(NOT_FOUND, update.noreply)
        elif item.cas != update.cas:
            self._answer(EXISTS, update.noreply)
        else:
            self.set(update, value)

    def append(self, update: Update, value: bytes) -> None:
        """`append`: behind what there is; flags and expiry stay."""
        item = self._items.find(update.key)
        self._extend(update, item, item.value + value if item is not None else b"")

    def prepend(self, update: Update, value: bytes) -> None:
        """`prepend`: before what there is."""
        item = self._items.find(update.key)
        self._extend(update, item, value + item.value if item is not None else b"")

    def _extend(self, update: Update, item: Item | None, value: bytes) -> None:
        if item is None:
            self._answer(NOT_STORED, update.noreply)
        elif too_large(update.key, len(value)) or self.settlement.alarm:
            self._answer(NO_ROOM, update.noreply)
        else:
            self.counters.set_hits += 1
            self._items.put(update.key, item.flags, item.expires, value)
            self._answer(STORED, update.noreply)

    def refuse_large(self, argument: tuple[bytes, int, bool], _value: bytes) -> None:
        """The value is over the limit: it is passed over, and the old one is no longer true."""
        key, octets, noreply = argument
        self.discard(octets)
        if key and self._items.find(key) is not None:
            self._items.delete(key)
        self._answer(TOO_LARGE, noreply)

    # changing

    def count(self, change: Change, _value: bytes) -> None:
        """`incr`, or `decr` by a negative step: wraps at 64 bits, stops at 0, keeps its width."""
        key, step, noreply = change
        item = self._items.find(key)
        if item is None:
            self._answer(NOT_FOUND, noreply)
            return
        match = _NUMBER.match(item.value)
        number = int(match[1]) if match else _WRAP
        if number >= _WRAP:
            self._answer(NOT_A_NUMBER, noreply)
            return
        text = b"%d" % max(0, (number + step) % _WRAP if step >= 0 else number + step)
        self._items.put(key, item.flags, item.expires, text.ljust(len(item.value)))
        self._answer(text + b"\r\n", noreply)

    def delete(self, change: Change, _value: bytes) -> None:
        """`delete`."""
        found = self._items.find(change.key) is not None
        if found:
            self._items.delete(change.key)
        self._answer(b"DELETED\r\n" if found else NOT_FOUND, change.noreply)

    def touch(self, change: Change, _value: bytes) -> None:
        """`touch`: another expiry."""
        item = self._items.find(change.key)
        if item is not None:
            self._items.touch(change.key, item, self._items.expiry(change.number))
        self._answer(b"TOUCHED\r\n" if item is not None else NOT_FOUND, change.noreply)

    def flush_all(self, change: Change, _value: bytes) -> None:
        """`flush_all`: everything goes, now or later."""
        self._items.flush(change.number)
        self._answer(b"OK\r\n", change.noreply)
