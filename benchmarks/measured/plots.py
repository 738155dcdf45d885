"""Line charts as SVG, the same bytes for the same figures (pure)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 46, 44
_COLORS = ("#1f6fb2", "#c2571a", "#3b8f4c", "#8a4fa3")
_STEPS = (1, 2, 5, 10)
_LINES = 5


class Series(NamedTuple):
    """One line: a name, and a value for each label of the chart."""

    name: str
    values: list[float]


def chart(title: str, labels: list[str], unit: str, series: list[Series]) -> str:
    """Draw *series* over *labels*, evenly spaced; the vertical axis begins at 0 and is in *unit*."""
    top = _round_up(max(value for one in series for value in one.values))
    parts = [*_frame(title, unit, top), *_labels(labels)]
    for number, one in enumerate(series):
        parts += _line(one, _COLORS[number % len(_COLORS)], top, number)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" '
    head += 'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="#fff"/>\n'
    return head + "\n".join(parts) + "\n</svg>\n"


def _round_up(most: float) -> float:
    """Return a top of the axis of which five even parts are round."""
    part, unit = (most or 1.0) / _LINES, 1.0
    while part > unit * 10:
        unit *= 10
    while part <= unit / 10:
        unit /= 10
    return _LINES * next(step * unit for step in _STEPS if step * unit >= part)


def _x(place: int, count: int) -> float:
    room = _WIDTH - _LEFT - _RIGHT
    return _LEFT + room * (place + 0.5) / count


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top


def _frame(title: str, unit: str, top: float) -> Iterator[str]:
    yield f'<text x="12" y="20" font-weight="bold">{escape(title)}</text>'
    for number in range(_LINES + 1):
        value = top * number / _LINES
        y = _y(value, top)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="#444">{value:,.10g}</text>'
    yield f'<text x="12" y="{_TOP - 8}" fill="#444">{escape(unit)}</text>'


def _labels(labels: list[str]) -> Iterator[str]:
    for place, label in enumerate(labels):
        x = _x(place, len(labels))
        yield f'<text x="{x:.1f}" y="{_HEIGHT - _BOTTOM + 20}" text-anchor="middle" fill="#444">{escape(label)}</text>'


def _line(one: Series, color: str, top: float, number: int) -> Iterator[str]:
    points = [(_x(place, len(one.values)), _y(value, top)) for place, value in enumerate(one.values)]
    for (x1, y1), (x2, y2) in pairwise(points):
        yield f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="2"/>'
    for (x, y), value in zip(points, one.values, strict=True):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"><title>{value:,.10g}</title></circle>'
    yield f'<text x="{_LEFT + 130 * (number + 1)}" y="{_TOP - 8}" fill="{color}">{escape(one.name)}</text>'
