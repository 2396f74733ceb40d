"""A run as a badge: who was on trial, and how many of the requirements it met (SVG)."""

from xml.sax.saxutils import escape

from reports.analyse import Outcome, by_requirement, outcome, tally
from reports.model import Record, Verdict
from reports.render import words

_COLOURS = {Outcome.OK: "#1a7544", Outcome.FAILED: "#bb1c2c", Outcome.INCOMPLETE: "#925400"}
_SIGNS = {Outcome.OK: "✓", Outcome.FAILED: "✗", Outcome.INCOMPLETE: "…"}
_LETTER = 6.6  # pixels; a mean of 11-pixel letters, as the font of the reader is not known
_PAD = 8


def render(record: Record) -> str:
    """Draw it; the text is in it for those who hear it, too."""
    left, right = words.product(record), told(record)
    widths = [round(len(text) * _LETTER + 2 * _PAD) for text in (left, right)]
    whole = sum(widths)
    colour = _COLOURS[outcome(record)]
    title = escape(f"{left}: {right}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img"'
        f' aria-label="{escape(title, {chr(34): "&quot;"})}">\n<title>{title}</title>\n'
        f'<clipPath id="r"><rect width="{whole}" height="20" rx="3"/></clipPath>\n'
        f'<g clip-path="url(#r)"><rect width="{widths[0]}" height="20" fill="#3d444b"/>'
        f'<rect x="{widths[0]}" width="{widths[1]}" height="20" fill="{colour}"/></g>\n'
        '<g fill="#fff" text-anchor="middle" font-size="11"'
        ' font-family="Verdana,DejaVu Sans,sans-serif">\n'
        f"{_text(left, widths[0] / 2, widths[0])}\n"
        f"{_text(right, widths[0] + widths[1] / 2, widths[1])}\n</g>\n</svg>\n"
    )


def told(record: Record) -> str:
    """What the badge says of the run."""
    counts = tally(by_requirement(record.cases).values())
    decided = sum(counts.values()) - counts[Verdict.UNSUPPORTED] - counts[Verdict.ERROR]
    met = counts[Verdict.PASS] + counts[Verdict.INFORMATIONAL]
    judged = outcome(record)
    cut = " so far" if judged is Outcome.INCOMPLETE else ""
    return f"{_SIGNS[judged]} {met} of {decided} requirements{cut}"


def _text(text: str, middle: float, width: int) -> str:
    length = width - 2 * _PAD
    return f'<text x="{middle:g}" y="14" textLength="{length}">{escape(text)}</text>'
