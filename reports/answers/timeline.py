"""A picture of spans and marks over time, as an SVG that stands alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

from .model import Cell, Mark, Span, Study
from .question import Question

_LABEL, _LANE, _TOP, _RIGHT, _WIDTH = 330, 26, 34, 24, 980
_TONES = {"good": "#2f9e62", "bad": "#d0404d", "mixed": "#c98a1b", "none": "#8a939c"}
_STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#1c2024}"
    ".q{fill:#5d656e}.i{fill:#fff}.g{stroke:#e1e4e7}.m{stroke:#1c2024;stroke-width:1.5}"
)
_STEPS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
_CHARACTER = 6.4  # pixels, about


@dataclass(frozen=True, slots=True)
class Lane:
    """One line of the picture."""

    label: str
    spans: Sequence[Span] = ()
    marks: Sequence[Mark] = field(default_factory=tuple)


def of_cell(cell: Cell) -> list[Lane]:
    """A lane for everybody to whom something happened, in the order of appearance."""
    who = dict.fromkeys([s.who for s in cell.spans] + [m.who for m in cell.marks])
    return [
        Lane(
            name,
            [span for span in cell.spans if span.who == name],
            [mark for mark in cell.marks if mark.who == name],
        )
        for name in who
    ]


def of_study(question: Question, study: Study) -> list[Lane]:
    """A lane for each pictured place and broker, with the spans of its cell."""
    lanes = []
    for row, variant, column in question.pictured:
        for broker, cell in study.of((row, variant, column)).items():
            label = f"{column}: {broker}"
            lanes.append(Lane(label, cell.spans))
    return lanes


def draw(lanes: Sequence[Lane], title: str) -> str:
    """The picture; its axis is seconds since the fault, at 0."""
    ends = [s.end for lane in lanes for s in lane.spans]
    ends += [m.at for lane in lanes for m in lane.marks]
    starts = [s.start for lane in lanes for s in lane.spans]
    starts += [m.at for lane in lanes for m in lane.marks]
    low, high = min([0.0, *starts]), max([0.5, *ends])
    scale = (_WIDTH - _LABEL - _RIGHT) / (high - low)

    def x(at: float) -> float:
        return round(_LABEL + (at - low) * scale, 1)

    height = _TOP + _LANE * len(lanes) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        *_axis(low, high, x(low) if low else _LABEL, scale, height),
    ]
    for number, lane in enumerate(lanes):
        y = _TOP + _LANE * number
        parts.append(f'<text class="q" x="8" y="{y + 16}">{escape(lane.label)}</text>')
        for span in lane.spans:
            parts += _span(span, x(span.start), x(span.end), y)
        for mark in lane.marks:
            told = escape(f"{mark.at:.2f} s {mark.who}: {mark.what}")
            place = x(mark.at)
            parts.append(f'<path class="m" d="M{place} {y + 2}v20"><title>{told}</title></path>')
    return "".join([*parts, "</svg>\n"])


def _axis(low: float, high: float, origin: float, scale: float, height: int) -> list[str]:
    step = next((s for s in _STEPS if (high - low) / s <= 12), 60.0)  # noqa: PLR2004  ticks that fit
    parts = []
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        place = round(origin + (number * step - low) * scale, 1)
        parts.append(f'<path class="g" d="M{place} {_TOP - 6}V{height - 6}"/>')
        parts.append(f'<text class="q" x="{place}" y="20" text-anchor="middle">{number * step:g}')
        parts.append(" s</text>")
    return parts


def _span(span: Span, start: float, end: float, y: int) -> list[str]:
    width = max(round(end - start, 1), 1.5)
    told = escape(f"{span.start:.2f} to {span.end:.2f} s: {span.what}")
    colour = _TONES.get(span.tone, _TONES["none"])
    shape = f'x="{start}" y="{y + 3}" width="{width}" height="18" rx="3" fill="{colour}"'
    parts = [f"<rect {shape}><title>{told}</title></rect>"]
    if width > len(span.what) * _CHARACTER + 8:
        parts.append(f'<text class="i" x="{start + 5}" y="{y + 16}">{escape(span.what)}</text>')
    return parts
