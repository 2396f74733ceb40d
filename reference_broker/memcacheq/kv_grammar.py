"""The key-value profile's commands: from a line to a method of its session.

As memcached 1.6 reads them, but for two things: a line may be longer, and a key with control
characters is refused, as the protocol's description asks.
"""

import re
from collections.abc import Callable

from .kv_session import Change, KeyValueSession, Update, too_large
from .text import ERROR, LINE_MAX, NO_VALUE, Command, Run, leave, say

BAD_FORMAT = b"CLIENT_ERROR bad command line format\r\n"
BAD_DELTA = b"CLIENT_ERROR invalid numeric delta argument\r\n"
BAD_EXPTIME = b"CLIENT_ERROR invalid exptime argument\r\n"
DELETE_USAGE = b"CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n"
_OK = b"OK\r\n"

_KEY_MAX = 250  # octets
_LENGTH_MAX = 2**31 - 3
_NUMBER = re.compile(rb"[+-]?[0-9]{1,39}")
_CONTROL = re.compile(rb"[\x00-\x20\x7f]")
_PLAIN = 39  # digits that need no closer look
_UINT32 = 2**32
_UINT64 = range(2**64)
_INT64 = range(-(2**63), 2**63)

Parser = Callable[[list[bytes]], Command | None]


def _number(word: bytes, bounds: range) -> int | None:
    """The number that a word is, if it is one and within the bounds."""
    plain = word.isdigit() and len(word) <= _PLAIN
    value = int(word) if plain or _NUMBER.fullmatch(word) else None
    return value if value is not None and value in bounds else None


def _bad_key(key: bytes) -> bool:
    return len(key) > _KEY_MAX or _CONTROL.search(key) is not None


class KeyValueGrammar:
    """Commands by their lines; nothing is remembered, since keys seldom repeat."""

    def __init__(self, version: str, statistics: Callable[[str], bytes]) -> None:
        self._version = f"VERSION {version}\r\n".encode()
        self._statistics = statistics
        session = KeyValueSession
        self._parsers: dict[bytes, Parser] = {
            b"get": self._get,
            b"gets": self._gets,
            b"set": _storage(session.set, replaces=True),
            b"add": _storage(session.add),
            b"replace": _storage(session.replace),
            b"append": _storage(session.append),
            b"prepend": _storage(session.prepend),
            b"cas": _storage(session.cas, words=6),
            b"incr": _counting(1),
            b"decr": _counting(-1),
            b"delete": _delete,
            b"touch": _touch,
            b"flush_all": _flush_all,
            b"stats": self._stats,
            b"version": lambda _words: say(self._version),
            b"verbosity": _verbosity,
            b"quit": lambda _words: leave(),
        }

    def __getitem__(self, line: bytes) -> Command:
        words = line.removesuffix(b"\r").split(b" ")
        if b"" in words:
            words = [word for word in words if word]
        parser = self._parsers.get(words[0]) if words and len(line) <= LINE_MAX else None
        return (parser(words) if parser else None) or say(ERROR)

    # each gives None for a wrong number of words

    def _get(self, words: list[bytes]) -> Command | None:
        if len(words) == 2:  # noqa: PLR2004  the hot path: one key
            key = words[1]
            return say(BAD_FORMAT) if _bad_key(key) else (NO_VALUE, KeyValueSession.get_one, key)
        return _reading(KeyValueSession.get, words)

    def _gets(self, words: list[bytes]) -> Command | None:
        return _reading(KeyValueSession.gets, words)

    def _stats(self, words: list[bytes]) -> Command | None:
        what = {b"": "general", b"reset": "reset"}.get(b"".join(words[1:2]))
        return (NO_VALUE, self._tell, what) if what else None

    def _tell(self, session: KeyValueSession, what: str, _value: bytes) -> None:
        session.out.append(self._statistics(what))


def _reading(run: Run, words: list[bytes]) -> Command | None:
    keys = words[1:]
    if any(map(_bad_key, keys)):
        return say(BAD_FORMAT)
    return (NO_VALUE, run, keys) if keys else None


def _storage(run: Run, *, words: int = 5, replaces: bool = False) -> Parser:
    """A parser of commands with a value, of so many words; `replaces`: whatever there was."""
    count = words

    def parse(words: list[bytes]) -> Command | None:
        if len(words) not in {count, count + 1}:
            return None
        key = words[1]
        noreply = words[-1] == b"noreply"
        flags = _number(words[2], _UINT64)
        exptime = _number(words[3], _INT64)
        length = _number(words[4], range(_LENGTH_MAX + 1))
        cas = _number(words[5], _UINT64) if count > 5 else 0  # noqa: PLR2004  where cas stands
        if flags is None or exptime is None or length is None or cas is None or _bad_key(key):
            return say(b"" if noreply else BAD_FORMAT)
        if too_large(key, length):
            refused = (key if replaces else b"", length + 2, noreply)
            return NO_VALUE, KeyValueSession.refuse_large, refused
        return length, run, Update(key, flags % _UINT32, exptime, cas, noreply)

    return parse


def _counting(sign: int) -> Parser:
    """A parser of `incr` or `decr`."""

    def parse(words: list[bytes]) -> Command | None:
        if len(words) not in {3, 4}:
            return None
        step = _number(words[2], _UINT64)
        return _changing(KeyValueSession.count, words, step and sign * step, BAD_DELTA)

    return parse


def _touch(words: list[bytes]) -> Command | None:
    if len(words) not in {3, 4}:
        return None
    return _changing(KeyValueSession.touch, words, _number(words[2], _INT64), BAD_EXPTIME)


def _delete(words: list[bytes]) -> Command | None:
    if len(words) not in {2, 3, 4}:
        return None
    # An old form of the command had a time as its third word; only 0 is still taken.
    if words[2:] not in ([], [b"0"], [b"noreply"], [b"0", b"noreply"]):
        return say(b"" if words[-1] == b"noreply" else DELETE_USAGE)
    return _changing(KeyValueSession.delete, words, 0, BAD_FORMAT)


def _changing(run: Run, words: list[bytes], number: int | None, bad_number: bytes) -> Command:
    """A command that changes the item of the second word by a number."""
    noreply = words[-1] == b"noreply"
    if _bad_key(words[1]):
        return say(b"" if noreply else BAD_FORMAT)
    if number is None:
        return say(b"" if noreply else bad_number)
    return NO_VALUE, run, Change(words[1], number, noreply)


def _flush_all(words: list[bytes]) -> Command | None:
    if len(words) > 3:  # noqa: PLR2004  verb, exptime, noreply
        return None
    noreply = words[-1] == b"noreply"
    timed = len(words) - noreply > 1
    exptime = _number(words[1], _INT64) if timed else 0
    if exptime is None:
        return say(b"" if noreply else BAD_EXPTIME)
    return NO_VALUE, KeyValueSession.flush_all, Change(b"", exptime, noreply)


def _verbosity(words: list[bytes]) -> Command | None:
    noreply = words[-1] == b"noreply"
    if len(words) not in {2, 3}:
        return None
    known = noreply or _number(words[1], _INT64) is not None
    return say(b"" if noreply else _OK if known else BAD_FORMAT)
