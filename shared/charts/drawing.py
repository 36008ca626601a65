"""Draws a chart as SVG text.

Every position is computed here and nothing is measured, so the same values give the same text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from shared.charts import Chart

WIDTH, HEIGHT = 600, 280
"""In pixels of CSS."""
_RIGHT, _TOP, _BOTTOM = 22, 58, 34
"""What is kept free around the plot, for labels."""
_DIGIT = 7
"""The width of a character of a label, at most on average."""
_STEPS = 4
"""About how many marks the axis has."""
_LABELS = 7
"""About how many days are named."""
_INK, _PALE, _BAR, _LINE = "#222222", "#d0d0d0", "#b9d3ea", "#0b3c5d"
_FONT = "DejaVu Sans, Verdana, sans-serif"


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where a value of a day is drawn."""

    left: int
    days: int
    low: int
    high: int
    step: int

    @property
    def slot(self) -> float:
        """The width that a day has."""
        return (WIDTH - self.left - _RIGHT) / max(self.days, 1)

    def x(self, day: int) -> float:
        return self.left + self.slot * (day + 0.5)

    def y(self, value: int) -> float:
        height = HEIGHT - _TOP - _BOTTOM
        return _TOP + height * (self.high - value) / (self.high - self.low)


def svg(chart: Chart) -> str:
    """The chart as SVG, which needs nothing from elsewhere, with a title and a description for
    screen readers. Raises `ValueError` if a series has not as many values as there are labels."""
    if not len(chart.labels) == len(chart.bars.values) == len(chart.line.values):
        raise ValueError("a chart needs one value of each series for each label")
    plot = _plot(chart)
    return "\n".join(
        [
            *_head(chart, plot.left),
            *_axis(chart, plot),
            *_bars(chart.bars.values, plot),
            *_line(chart.line.values, plot),
            *_days(chart.labels, plot),
            "</svg>\n",
        ]
    )


def _plot(chart: Chart) -> _Plot:
    values = [0, *chart.bars.values, *chart.line.values]
    step = _step(max(values) - min(values), chart.unit)
    bottom, top = math.floor(min(values) / step), math.ceil(max(values) / step)
    low, high = bottom * step, max(top, bottom + 1) * step
    longest = max(len(chart.write(low)), len(chart.write(high)))
    return _Plot(max(70, 14 + longest * _DIGIT), len(chart.labels), low, high, step)


def _step(span: int, unit: int) -> int:
    """The distance of two marks: 1, 2 or 5 times a power of ten, in whole units."""
    wanted = max(span / _STEPS / unit, 1)
    power = int(10 ** math.floor(math.log10(wanted)))
    return next(one * power for one in (1, 2, 5, 10) if one * power >= wanted) * unit


def _head(chart: Chart, left: int) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="{_FONT}" font-size="11" fill="{_INK}" '
        f'role="img" aria-labelledby="{chart.id}-title {chart.id}-description">'
    )
    yield f'<title id="{chart.id}-title">{escape(chart.title)}</title>'
    yield f'<desc id="{chart.id}-description">{escape(chart.description)}</desc>'
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    yield _text(left, 20, chart.title, ' font-size="14" font-weight="bold"')
    yield _box(left, 32, 12, 10)
    yield _text(left + 18, 41, chart.bars.name)
    middle = left + (WIDTH - left - _RIGHT) / 2
    yield from _stroke([(middle, 37), (middle + 12, 37), (middle + 24, 37)], marked=(1,))
    yield _text(middle + 30, 41, chart.line.name)


def _axis(chart: Chart, plot: _Plot) -> Iterator[str]:
    for value in range(plot.low, plot.high + 1, plot.step):
        y = plot.y(value)
        ink = _INK if value == 0 else _PALE
        yield f'<path d="M{plot.left} {y:.1f}H{WIDTH - _RIGHT}" stroke="{ink}" fill="none"/>'
        yield _text(plot.left - 6, y + 4, chart.write(value), ' text-anchor="end"')


def _bars(values: Sequence[int], plot: _Plot) -> Iterator[str]:
    width = plot.slot * 0.7
    for day, value in enumerate(values):
        if value:
            top, bottom = plot.y(max(value, 0)), plot.y(min(value, 0))
            yield _box(plot.x(day) - width / 2, top, width, bottom - top)


def _line(values: Sequence[int], plot: _Plot) -> Iterator[str]:
    points = [(plot.x(day), plot.y(value)) for day, value in enumerate(values)]
    if points:
        yield from _stroke(points, marked=range(len(points)))


def _days(labels: Sequence[str], plot: _Plot) -> Iterator[str]:
    """The last day is always named."""
    every = max(math.ceil(len(labels) / _LABELS), 1)
    for day, label in enumerate(labels):
        if (len(labels) - 1 - day) % every == 0:
            yield _text(plot.x(day), HEIGHT - 14, label, ' text-anchor="middle"')


def _stroke(points: Sequence[tuple[float, float]], marked: Sequence[int]) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>'
    for x, y in (points[one] for one in marked):
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="{_LINE}"/>'


def _box(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill="{_BAR}" stroke="{_INK}" stroke-width="0.7"/>'
    )


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'
