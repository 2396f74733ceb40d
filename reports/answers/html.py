"""An answer as one self-contained web page, with the evidence of every cell."""

import re
from pathlib import Path
from typing import Any

from markupsafe import Markup

from reports.render.environment import environment
from reports.render.html import DRESS, asset, script_hash

from . import timeline, words
from .model import Cell, Study
from .question import SIGNS
from .questions import named

_HERE = Path(__file__).parent / "page"


def render(study: Study) -> str:
    """Fill the page; all that comes from the study is escaped."""
    page = environment(_HERE, visible=words.visible, slug=slug)
    return page.get_template("answer.html.jinja").render(_context(study))


def slug(place: tuple[str, str, str]) -> str:
    """The id of a place, that a link can point to."""
    return re.sub(r"[^\w]+", "-", " ".join(place)).strip("-")


def _context(study: Study) -> dict[str, Any]:
    question = named(study.head.question)
    lanes = timeline.of_study(question, study)
    script = asset(_HERE / "answer.js")
    return {
        "question": question,
        "study": study,
        "plains": [(p, words.who(study, b)) for p, b in words.conclusions(question, study)],
        "signs": SIGNS,
        "timed": lambda entry: words.timed(study, entry),
        "entries": lambda place: words.entries(question, study, place),
        "names": study.names,
        "who": lambda brokers: words.who(study, brokers),
        "picture": Markup(timeline.draw(lanes, question.title)) if lanes else "",  # noqa: S704  escaped there
        "drawn": _drawn,
        "differences": words.difference_lines(study),
        "facts": words.facts(study),
        "style": asset(DRESS) + asset(_HERE / "answer.css"),
        "script": script,
        "script_hash": script_hash(script),
    }


def _drawn(cell: Cell) -> Markup:
    lanes = timeline.of_cell(cell)
    title = " ".join(cell.place)
    return Markup(timeline.draw(lanes, title) if lanes else "")  # noqa: S704  escaped there
