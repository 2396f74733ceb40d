"""Numbers as C's strtol reads them: space, a sign, digits, and what follows is ignored."""

import re

_DIGITS = re.compile(rb"[\t\n\v\f\r ]*([+-]?)0*([0-9]*)")
_MOST = 20  # digits of the largest 64-bit number

INT64 = range(-(2**63), 2**63)
UINT64 = range(-(2**64) + 1, 2**64)  # strtoul takes a minus sign too, and wraps


def read_number(word: bytes, bounds: range) -> int | None:
    """The number that a word starts with, 0 when with none; None outside the bounds."""
    match = _DIGITS.match(word)
    sign, digits = match.groups() if match else (b"", b"")
    if len(digits) > _MOST:
        return None
    value = int(sign + (digits or b"0"))
    return value if value in bounds else None


def signed32(value: int) -> int:
    """The lowest 32 bits, as a signed number."""
    return (value + 2**31) % 2**32 - 2**31
