"""Options in the key of a `get`: `q/t=250`, `q/open`, `q/close`, `q/abort`, `q/peek`.

They are Kestrel's, and may be combined: `q/close/t=500/open` confirms the item that is open, then
waits up to half a second for the next one and opens it. What follows a slash and is no option
belongs to the name.
"""

import re
from typing import NamedTuple

from .queues import Entry, Queues

_OPTIONS = re.compile(rb"((?:/(?:open|close|abort|peek|t=[0-9]{1,9}))+)$")
_PER_SECOND = 1000


class Read(NamedTuple):
    """One name of a `get`, as it was asked for. `wait` is in seconds."""

    entry: Entry
    key: bytes
    wait: float = 0.0
    opens: bool = False
    closes: bool = False
    aborts: bool = False
    peeks: bool = False

    @property
    def fetches(self) -> bool:
        """Whether a message is asked for; to close or abort alone does not."""
        return self.opens or self.peeks or not (self.closes or self.aborts)


def has_options(key: bytes) -> bool:
    """Whether a key ends in options."""
    return b"/" in key and _OPTIONS.search(key) is not None


def parse_read(queues: Queues, key: bytes, *, options: bool) -> Read:
    """The read that a key asks for; the whole key is the name if options are off."""
    match = _OPTIONS.search(key) if options and b"/" in key else None
    if match is None or not match.start():
        return Read(queues.entry(key), key)
    words = match[1][1:].split(b"/")
    waits = [int(word[2:]) for word in words if word.startswith(b"t=")]
    return Read(
        queues.entry(key[: match.start()]),
        key,
        wait=waits[-1] / _PER_SECOND if waits else 0.0,
        opens=b"open" in words,
        closes=b"close" in words,
        aborts=b"abort" in words,
        peeks=b"peek" in words,
    )
