"""memcacheq's commands: from a line to what is to be done.

Both profiles read lines alike. `strict` is the real server to the letter, its accidents included;
`standard` honours `noreply` and read options, and refuses lengths that no value can have.
"""

from collections.abc import Callable

from reference_broker.broker.message import Message
from reference_broker.broker.queue import Outcome

from . import mapping
from .numbers import INT64, UINT64, read_number, signed32
from .queues import Append, Entry, Queues
from .reads import Read, has_options, parse_read
from .session import MemcacheqSession
from .settings import Settings
from .text import ERROR, LINE_MAX, NO_VALUE, Command, leave, say

VERSION = "0.2.1"  # the real server's, whose behaviour this is
BAD_FORMAT = b"CLIENT_ERROR bad command line format\r\n"
STORED, NOT_STORED = b"STORED\r\n", b"NOT_STORED\r\n"
TOO_LARGE = b"SERVER_ERROR out of memory storing object\r\n"
OPTION_IN_NAME = b"CLIENT_ERROR the queue's name ends in a read option\r\n"
_OK = b"OK\r\n"

_NAME_MAX = 250  # octets
_FILE_NAME_MAX = 247  # the real server names a file after the queue, and adds 8 characters
_LENGTH_MAX = 2**31 - 3  # what memcached takes for a length at all
_KEPT_LINES = 4096
_KEPT_LENGTH = 512

SET_WORDS = 5
_NOREPLY = b"noreply"
# Looked up once: the hot path asks for them each time.
_REJECTED, _PERSISTENT = Outcome.REJECTED, mapping.PERSISTENT


class Grammar(dict[bytes, Command]):
    """Commands by their lines, each parsed once: clients repeat themselves."""

    def __init__(
        self, settings: Settings, queues: Queues, statistics: Callable[[str], bytes]
    ) -> None:
        super().__init__()
        self._queues = queues
        self._statistics = statistics
        self._strict = settings.strict
        self._item_size = settings.item_size
        self._options = settings.reliable and not settings.strict
        self._parsers = {
            b"set": self._set,
            b"get": self._get,
            b"delete": self._delete,
            b"version": self._version,
            b"verbosity": self._verbosity,
            b"quit": self._quit,
            b"stats": self._stats,
            b"db_checkpoint": self._db,
            b"db_archive": self._db,
        }

    def __missing__(self, line: bytes) -> Command:
        queues = self._queues
        if len(self) >= _KEPT_LINES or queues.crowded():
            self.clear()  # commands hold entries, so both go together
            queues.tidy()
        command = self._parse(line)
        if len(line) <= _KEPT_LENGTH:
            self[line] = command
        return command

    def _parse(self, line: bytes) -> Command:
        """The command on a line without its LF."""
        text = line.removesuffix(b"\r").partition(b"\0")[0]
        words = [word for word in text.split(b" ") if word]
        parser = self._parsers.get(words[0]) if words and len(line) <= LINE_MAX else None
        return (parser(words) if parser else None) or say(ERROR)

    # each gives None for a wrong number of words

    def _set(self, words: list[bytes]) -> Command | None:
        noreply = self._noreply(words, SET_WORDS)
        if len(words) != SET_WORDS:
            return None
        name = words[1]
        flags = read_number(words[2], UINT64)
        length = read_number(words[4], INT64)
        if len(name) > _NAME_MAX or flags is None or length is None or length < 0:
            return say(BAD_FORMAT)
        if read_number(words[3], INT64) is None or not (self._strict or length <= _LENGTH_MAX):
            return say(BAD_FORMAT)
        if self._options and has_options(name):
            return say(OPTION_IN_NAME)
        return self._store(name, signed32(flags), length, noreply)

    def _store(self, name: bytes, flags: int, length: int, noreply: bool) -> Command:
        if item_size(name, flags, length) > self._item_size:
            return NO_VALUE, _refuse_large, (length + 2, noreply)
        ends = mapping.ends_of_content(flags, length)
        entry = self._queues.entry(name)
        append = Append(entry, flags, length, ends or (b"", b""), noreply)
        if self._strict and len(name) > _FILE_NAME_MAX:
            return length, _refuse, append
        return length, _put if ends else _put_large, append

    def _get(self, words: list[bytes]) -> Command | None:
        names = words[1:]
        if not names:
            return None
        if any(len(name) > _NAME_MAX for name in names):
            return say(BAD_FORMAT)
        reads = tuple(parse_read(self._queues, name, options=self._options) for name in names)
        if len(reads) == 1 and reads[0] == Read(reads[0].entry, names[0]):
            return NO_VALUE, MemcacheqSession.take, reads[0].entry
        return NO_VALUE, MemcacheqSession.read, reads

    def _delete(self, words: list[bytes]) -> Command | None:
        noreply = self._noreply(words, 2)
        if len(words) not in {2, 3}:
            return None
        if len(words[1]) > _NAME_MAX:
            return say(BAD_FORMAT)
        return NO_VALUE, _delete, (self._queues.entry(words[1]), noreply)

    def _version(self, words: list[bytes]) -> Command | None:
        return say(f"VERSION {VERSION}\r\n".encode()) if len(words) == 1 else None

    def _verbosity(self, words: list[bytes]) -> Command | None:
        noreply = self._noreply(words, 2)
        return say(b"" if noreply else _OK) if len(words) == 2 else None  # noqa: PLR2004  n

    def _quit(self, words: list[bytes]) -> Command | None:
        return leave() if len(words) == 1 else None

    def _db(self, words: list[bytes]) -> Command | None:
        return say(_OK) if len(words) == 1 else None  # every reply follows a commit anyway

    def _stats(self, words: list[bytes]) -> Command | None:
        what = {b"": "general", b"reset": "reset", b"queue": "queue"}.get(b"".join(words[1:2]))
        return (NO_VALUE, self._tell, what) if what else None

    def _tell(self, session: MemcacheqSession, what: str, _value: bytes) -> None:
        session.out.append(self._statistics(what))

    def _noreply(self, words: list[bytes], least: int) -> bool:
        """Whether the client wants no reply; takes that word off, from behind the `least` words."""
        if self._strict or len(words) <= least or words[-1] != _NOREPLY:
            return False
        words.pop()
        return True


def item_size(name: bytes, flags: int, length: int) -> int:
    """The octets that the real server takes for an item, which `-B` limits."""
    return 8 + len(name) + 1 + len(b" %d %d\r\n" % (flags, length)) + length + 2


def _delete(session: MemcacheqSession, argument: tuple[Entry, bool], _value: bytes) -> None:
    entry, noreply = argument
    reply = b"DELETED\r\n" if entry.delete() else b"NOT_FOUND\r\n"
    if not noreply:
        session.out.append(reply)


def _put(session: MemcacheqSession, append: Append, value: bytes) -> None:
    """Append a value; the hot path. Twin: `_put_large`."""
    if session.settlement.alarm:
        _refuse(session, append, value)
        return
    entry, _flags, length, (before, after), noreply = append
    queue = entry.queue
    if queue is None or queue.deleted:
        queue = entry.find_or_create()
        if queue is None:
            _refuse(session, append, value)
            return
    message = Message("", entry.text, before + value + after, length, _PERSISTENT)
    if queue.put(message) is _REJECTED:
        _refuse(session, append, value)
        return
    session.counters.set_hits += 1
    if not noreply:
        session.out.append(STORED)


def _put_large(session: MemcacheqSession, append: Append, value: bytes) -> None:
    """Append a value that takes several frames."""
    frames = mapping.content(append.flags, value)
    _put(session, append._replace(ends=(frames, b"")), b"")


def _refuse(session: MemcacheqSession, append: Append, _value: bytes) -> None:
    """The queue cannot be had or is full, or the broker is."""
    session.counters.set_misses += 1
    if not append.noreply:
        session.out.append(NOT_STORED)


def _refuse_large(session: MemcacheqSession, argument: tuple[int, bool], _value: bytes) -> None:
    """The value is over the limit: it is passed over unseen."""
    octets, noreply = argument
    session.discard(octets)
    if not noreply:
        session.out.append(TOO_LARGE)
