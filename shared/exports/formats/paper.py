"""Pages of paper: what is drawn where. All sizes are millimetres, if they are not points."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.exports.kinds import Column, Kind, Row, Value
from shared.exports.safe import line
from shared.exports.tally import Bar, Figure

if TYPE_CHECKING:
    from fpdf import FPDF

A4 = (210.0, 297.0)
_FONT = Path(__file__).parents[2] / "charts" / "font" / "DejaVuSans.ttf"
_FAMILY = "DejaVu"
_MARGIN, _FOOT = 15.0, 14.0
_INK, _PALE, _BLUE, _ORANGE = (29, 39, 51), (86, 99, 115), (31, 95, 168), (194, 65, 12)
_CARD, _STRIPE, _RULE = (242, 246, 250), (247, 249, 252), (221, 228, 236)
_WHITE = (255, 255, 255)
_LINE = 4.0
"""The height of a line of the table."""
_LINES = 3
"""Lines of a cell."""
_UNKNOWN = "\ufffd"
_POINT = 25.4 / 72


@dataclass(frozen=True, slots=True)
class Shown:
    """How values are written for people."""

    where: tzinfo

    def __call__(self, value: Value) -> str:
        if isinstance(value, bool):
            return "yes" if value else "no"
        if isinstance(value, datetime):
            return f"{value.astimezone(self.where):%Y-%m-%d %H:%M}"
        if isinstance(value, int):
            return f"{value:,}"
        if isinstance(value, float | Decimal):
            return decimal(Decimal(str(value)))
        return line(value)


def decimal(value: Decimal) -> str:
    """With thousands apart; at most two decimals, or of what is nearly nothing two digits that say
    something."""
    if value == value.to_integral_value():
        return f"{value:,.0f}"
    if value == value.quantize(Decimal("0.1")):
        return f"{value:,.1f}"
    if abs(value) >= Decimal("0.1"):
        return f"{value:,.2f}"
    return f"{value:.{1 - value.adjusted()}f}".rstrip("0")


class Paper:
    """A document that grows from top to bottom."""

    def __init__(
        self,
        size: Sequence[float],
        shown: Shown,
        *,
        title: str,
        about: str,
        foot: str,
        created: datetime,
    ) -> None:
        self._shown = shown
        self._y = 0.0
        self._bad: Collection[str] = ()
        self._title = title
        self._about = about
        self._foot = foot
        self.width, self.height = size
        self._pdf = self._begun(created)
        font: Any = self._pdf.fonts[_FAMILY.lower()]
        self._widths_of = {code: font.cw[code] for code in font.cmap}
        """Of each character, in thousandths of its size."""
        self._unknown = self._widths_of[ord(_UNKNOWN)]

    def _begun(self, created: datetime) -> FPDF:
        from fpdf import FPDF

        made = FPDF(unit="mm", format=(self.width, self.height))
        made.set_creation_date(created.astimezone(UTC).replace(microsecond=0))
        made.set_auto_page_break(auto=False)
        made.set_margins(_MARGIN, _MARGIN, _MARGIN)
        made.c_margin = 0
        made.add_font(_FAMILY, fname=_FONT)
        made.set_producer("Belfry")
        made.set_title(line(self._title))
        made.set_lang("en")
        return made

    def file(self) -> bytes:
        """The document; its pages are numbered now."""
        pdf, pages = self._pdf, len(self._pdf.pages)
        for number in range(1, pages + 1):
            pdf.page = number
            y = self.height - _FOOT + 3
            pdf.set_draw_color(*_RULE)
            pdf.line(_MARGIN, y - 2, self.width - _MARGIN, y - 2)
            self._text(_MARGIN, y, self._inner - 30, self._foot, 7.5, _PALE)
            said = f"Page {number} of {pages}"
            self._text(self.width - _MARGIN - 30, y, 30, said, 7.5, _PALE, "R")
        return bytes(pdf.output())

    @property
    def _inner(self) -> float:
        return self.width - 2 * _MARGIN

    def opening(self) -> None:
        """The first page, with the title."""
        pdf = self._pdf
        pdf.add_page()
        pdf.set_fill_color(*_BLUE)
        pdf.rect(0, 0, self.width, 31, style="F")
        self._text(_MARGIN, 7.5, self._inner, self._title, 20, _WHITE, bold=True)
        self._text(_MARGIN, 19.5, self._inner, self._about, 9.5, _WHITE)
        self._y = 38.0

    def _page(self) -> None:
        """A further page, with the title small."""
        self._pdf.add_page()
        half = self._inner / 2
        self._text(_MARGIN, 9, half, self._title, 8, _PALE)
        self._text(_MARGIN + half, 9, half, self._about, 8, _PALE, "R")
        self._pdf.set_draw_color(*_BLUE)
        self._pdf.line(_MARGIN, 14, self.width - _MARGIN, 14)
        self._y = 20.0

    def figures(self, figures: Sequence[Figure]) -> None:
        """Key figures, as cards."""
        across = 4 if self.width < self.height else 8
        gap, height = 4.0, 16.0
        width = (self._inner - gap * (across - 1)) / across
        for at, one in enumerate(figures):
            x = _MARGIN + (at % across) * (width + gap)
            y = self._y + at // across * (height + gap)
            self._pdf.set_fill_color(*_CARD)
            self._pdf.rect(x, y, width, height, style="F", round_corners=True, corner_radius=1.5)
            self._text(x + 3, y + 2.2, width - 6, one.title, 7.5, _PALE)
            self._text(x + 3, y + 7, width - 6, self._shown(one.value), 14, _INK, bold=True)
        self._y += -(-len(figures) // across) * (height + gap) + 4

    def chart(self, bars: Sequence[Bar], title: str) -> None:
        """Stacked bars: what is bad stands on what is good. Nothing of nothing."""
        most = max((one.good + one.bad for one in bars), default=0)
        if not most:
            return
        self._heading(title)
        self._legend()
        top, height, left = self._y, 44.0, _MARGIN + 14
        step = _step(most)
        scale = height / (-(-most // step) * step)
        for mark in range(0, -(-most // step) * step + 1, step):
            y = top + height - mark * scale
            self._pdf.set_draw_color(*(_PALE if mark == 0 else _RULE))
            self._pdf.line(left, y, self.width - _MARGIN, y)
            self._text(_MARGIN, y - 1.8, 12, f"{mark:,}", 7, _PALE, "R")
        self._bars(bars, left, top + height, scale)
        self._y += height + 13

    def _legend(self) -> None:
        x = self.width - _MARGIN
        for name, colour in (("failed, missed or the like", _ORANGE), ("all others", _BLUE)):
            wide = self._measured(name, 7.5)
            x -= wide
            self._text(x, self._y - 6.6, wide + 1, name, 7.5, _PALE)
            self._pdf.set_fill_color(*colour)
            self._pdf.rect(x - 4.5, self._y - 6, 3, 3, style="F")
            x -= 10

    def _bars(self, bars: Sequence[Bar], left: float, base: float, scale: float) -> None:
        slot = (self.width - _MARGIN - left) / len(bars)
        wide = min(slot * 0.72, 16.0)
        every = max(1, -(-len(bars) // int((self.width - left) / 15)))
        for at, one in enumerate(bars):
            x, y = left + at * slot + (slot - wide) / 2, base
            for count, colour in ((one.good, _BLUE), (one.bad, _ORANGE)):
                if count:
                    self._pdf.set_fill_color(*colour)
                    self._pdf.rect(x, y - count * scale, wide, count * scale, style="F")
                    y -= count * scale
            if at % every == 0:
                middle = left + (at + 0.5) * slot
                self._text(middle - 10, base + 1.5, 20, one.label, 7, _PALE, "C")

    def table(
        self,
        title: str,
        columns: Sequence[Column],
        rows: Sequence[Row],
        bad: Collection[str] = (),
    ) -> None:
        """A table, whose heading is on each page. `bad`: cells that say this stand out."""
        if not rows:
            return
        widths = self._widths(columns, rows)
        if self._y + 40 > self.height - _FOOT:
            self._page()
        self._heading(title)
        self._bad = bad
        self._head(columns, widths)
        for number, row in enumerate(rows):
            self._row(row, columns, widths, striped=number % 2 == 1)

    def _widths(self, columns: Sequence[Column], rows: Sequence[Row]) -> list[float]:
        """By what the first rows need: what fits into its weight takes no more than that, and what
        is left goes to the others."""
        wanted = []
        for at, one in enumerate(columns):
            cells = [self._shown(row[at]) for row in rows[:60]]
            words = [word for cell in (*cells, one.title) for word in cell.split(" ")]
            longest = max((self._measured(cell, 8) for cell in cells), default=0)
            least = min(max(self._measured(word, 8) for word in words), 42.0)
            if one.kind is not Kind.TEXT:
                least = max(longest, least)
            wanted.append((max(longest, least) + 5, least + 5))
        spare = self._inner - sum(least for _, least in wanted)
        over = sum(most - least for most, least in wanted)
        if spare <= 0:
            return [least * self._inner / (self._inner - spare) for _, least in wanted]
        share = min(1.0, spare / over) if over else 0.0
        found = [least + (most - least) * share for most, least in wanted]
        rest = (self._inner - sum(found)) / len(found)
        return [one + rest for one in found]

    def _head(self, columns: Sequence[Column], widths: Sequence[float]) -> None:
        lines = [
            self._wrapped(one.title, wide - 3, 7.5, 2)
            for one, wide in zip(columns, widths, strict=True)
        ]
        height = max(map(len, lines)) * _LINE + 2.4
        self._pdf.set_fill_color(*_BLUE)
        self._pdf.rect(_MARGIN, self._y, self._inner, height, style="F")
        self._cells(lines, columns, widths, 7.5, _WHITE)
        self._y += height

    def _row(
        self, row: Row, columns: Sequence[Column], widths: Sequence[float], *, striped: bool
    ) -> None:
        lines = [
            self._wrapped(self._shown(value), wide - 3, 8, _LINES)
            for value, wide in zip(row, widths, strict=True)
        ]
        height = max(map(len, lines)) * _LINE + 2
        if self._y + height > self.height - _FOOT - 2:
            self._page()
            self._head(columns, widths)
        if striped:
            self._pdf.set_fill_color(*_STRIPE)
            self._pdf.rect(_MARGIN, self._y, self._inner, height, style="F")
        self._cells(lines, columns, widths, 8, _INK)
        self._y += height
        self._pdf.set_draw_color(*_RULE)
        self._pdf.line(_MARGIN, self._y, self.width - _MARGIN, self._y)

    def _cells(
        self,
        lines: Sequence[Sequence[str]],
        columns: Sequence[Column],
        widths: Sequence[float],
        size: float,
        colour: tuple[int, int, int],
    ) -> None:
        x = _MARGIN
        for some, column, wide in zip(lines, columns, widths, strict=True):
            side = "R" if column.kind in (Kind.NUMBER, Kind.DECIMAL) else "L"
            ink = _ORANGE if some[0] in self._bad else colour
            for at, one in enumerate(some):
                self._text(x + 1.5, self._y + 1.2 + at * _LINE, wide - 3, one, size, ink, side)
            x += wide

    def note(self, said: str) -> None:
        """A line at the end."""
        if self._y + 10 > self.height - _FOOT:
            self._page()
        self._text(_MARGIN, self._y + 3, self._inner, said, 8, _PALE)
        self._y += 10

    def _heading(self, title: str) -> None:
        self._text(_MARGIN, self._y, self._inner, title, 11.5, _INK, bold=True)
        self._y += 8.5

    def _text(
        self,
        x: float,
        y: float,
        wide: float,
        text: str,
        size: float,
        colour: tuple[int, int, int],
        side: str = "L",
        *,
        bold: bool = False,
    ) -> None:
        """One line, cut where it does not fit. The font has one weight: what is to be bold is drawn
        with an outline."""
        pdf: Any = self._pdf
        shown = self._cut(self._known(line(text)), wide, size)
        pdf.set_font(_FAMILY, size=size)
        pdf.set_text_color(*colour)
        pdf.set_xy(x, y)
        if bold:
            pdf.set_draw_color(*colour)
            pdf.text_mode, pdf.line_width = 2, size / 140
        pdf.cell(wide, size * 0.5, shown, align=side)
        pdf.text_mode, pdf.line_width = 0, 0.2

    def _measured(self, text: str, size: float) -> float:
        """How wide it is. (The library's own measure writes into the page.)"""
        units = float(sum(self._widths_of.get(ord(one), self._unknown) for one in text))
        return units * size / 1000 * _POINT

    def _known(self, text: str) -> str:
        """The text, with a sign in the place of characters that the font does not have."""
        return "".join(one if ord(one) in self._widths_of else _UNKNOWN for one in text)

    def _cut(self, text: str, wide: float, size: float) -> str:
        if self._measured(text, size) <= wide + 0.01:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self._measured(text[:middle].rstrip() + "...", size) <= wide:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "..." if low else ""

    def _wrapped(self, text: str, wide: float, size: float, most: int) -> list[str]:
        """The text in lines; the last one is cut if there would be more than `most`."""
        lines, rest = list[str](), text
        while rest:
            if len(lines) == most - 1 or self._measured(rest, size) <= wide:
                return [*lines, self._cut(rest, wide, size)]
            fits = self._fitting(rest, wide, size)
            space = rest.rfind(" ", 1, fits + 1)
            end = space if space > 0 else fits
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
        return lines or [""]

    def _fitting(self, text: str, wide: float, size: float) -> int:
        """How many characters fit into a line; one at least."""
        low, high = 1, min(len(text), 400)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (
                (middle, high) if self._measured(text[:middle], size) <= wide else (low, middle - 1)
            )
        return low


def _step(most: int) -> int:
    """The distance of two marks: 1, 2 or 5 times a power of ten; there are three to five."""
    power = 1
    while True:
        for one in (1, 2, 5):
            if one * power * 5 >= most:
                return one * power
        power *= 10
