"""The model of memcached's items, after its doc/protocol.txt, and the commands to try it with."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from suites.stateful.text import PREFIX, UNIQUE, TextModel, literal

KEYS = (b"$a", b"$b", b"$c")
TOO_LONG = b"k" * 251
VALUES = (b"", b"x", b"5", b"10", b"abc", b"\r\n", b"18446744073709551615", b"v" * 3000, b"1x")
LIVE = (b"0", b"100000", b"2147483647")
DEAD = (b"-1", b"2592001")
"""The second is more than thirty days, so that it is a date: in 1970."""
STORING = (b"set", b"add", b"replace", b"append", b"prepend", b"cas")
WRAP = 2**64

END, ERROR = b"END\r\n", b"ERROR\r\n"
BAD_FORMAT = b"CLIENT_ERROR bad command line format\r\n"
BAD_VALUE = b"CLIENT_ERROR bad data chunk\r\n"
_NUMBER = re.compile(rb"\s*([0-9]+)(?:\s|\Z)")  # what is behind white space does not count
NOT_A_NUMBER = b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
BAD_DELTA = b"CLIENT_ERROR invalid numeric delta argument\r\n"
BAD_EXPTIME = b"CLIENT_ERROR invalid exptime argument\r\n"
NOT_FOUND = b"NOT_FOUND\r\n"


@dataclass(frozen=True, slots=True)
class Item:
    """A value; `width` is more than its length where a server may have kept spaces behind it."""

    flags: int
    data: bytes
    version: int
    width: int = 0


class KeyValueModel(TextModel):
    """Items by their keys, and which version each client saw last."""

    def __init__(self) -> None:
        self.items: dict[bytes, Item] = {}
        self._seen: dict[int, int] = {}
        self._versions = 0

    def cleaning(self) -> bytes:
        """Each key is deleted."""
        return b"".join(b"delete %b\r\n" % key for key in KEYS)

    def alone(self, command: bytes) -> bool:
        """A get that is refused: memcached 1.6 then drops what it has not yet written before it.

        And `gets`: what it gives out is known to a `cas` only once the reply has come.
        """
        refused = command[:3] == b"get" and TOO_LONG in command
        return super().alone(command) or refused or command.startswith(b"gets ")

    def answer(self, client: int, command: bytes) -> bytes:
        """One reply, or none where it was to be left out."""
        line, _, data = command.partition(b"\r\n")
        words = [word for word in line.split(b" ") if word]
        verb = words[0] if words else b""
        quiet = bool(words) and words[-1] == b"noreply"
        if verb in STORING:
            return self._store(client, verb, words, data, quiet=quiet)
        reply = self._other(client, verb, words)
        return b"" if quiet and verb not in {b"get", b"gets"} else reply

    def _other(self, client: int, verb: bytes, words: Sequence[bytes]) -> bytes:
        words = [word for word in words if word != b"noreply"] if verb not in _READS else words
        if verb in _READS:
            return self._get(client, words, unique=verb == b"gets")
        if verb in {b"incr", b"decr"}:
            return literal(self._count(verb, words))
        if verb == b"delete":
            return literal(self._delete(words))
        if verb == b"touch":
            return literal(self._touch(words))
        if verb == b"flush_all":
            self.items.clear()
            return literal(b"OK\r\n")
        return literal(b"OK\r\n" if verb == b"verbosity" and len(words) > 1 else ERROR)

    # storing

    def _store(
        self, client: int, verb: bytes, words: Sequence[bytes], data: bytes, *, quiet: bool
    ) -> bytes:
        plain = [word for word in words if word != b"noreply"]
        if len(plain) != (6 if verb == b"cas" else 5):
            return literal(ERROR * (1 + data.count(b"\n")))
        key, flags, exptime, length = plain[1:5]
        if key == TOO_LONG or not flags.isdigit() or not length.isdigit():
            return literal((b"" if quiet else BAD_FORMAT) + ERROR * data.count(b"\n"))
        if len(data) != int(length) + 2:
            return literal((b"" if quiet else BAD_VALUE) + ERROR)
        reply = self._put(client, verb, key, int(flags), data[:-2])
        if exptime in DEAD and reply == b"STORED\r\n" and verb not in {b"append", b"prepend"}:
            del self.items[key]
        return b"" if quiet else literal(reply)

    def _put(self, client: int, verb: bytes, key: bytes, flags: int, data: bytes) -> bytes:
        held = self.items.get(key)
        if verb == b"cas":
            if held is None:
                return NOT_FOUND
            if held.version != self._seen.get(client):
                return b"EXISTS\r\n"
        elif (verb == b"add") is (held is not None) and verb != b"set":
            return b"NOT_STORED\r\n"
        if held is not None and verb in {b"append", b"prepend"}:
            flags = held.flags
            data = held.data + data if verb == b"append" else data + held.data
        self._keep(key, Item(flags, data, 0))
        return b"STORED\r\n"

    def _keep(self, key: bytes, item: Item) -> None:
        self._versions += 1
        self.items[key] = replace(item, version=self._versions)

    # reading and changing

    def _get(self, client: int, words: Sequence[bytes], *, unique: bool) -> bytes:
        if len(words) < 2:
            return literal(ERROR)
        if TOO_LONG in words:
            return literal(BAD_FORMAT)
        reply = b""
        for key in words[1:]:
            item = self.items.get(key)
            if item is None:
                continue
            if unique:
                self._seen[client] = item.version
            reply += _value(key, item, unique=unique)
        return reply + literal(END)

    def _count(self, verb: bytes, words: Sequence[bytes]) -> bytes:
        if len(words) != 3:
            return ERROR
        key, step = words[1:]
        if key == TOO_LONG:
            return BAD_FORMAT
        if not step.isdigit() or int(step) >= WRAP:
            return BAD_DELTA
        item = self.items.get(key)
        if item is None:
            return NOT_FOUND
        held = _NUMBER.match(item.data)
        if held is None or int(held[1]) >= WRAP:
            return NOT_A_NUMBER
        number = int(held[1]) + (int(step) if verb == b"incr" else -int(step))
        data = b"%d" % (number % WRAP if verb == b"incr" else max(0, number))
        self._keep(key, Item(item.flags, data, 0, max(len(item.data), item.width)))
        return data + b"\r\n"

    def _delete(self, words: Sequence[bytes]) -> bytes:
        if len(words) != 2:
            return ERROR
        if words[1] == TOO_LONG:
            return BAD_FORMAT
        return NOT_FOUND if self.items.pop(words[1], None) is None else b"DELETED\r\n"

    def _touch(self, words: Sequence[bytes]) -> bytes:
        if len(words) != 3:
            return ERROR
        key, exptime = words[1:]
        if key == TOO_LONG:
            return BAD_FORMAT
        if exptime not in {*LIVE, *DEAD}:
            return BAD_EXPTIME
        if key not in self.items:
            return NOT_FOUND
        if exptime in DEAD:
            del self.items[key]
        return b"TOUCHED\r\n"


_READS = (b"get", b"gets")


def _value(key: bytes, item: Item, *, unique: bool) -> bytes:
    """The pattern of a value: a number that became shorter may have kept its width."""
    last = b" " + UNIQUE if unique else b""
    forms = []
    for width in {len(item.data), max(item.width, len(item.data))}:
        data = item.data.ljust(width)
        head = literal(b"VALUE %b %d %d" % (key, item.flags, len(data)))
        forms.append(b"%b%b\r\n%b\r\n" % (head, last, literal(data)))
    return forms[0] if len(forms) == 1 else b"(?:%b|%b)" % tuple(forms)


@st.composite
def commands(draw: st.DrawFn, model: KeyValueModel) -> bytes:
    """One command, with its value if it has one; some are wrong."""
    key = draw(st.sampled_from((*KEYS, *KEYS, *KEYS, TOO_LONG)))
    verb = draw(st.sampled_from((*STORING, b"set", *_REST)))
    quiet = b" noreply" if draw(st.integers(0, 9)) > 8 else b""
    item = model.items.get(key)
    if item is not None and item.width > len(item.data) and verb in {b"append", b"prepend"}:
        verb = b"set"  # where the spaces are is the server's own affair
    if verb in {b"incr", b"decr"} and item is not None and not item.data.strip():
        verb = b"delete"  # memcached 1.6 reads on behind a value of spaces: what it finds is chance
    if verb in STORING:
        return _storing(draw, verb, key, quiet)
    if verb in _READS:
        further = draw(st.sampled_from((b"", b" $a", b" $b $a", b" $c $c")))
        if verb == b"gets":
            further = b""
        return b"%b %b%b\r\n" % (verb, key, further)
    if verb in {b"incr", b"decr"}:
        step = draw(st.sampled_from((b"1", b"5", b"9", b"18446744073709551615", b"x", b"-1")))
        return b"%b %b %b%b\r\n" % (verb, key, step, quiet)
    if verb == b"touch":
        exptime = draw(st.sampled_from((*LIVE, *DEAD, b"x")))
        return b"touch %b %b%b\r\n" % (key, exptime, quiet)
    if verb == b"delete":
        return b"delete %b%b\r\n" % (key, quiet)
    return draw(st.sampled_from(_PLAIN))


_REST = (*_READS, b"get", b"gets", b"incr", b"decr", b"incr", b"delete", b"touch", b"plain")
_PLAIN = (
    b"flush_all\r\n",
    b"flush_all noreply\r\n",
    b"flush_all 0\r\n",
    b"verbosity 1\r\n",
    b"nonsense\r\n",
    b"\r\n",
    b"get\r\n",
    b"verbosity\r\n",
    b"set $a\r\n\r\n",
)


def _storing(draw: st.DrawFn, verb: bytes, key: bytes, quiet: bytes) -> bytes:
    data = draw(st.sampled_from(VALUES)) if key != TOO_LONG else b"x"
    flags = draw(st.sampled_from((b"0", b"7", b"4294967295")))
    exptime = draw(st.sampled_from((*LIVE, *LIVE, *DEAD)))
    if draw(st.integers(0, 19)) == 19:
        return b"%b %b x 0 1%b\r\nv\r\n" % (verb, key, _unique(verb) + quiet)
    last = _unique(verb) + quiet
    return b"%b %b %b %b %d%b\r\n%b\r\n" % (verb, key, flags, exptime, len(data), last, data)


def _unique(verb: bytes) -> bytes:
    return b" " + UNIQUE if verb == b"cas" else b""


assert all(key.startswith(PREFIX) for key in KEYS)
