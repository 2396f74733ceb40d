"""The claims as one self-contained web page, which asks the network for nothing."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.render.environment import environment

from . import words
from .model import Claims

_HERE = Path(__file__).parent / "page"
_DRESS = Path(__file__).parents[1] / "render" / "page" / "page.css"


def render(claims: Claims) -> str:
    """Fill the page; all that comes from records and rules is escaped."""
    page = environment(_HERE, visible=words.visible)
    return page.get_template("claims.html.jinja").render(_context(claims))


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
