"""What the specification forbids in strings and RabbitMQ does not look at (4.2.5.3, 4.2.5.5)."""

from collections.abc import Iterator, Mapping
from typing import Any

from reference_broker.semantics import Semantics
from reference_broker.wire.errors import HardError
from reference_broker.wire.methods import Method

_LONGEST_NAME = 128  # characters of a field's name


def check_strings(method: Method, semantics: Semantics) -> None:
    """Refuse what the semantics forbid. Raises HardError: 502 zero octet, 503 field name."""
    if not (semantics.no_zero_octets or semantics.field_names):
        return
    for name, kind in method.spec.arguments:
        value = method.arguments.get(name)
        if kind == "shortstr" and value and semantics.no_zero_octets and "\0" in value:
            raise HardError(502, f"a zero octet in {name}", method.spec.ids)
        if kind == "table" and value and semantics.field_names:
            check_field_names(value, method.spec.ids)


def check_field_names(table: Mapping[str, Any], ids: tuple[int, int]) -> None:
    """Refuse a table in which a field has no lawful name, however deep. Raises HardError 503."""
    for name in _names(table):
        lawful = name[:1] in {"$", "#"} or name[:1].isalpha()
        if not lawful or len(name) > _LONGEST_NAME:
            raise HardError(503, f"no name for a field: {name[:_LONGEST_NAME]!r}", ids)


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
