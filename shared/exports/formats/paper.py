"""What a report has on paper: cards with key figures, a chart, a table, a note. Sizes as of
`sheets`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from shared.exports.formats.sheets import (
    BLUE,
    INK,
    MARGIN,
    ORANGE,
    PALE,
    RULE,
    WHITE,
    Colour,
    Sheets,
)
from shared.exports.formats.shown import Shown
from shared.exports.kinds import Column, Kind, Row
from shared.exports.tally import Bar, Figure

_CARD, _STRIPE = (242, 246, 250), (247, 249, 252)
_LINE = 4.0
"""The height of a line of the table."""
_LINES = 3
"""Lines of a cell."""


class Paper:
    """Draws on sheets, from top to bottom."""

    def __init__(self, sheets: Sheets, shown: Shown) -> None:
        self._sheets = sheets
        self._shown = shown
        self._bad: Collection[str] = ()

    def figures(self, figures: Sequence[Figure]) -> None:
        """Key figures, as cards."""
        on = self._sheets
        across = 4 if on.width < on.height else 8
        gap, height = 4.0, 16.0
        width = (on.inner - gap * (across - 1)) / across
        for at, one in enumerate(figures):
            x = MARGIN + (at % across) * (width + gap)
            y = on.y + at // across * (height + gap)
            on.box(x, y, width, height, _CARD, corners=1.5)
            on.text(x + 3, y + 2.2, width - 6, one.title, 7.5, PALE)
            on.text(x + 3, y + 7, width - 6, self._shown(one.value), 14, INK, bold=True)
        on.y += -(-len(figures) // across) * (height + gap) + 4

    def chart(self, bars: Sequence[Bar], title: str) -> None:
        """Stacked bars: what is bad stands on what is good. Nothing of nothing."""
        most = max((one.good + one.bad for one in bars), default=0)
        if not most:
            return
        self._heading(title)
        self._legend()
        on = self._sheets
        top, height, left = on.y, 44.0, MARGIN + 14
        step = _step(most)
        scale = height / (-(-most // step) * step)
        for mark in range(0, -(-most // step) * step + 1, step):
            y = top + height - mark * scale
            on.rule(left, y, PALE if mark == 0 else RULE)
            on.text(MARGIN, y - 1.8, 12, f"{mark:,}", 7, PALE, "R")
        self._bars(bars, left, top + height, scale)
        on.y += height + 13

    def _legend(self) -> None:
        on = self._sheets
        x = on.width - MARGIN
        for name, colour in (("failed, missed or the like", ORANGE), ("all others", BLUE)):
            wide = on.lettering.measured(name, 7.5)
            x -= wide
            on.text(x, on.y - 6.6, wide + 1, name, 7.5, PALE)
            on.box(x - 4.5, on.y - 6, 3, 3, colour)
            x -= 10

    def _bars(self, bars: Sequence[Bar], left: float, base: float, scale: float) -> None:
        on = self._sheets
        slot = (on.width - MARGIN - left) / len(bars)
        wide = min(slot * 0.72, 16.0)
        every = max(1, -(-len(bars) // int((on.width - left) / 15)))
        for at, one in enumerate(bars):
            x, y = left + at * slot + (slot - wide) / 2, base
            for count, colour in ((one.good, BLUE), (one.bad, ORANGE)):
                if count:
                    on.box(x, y - count * scale, wide, count * scale, colour)
                    y -= count * scale
            if at % every == 0:
                middle = left + (at + 0.5) * slot
                on.text(middle - 10, base + 1.5, 20, one.label, 7, PALE, "C")

    def table(
        self,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Row],
        bad: Collection[str] = (),
    ) -> None:
        """A table, whose heading is on each sheet. `bad`: cells that say this stand out."""
        if not rows:
            return
        widths = self._widths(columns, rows)
        if not self._sheets.fits(40):
            self._sheets.further()
        self._heading(title)
        self._bad = bad
        self._head(columns, widths)
        for number, row in enumerate(rows):
            self._row(row, columns, widths, striped=number % 2 == 1)

    def _widths(self, columns: Sequence[Column], rows: Sequence[Row]) -> list[float]:
        """By what the first rows need: what fits into its weight takes no more than that, and what
        is left goes to the others."""
        measured, inner = self._sheets.lettering.measured, self._sheets.inner
        wanted = []
        for at, one in enumerate(columns):
            cells = [self._shown(row[at]) for row in rows[:60]]
            words = [word for cell in (*cells, one.title) for word in cell.split(" ")]
            longest = max((measured(cell, 8) for cell in cells), default=0)
            least = min(max(measured(word, 8) for word in words), 42.0)
            if one.kind is not Kind.TEXT:
                least = max(longest, least)
            wanted.append((max(longest, least) + 5, least + 5))
        spare = inner - sum(least for _, least in wanted)
        over = sum(most - least for most, least in wanted)
        if spare <= 0:
            return [least * inner / (inner - spare) for _, least in wanted]
        share = min(1.0, spare / over) if over else 0.0
        found = [least + (most - least) * share for most, least in wanted]
        rest = (inner - sum(found)) / len(found)
        return [one + rest for one in found]

    def _head(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        on = self._sheets
        lines = [
            on.lettering.wrapped(one.title, wide - 3, 7.5, 2)
            for one, wide in zip(columns, widths, strict=True)
        ]
        height = max(map(len, lines)) * _LINE + 2.4
        on.box(MARGIN, on.y, on.inner, height, BLUE)
        self._cells(lines, columns, widths, 7.5, WHITE)
        on.y += height

    def _row(
        self, row: Row, columns: Sequence[Column], widths: Sequence[float], *, striped: bool
    ) -> None:
        on = self._sheets
        lines = [
            on.lettering.wrapped(self._shown(value), wide - 3, 8, _LINES)
            for value, wide in zip(row, widths, strict=True)
        ]
        height = max(map(len, lines)) * _LINE + 2
        if not on.fits(height, spare=2):
            on.further()
            self._head(columns, widths)
        if striped:
            on.box(MARGIN, on.y, on.inner, height, _STRIPE)
        self._cells(lines, columns, widths, 8, INK)
        on.y += height
        on.rule(MARGIN, on.y, RULE)

    def _cells(
        self,
        lines: Sequence[Sequence[str]],
        columns: Sequence[Column],
        widths: Sequence[float],
        size: float,
        colour: Colour,
    ) -> None:
        on, x = self._sheets, MARGIN
        for some, column, wide in zip(lines, columns, widths, strict=True):
            side = "R" if column.kind in (Kind.NUMBER, Kind.DECIMAL) else "L"
            ink = ORANGE if some[0] in self._bad else colour
            for at, one in enumerate(some):
                on.text(x + 1.5, on.y + 1.2 + at * _LINE, wide - 3, one, size, ink, side)
            x += wide

    def note(self, said: str) -> None:
        """A line at the end."""
        on = self._sheets
        if not on.fits(10):
            on.further()
        on.text(MARGIN, on.y + 3, on.inner, said, 8, PALE)
        on.y += 10

    def _heading(self, title: str) -> None:
        on = self._sheets
        on.text(MARGIN, on.y, on.inner, title, 11.5, INK, bold=True)
        on.y += 8.5


def _step(most: int) -> int:
    """The distance of two marks: 1, 2 or 5 times a power of ten; there are three to five."""
    power = 1
    while True:
        for one in (1, 2, 5):
            if one * power * 5 >= most:
                return one * power
        power *= 10
