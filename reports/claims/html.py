"""The claims as one self-contained web page, which asks the network for nothing."""

from pathlib import Path
from typing import Any

from reports.render.environment import environment
from reports.render.html import DRESS, asset

from . import words
from .model import Claims

_HERE = Path(__file__).parent / "page"


def render(claims: Claims) -> str:
    """Fill the page; all that comes from records and rules is escaped."""
    page = environment(_HERE, visible=words.visible)
    return page.get_template("claims.html.jinja").render(_context(claims))


def render_coverage(claims: Claims) -> str:
    """Fill the page of which rules are decided, and why the others are not."""
    page = environment(_HERE, visible=words.visible)
    return page.get_template("coverage.html.jinja").render(_context(claims))


def _context(claims: Claims) -> dict[str, Any]:
    return {
        "claims": claims,
        "words": words,
        "differing": words.differing(claims),
        "groups": words.groups(claims),
        "style": asset(DRESS) + asset(_HERE / "claims.css"),
    }
