"""Exchanges recorded from memcacheq 0.2.1 (Berkeley DB 5.3, Debian 12), byte for byte.

`transcripts.jsonl` holds one a line. `send` and `recv` are latin-1, one character an octet;
`send_parts` stands for long sends, [[text, repeat], ...]. Rows of one topic and id belong together,
in order, on the connections that `conn` names. `closed`: the server closed after it; `half_close`:
the client shut its sending side; `send_chunks`: the sizes in which it wrote. Where `volatile` is
set, numbers differ from run to run. `class` is `core` (every server must do so) or `quirk` (real,
but by accident: the strict profile alone must).
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

PROFILES = {"standard": ("core",), "strict": ("core", "quirk")}

_FILE = Path(__file__).with_name("transcripts.jsonl")
_NUMBERS = re.compile(rb"(STAT [a-z_]+) [0-9.]+")
_SET = re.compile(rb"^ *set +([^ ]+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """One exchange."""

    connection: str
    send: bytes
    receive: bytes
    chunks: tuple[int, ...]
    half_close: bool
    closed: bool
    volatile: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """All rows of one topic and id."""

    topic: str
    id: str
    kind: str
    rows: tuple[Row, ...]

    @property
    def queues(self) -> tuple[bytes, ...]:
        """The queues that it sets."""
        names = (name for row in self.rows for name in _SET.findall(row.send))
        return tuple(dict.fromkeys(names))


@cache
def exchanges() -> tuple[Exchange, ...]:
    """All of them, in the order of the recording."""
    with _FILE.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return tuple(Exchange(*k, tuple(map(_row, group))) for k, group in groupby(rows, _key))


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["topic"], row["id"], row["class"]


def _row(row: dict[str, Any]) -> Row:
    parts = row.get("send_parts") or [[row["send"], 1]]
    return Row(
        connection=row["conn"],
        send=b"".join(text.encode("latin-1") * times for text, times in parts),
        receive=row["recv"].encode("latin-1"),
        chunks=tuple(row.get("send_chunks", ())),
        half_close=row.get("half_close", False),
        closed=bool(row["closed"]),
        volatile=row.get("volatile", False),
    )


def masked(reply: bytes) -> bytes:
    """A reply of `stats` without its numbers."""
    return _NUMBERS.sub(rb"\1 N", reply)


def only(queues: tuple[bytes, ...], reply: bytes) -> bytes:
    """A reply of `stats queue` without the lines of other queues than these."""
    lines = reply.splitlines(keepends=True)
    return b"".join(line for line in lines if line == b"END\r\n" or line.split(b" ")[1] in queues)
