"""The claims as one self-contained web page, which asks the network for nothing."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from . import words
from .model import Claims

_HERE = Path(__file__).parent / "page"
_DRESS = Path(__file__).parents[1] / "render" / "page" / "page.css"


def render(claims: Claims) -> str:
    """Fill the page; all that comes from records and rules is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = words.visible
    return environment.get_template("claims.html.jinja").render(_context(claims))


def _context(claims: Claims) -> dict[str, Any]:
    own = (_DRESS, _HERE / "claims.css")
    style = "".join(path.read_text(encoding="utf-8") for path in own)
    return {
        "claims": claims,
        "words": words,
        "differing": words.differing(claims),
        "groups": words.groups(claims),
        "style": Markup(style),  # noqa: S704  our own files
    }
