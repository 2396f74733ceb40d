"""The model of memcacheq's queues, and the commands to try it with: the profile `standard`.

After memcacheq's README and the recorded sessions of the real server (`suites/memcacheq`), with
`noreply` and the options of reads that the standard profile adds.
"""

from collections import defaultdict
from collections.abc import Sequence

from hypothesis import strategies as st

from suites.stateful.text import TextModel, literal

NAMES = (b"$a", b"$b", b"$c")
TOO_LONG = b"k" * 251
VALUES = (b"", b"x", b"two words", b"\r\n", b"END\r\n", b"\0\xff", b"v" * 9000)
FLAGS = (b"0", b"7", b"2147483647", b"4294967295")
READS = (b"", b"/open", b"/close", b"/abort", b"/peek", b"/close/open")

END, ERROR, STORED = b"END\r\n", b"ERROR\r\n", b"STORED\r\n"
BAD_FORMAT = b"CLIENT_ERROR bad command line format\r\n"
BAD_VALUE = b"CLIENT_ERROR bad data chunk\r\n"
ALREADY_OPEN = b"CLIENT_ERROR an item of this queue is open: close or abort it first\r\n"

Held = tuple[int, bytes]
"""Flags, as the signed number that they are kept as, and value."""


class QueueModel(TextModel):
    """Queues by their names, how often each was written and read, and what each client holds."""

    def __init__(self) -> None:
        self.queues: dict[bytes, list[Held]] = {}
        self.open: dict[tuple[int, bytes], tuple[list[Held], Held]] = {}
        self._sets: dict[bytes, int] = defaultdict(int)
        self._gets: dict[bytes, int] = defaultdict(int)

    def cleaning(self) -> bytes:
        """Each queue is deleted."""
        return b"".join(b"delete %b\r\n" % name for name in NAMES)

    def answer(self, client: int, command: bytes) -> bytes:
        """One reply, or none where it was to be left out."""
        line, _, data = command.partition(b"\r\n")
        words = [word for word in line.split(b" ") if word]
        verb = words[0] if words else b""
        if verb == b"set":
            return self._set(words, data)
        if verb == b"get":
            return literal(self._get(client, words[1:]))
        if verb == b"delete":
            return literal(self._delete(words))
        if verb == b"stats":
            return self._stats(words)
        if verb in {b"db_checkpoint", b"db_archive"} and len(words) == 1:
            return literal(b"OK\r\n")
        return literal(ERROR)

    def _set(self, words: Sequence[bytes], data: bytes) -> bytes:
        quiet = len(words) == 6 and words[-1] == b"noreply"
        lines = data.count(b"\n")
        if len(words) - quiet != 5:
            return literal(ERROR * (1 + lines))
        name, flags, _exptime, length = words[1:5]
        if name == TOO_LONG:
            return literal(BAD_FORMAT + ERROR * lines)
        if len(data) != int(length) + 2:
            return literal((b"" if quiet else BAD_VALUE) + ERROR)
        self.queues.setdefault(name, []).append((_signed(_number(flags)), data[:-2]))
        self._sets[name] += 1
        return b"" if quiet else literal(STORED)

    def _get(self, client: int, keys: Sequence[bytes]) -> bytes:
        if not keys:
            return ERROR
        if TOO_LONG in keys:
            return BAD_FORMAT
        reply = b""
        for key in keys:
            name, *options = key.split(b"/")
            if b"open" in options and b"close" not in options and (client, name) in self.open:
                return reply + ALREADY_OPEN
            reply += self._read(client, key, name, options)
        return reply + END

    def _read(self, client: int, key: bytes, name: bytes, options: Sequence[bytes]) -> bytes:
        if b"close" in options or b"abort" in options:
            self._put_away(client, name, confirmed=b"close" in options)
        if options and b"open" not in options and b"peek" not in options:
            return b""
        queue = self.queues.get(name)
        if not queue:
            return b""
        held = queue[0]
        if b"peek" not in options:
            del queue[0]
            self._gets[name] += 1
        if b"open" in options:
            self.open[client, name] = queue, held
        return b"VALUE %b %d %d\r\n%b\r\n" % (key, held[0], len(held[1]), held[1])

    def _put_away(self, client: int, name: bytes, *, confirmed: bool) -> None:
        if (client, name) not in self.open:
            return
        queue, held = self.open.pop((client, name))
        if not confirmed and queue is self.queues.get(name):
            queue.insert(0, held)
            self._gets[name] -= 1

    def _delete(self, words: Sequence[bytes]) -> bytes:
        if len(words) < 2:
            return ERROR
        if words[1] == TOO_LONG:
            return BAD_FORMAT
        quiet = words[-1] == b"noreply"
        if self.queues.pop(words[1], None) is None:
            return b"" if quiet else b"NOT_FOUND\r\n"
        self._sets.pop(words[1], None)
        self._gets.pop(words[1], None)
        return b"" if quiet else b"DELETED\r\n"

    def _stats(self, words: Sequence[bytes]) -> bytes:
        """`stats queue` tells every queue; the lines are brought into one order."""
        if words[1:] != [b"queue"]:
            return literal(ERROR)
        lines = [
            b"STAT %b %d/%d\r\n" % (name, self._sets[name], self._gets[name])
            for name in self.queues
        ]
        return literal(b"".join(sorted([END, *lines])))


def _number(word: bytes) -> int:
    """As strtol reads it: what is no number is 0."""
    return int(word) if word.isdigit() else 0


def _signed(flags: int) -> int:
    """Flags are kept in 32 bits, the highest of which is a sign."""
    return flags - 2**32 if flags >= 2**31 else flags


@st.composite
def commands(draw: st.DrawFn, model: QueueModel) -> bytes:
    """One command, with its value if it has one; some are wrong."""
    del model
    verb = draw(st.sampled_from((b"set",) * 6 + (b"get",) * 7 + (b"delete", b"stats", b"plain")))
    name = TOO_LONG if draw(st.integers(0, 29)) == 29 else draw(st.sampled_from(NAMES))
    if verb == b"set":
        return _setting(draw, name)
    if verb == b"get":
        return _getting(draw, name)
    if verb == b"delete":
        return b"delete %b%b\r\n" % (name, draw(st.sampled_from((b"", b" noreply"))))
    if verb == b"stats":
        return b"stats queue\r\n"
    return draw(st.sampled_from(_PLAIN))


_PLAIN = (
    b"db_checkpoint\r\n",
    b"db_archive\r\n",
    b"\r\n",
    b"get\r\n",
    b"add $a 0 0 1\r\n",
    b"db_archive now\r\n",
    b"nonsense\r\n",
)


def _getting(draw: st.DrawFn, name: bytes) -> bytes:
    if name == TOO_LONG:
        return b"get %b\r\n" % name
    further = draw(st.sampled_from((b"", b"", b" $a", b" $b $b")))
    option = draw(st.sampled_from((b"", b"", b"", *READS)))
    return b"get %b%b%b\r\n" % (name, option, further)


def _setting(draw: st.DrawFn, name: bytes) -> bytes:
    data = draw(st.sampled_from(VALUES)) if name != TOO_LONG else b"x"
    flags, wrong = draw(st.sampled_from(FLAGS)), draw(st.integers(0, 19))
    if wrong == 19:
        return b"set %b x 0 1\r\nv\r\n" % name
    if wrong == 18:
        return b"set %b 0 0 1\r\nlonger\r\n" % name
    quiet = b" noreply" if wrong > 14 else b""
    return b"set %b %b 0 %d%b\r\n%b\r\n" % (name, flags, len(data), quiet, data)
