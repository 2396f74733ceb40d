"""A look at SQLite's write-ahead log before SQLite drops what is unfinished at its end.

SQLite does so without a word; the operator should know. The layout is a header of 32 octets, then
frames of 24 octets and a page; a frame that ends a commit says how large the database is after it,
and frames left from before have other salts (https://www.sqlite.org/fileformat2.html).
"""

from pathlib import Path
from struct import Struct, error

_HEADER = Struct(">LLLL8sLL")  # magic, version, page size, sequence, salts, checksum
_FRAME = Struct(">LL8sLL")  # page, database size after a commit or 0, salts, checksum


def unfinished(log: Path) -> int:
    """How many octets at the end of a log belong to a commit that was never finished."""
    try:
        with log.open("rb") as file:
            _magic, _version, page, _sequence, salts, *_ = _HEADER.unpack(file.read(_HEADER.size))
            committed = position = _HEADER.size
            while head := file.read(_FRAME.size):
                if len(head) < _FRAME.size:
                    return position + len(head) - committed
                _number, size_after, frame_salts, *_ = _FRAME.unpack(head)
                if frame_salts != salts:
                    break
                content = len(file.read(page))
                position += _FRAME.size + content
                if content < page:
                    break
                committed = position if size_after else committed
            return position - committed
    except (FileNotFoundError, error):
        return 0
