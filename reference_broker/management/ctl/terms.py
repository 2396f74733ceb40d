"""Values as rabbitmqctl shows them: in tables as Erlang's terms, in JSON by its own rules."""

import json
from typing import Any, NamedTuple


class Arguments(NamedTuple):
    """A field table; its types are guessed, since the API does not tell them."""

    held: dict[str, Any]


class Tags(NamedTuple):
    """Words in brackets."""

    names: list[str]


def shown(value: Any) -> str:
    """In a table of tabs."""
    if isinstance(value, Tags):
        return f"[{', '.join(value.names)}]"
    if isinstance(value, Arguments):
        return _list(value.held)
    return _escaped(str(value).lower() if isinstance(value, bool) else _plain(value))


def cell(value: Any) -> str:
    """In a pretty table, where tags stand without brackets."""
    return ", ".join(value.names) if isinstance(value, Tags) else shown(value)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _escaped(text: str) -> str:
    """Tabs and line ends would break the table."""
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def _list(table: dict[str, Any]) -> str:
    return f"[{','.join(f'{{{json.dumps(key)},{_term(value)}}}' for key, value in table.items())}]"


def _term(value: Any) -> str:
    if isinstance(value, dict):
        return _list(value)
    if isinstance(value, list):
        return f"[{','.join(_term(inner) for inner in value)}]"
    return json.dumps(value, ensure_ascii=False)


def as_json(value: Any) -> Any:
    """In JSON."""
    if isinstance(value, Tags):
        return value.names
    if isinstance(value, Arguments):
        return _typed(value.held)
    return "" if value is None else value


def _typed(table: dict[str, Any]) -> list[Any]:
    return [[key, *_with_type(value)] for key, value in table.items()]


def _with_type(value: Any) -> tuple[str, Any]:
    if isinstance(value, bool):
        return "bool", value
    if isinstance(value, int):
        return ("signedint" if -(2**31) <= value < 2**31 else "long"), value
    if isinstance(value, dict):
        return "table", _typed(value)
    if isinstance(value, list):
        return "array", [list(_with_type(inner)) for inner in value]
    return ("double" if isinstance(value, float) else "longstr"), value
