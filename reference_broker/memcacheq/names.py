"""Queue names: any octets but space, NUL and LF here, UTF-8 text in AMQP.

A name that is UTF-8 is that text. In one that is not, each octet from 0x80 on stands as a private
character, U+EF80 to U+EFFF: the text can be stored, shown, and asked for over AMQP. Text that holds
such characters already is taken octet by octet too, so that two names never become one.
"""

_PRIVATE = 0xEF00
_OUT = {octet: _PRIVATE + octet for octet in range(0x80, 0x100)}
_BACK = {character: octet for octet, character in _OUT.items()}
_MARKS = frozenset(map(chr, _BACK))


def to_text(name: bytes) -> str:
    """The AMQP name of a memcacheq queue."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return name.decode("latin-1").translate(_OUT)
    return text if _MARKS.isdisjoint(text) else name.decode("latin-1").translate(_OUT)


def to_octets(name: str) -> bytes:
    """The memcacheq name of an AMQP queue; undoes `to_text`."""
    if not _MARKS.isdisjoint(name):
        try:
            return name.translate(_BACK).encode("latin-1")
        except UnicodeEncodeError:
            pass  # not made by `to_text`
    return name.encode("utf-8", "surrogateescape")
