"""Payloads written out by hand, so that the suites and a codec cannot share a misreading."""

BASIC = 60  # class id
NO_PROPERTIES = b"\x00\x00"
EMPTY_TABLE = bytes(4)
FLAGS_AT = 12  # where the property flags start in a content header


def section(content: bytes) -> bytes:
    """Octets with their length before them: a table, an array or a long string."""
    return len(content).to_bytes(4) + content


def shortstr(text: str | bytes) -> bytes:
    """Octets, or text as UTF-8, with one octet of length before them."""
    octets = text.encode() if isinstance(text, str) else text
    return bytes((len(octets),)) + octets


def declare(queue: str | bytes, bits: int = 0, arguments: bytes = EMPTY_TABLE) -> bytes:
    """queue.declare: class, method, ticket, name, five bits in one octet, a whole table."""
    return bytes.fromhex("0032 000a 0000") + shortstr(queue) + bytes((bits,)) + arguments


def header(
    body_size: int = 0,
    properties: bytes = NO_PROPERTIES,
    *,
    class_id: int = BASIC,
    weight: int = 0,
) -> bytes:
    """A content header: class, weight, body size, and the properties' flags and values."""
    return class_id.to_bytes(2) + weight.to_bytes(2) + body_size.to_bytes(8) + properties
