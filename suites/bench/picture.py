"""A line chart as SVG, both axes logarithmic, for how cost grows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

Points = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 640, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 40, 72
_COLOURS = ("#0b6e4f", "#c1440e", "#3b5bdb", "#7a5195")
_STYLE = "font: 12px sans-serif; fill: #333"


class _Axis:
    """From values to places, over whole decades."""

    def __init__(self, values: Iterable[float], start: float, end: float) -> None:
        logs = [math.log10(value) for value in values]
        self.low = math.floor(min(logs))
        self.high = max(math.ceil(max(logs)), self.low + 1)
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """Where on the picture the value stands."""
        share = (math.log10(value) - self.low) / (self.high - self.low)
        return round(self._start + share * (self._end - self._start), 1)

    def decades(self) -> list[float]:
        """The values that get a line and a label."""
        return [10.0**exponent for exponent in range(self.low, self.high + 1)]


def chart(
    title: str, across: str, up: str, series: Mapping[str, Points], ideal: Points = ()
) -> str:
    """The picture; every value is above zero. `ideal` is drawn dashed."""
    everything = [*ideal, *(point for points in series.values() for point in points)]
    x = _Axis((point[0] for point in everything), _LEFT, _WIDTH - _RIGHT)
    y = _Axis((point[1] for point in everything), _HEIGHT - _BOTTOM, _TOP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        _text(_LEFT, _TOP - 18, title, "start", weight=True),
        *(_across(x, value) for value in x.decades()),
        *(_up(y, value) for value in y.decades()),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - _BOTTOM + 36, across, "middle"),
        _text(_WIDTH - _RIGHT, _TOP - 18, up, "end"),
        *([_line(x, y, ideal, "#999", dashed=True)] if ideal else []),
    ]
    for index, (name, points) in enumerate(series.items()):
        colour = _COLOURS[index % len(_COLOURS)]
        lines += [_line(x, y, points, colour), *(_dot(x, y, point, colour) for point in points)]
        lines.append(_legend(index, name, colour))
    return "\n".join([*lines, "</svg>", ""])


def _line(x: _Axis, y: _Axis, points: Points, colour: str, *, dashed: bool = False) -> str:
    places = " ".join(f"{x.place(across)},{y.place(up)}" for across, up in points)
    dashes = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="2"{dashes}/>'


def _dot(x: _Axis, y: _Axis, point: tuple[float, float], colour: str) -> str:
    tip = f"{point[0]:,.0f}: {point[1]:.3g}"
    place = f'cx="{x.place(point[0])}" cy="{y.place(point[1])}"'
    return f'<circle {place} r="3.5" fill="{colour}"><title>{tip}</title></circle>'


def _across(x: _Axis, value: float) -> str:
    place = x.place(value)
    rule = f'<path d="M{place} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#eee"/>'
    return rule + _text(place, _HEIGHT - _BOTTOM + 16, f"{value:,.0f}", "middle")


def _up(y: _Axis, value: float) -> str:
    place = y.place(value)
    rule = f'<path d="M{_LEFT} {place}H{_WIDTH - _RIGHT}" stroke="#eee"/>'
    return rule + _text(_LEFT - 8, place + 4, f"{value:,g}", "end")


def _legend(index: int, name: str, colour: str) -> str:
    left, height = _LEFT + 150 * index, _HEIGHT - 14
    mark = f'<rect x="{left}" y="{height - 9}" width="10" height="10" fill="{colour}"/>'
    return mark + _text(left + 16, height, name, "start")


def _text(x: float, y: float, words: str, anchor: str, *, weight: bool = False) -> str:
    bold = "; font-weight: bold" if weight else ""
    place = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text {place} style="{_STYLE}{bold}">{escape(words)}</text>'
