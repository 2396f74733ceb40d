"""What a query may ask of a list: columns, and pages (https://www.rabbitmq.com/docs/http-api-reference)."""

import re
from collections.abc import Mapping
from math import ceil
from typing import Any

from .call import bad_request
from .shapes import Shape

_LARGEST_PAGE = 500


def listed(body: Any, query: Mapping[str, str]) -> Any:
    """The body as the query asks for it. Raises Refusal 400 for a page that cannot be."""
    if "page" in query and isinstance(body, list):
        body = _page(body, query)
    if "columns" not in query:
        return body
    columns = query["columns"].split(",")
    if isinstance(body, dict) and "items" in body:
        return {**body, "items": [_columns(shape, columns) for shape in body["items"]]}
    if isinstance(body, list):
        return [_columns(shape, columns) for shape in body]
    return _columns(body, columns) if isinstance(body, dict) else body


def _columns(shape: Shape, columns: list[str]) -> Shape:
    """Only these fields; a dot leads into a field."""
    found: Shape = {}
    for column in columns:
        name, dot, inner = column.partition(".")
        if name in shape and not dot:
            found[name] = shape[name]
        elif isinstance(shape.get(name), dict):
            found.setdefault(name, {}).update(_columns(shape[name], [inner]))
    return found


def _page(shapes: list[Shape], query: Mapping[str, str]) -> Shape:
    page, size = _number(query, "page", 1), _number(query, "page_size", 100)
    kept = [shape for shape in shapes if _named(shape, query)]
    pages = ceil(len(kept) / size) or 1
    if page > pages:
        raise bad_request(f"page {page} is out of range: there are {pages}")
    items = kept[(page - 1) * size : page * size]
    return {
        "total_count": len(shapes),
        "filtered_count": len(kept),
        "item_count": len(items),
        "page": page,
        "page_size": size,
        "page_count": pages,
        "items": items,
    }


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 0 < int(text) <= (
        _LARGEST_PAGE if name == "page_size" else 2**31
    ):
        raise bad_request(f"{name} cannot be {text}")
    return int(text)


def _named(shape: Shape, query: Mapping[str, str]) -> bool:
    """Whether the query's name is part of the shape's, or its pattern is found there."""
    wanted, name = query.get("name", ""), str(shape.get("name", ""))
    if query.get("use_regex") != "true":
        return wanted.lower() in name.lower()
    try:
        return re.search(wanted, name) is not None
    except re.error as cause:
        raise bad_request(f"name is no regular expression: {cause}") from cause
