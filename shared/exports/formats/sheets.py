"""Sheets of paper, one after the other: their edges, their titles, and what is drawn on them: lines
of text, boxes and rules. All sizes are millimetres, but those of letters, which are points."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.exports.formats.lettering import Lettering
from shared.exports.safe import line

if TYPE_CHECKING:
    from fpdf import FPDF

Colour = tuple[int, int, int]

A4 = (210.0, 297.0)
MARGIN, _FOOT = 15.0, 14.0
INK, PALE, BLUE, ORANGE = (29, 39, 51), (86, 99, 115), (31, 95, 168), (194, 65, 12)
RULE = (221, 228, 236)
WHITE = (255, 255, 255)
_FONT = Path(__file__).parents[2] / "charts" / "font" / "DejaVuSans.ttf"
_FAMILY = "DejaVu"


class Sheets:
    """A document that grows from top to bottom. `y`: where it goes on, on the last sheet."""

    def __init__(
        self, size: Sequence[float], *, title: str, about: str, foot: str, created: datetime
    ) -> None:
        self.width, self.height = size
        self.y = 0.0
        self._title = title
        self._about = about
        self._foot = foot
        self._pdf = self._begun(created)
        font: Any = self._pdf.fonts[_FAMILY.lower()]
        self.lettering = Lettering({code: font.cw[code] for code in font.cmap})

    def _begun(self, created: datetime) -> FPDF:
        from fpdf import FPDF

        made = FPDF(unit="mm", format=(self.width, self.height))
        made.set_creation_date(created.astimezone(UTC).replace(microsecond=0))
        made.set_auto_page_break(auto=False)
        made.set_margins(MARGIN, MARGIN, MARGIN)
        made.c_margin = 0
        made.add_font(_FAMILY, fname=_FONT)
        made.set_producer("Belfry")
        made.set_title(line(self._title))
        made.set_lang("en")
        return made

    @property
    def inner(self) -> float:
        """Between the margins."""
        return self.width - 2 * MARGIN

    def fits(self, height: float, spare: float = 0) -> bool:
        """Whether so much fits on this sheet, with something to spare above its foot."""
        return self.y + height <= self.height - _FOOT - spare

    def opening(self) -> None:
        """The first sheet, with the title."""
        self._pdf.add_page()
        self.box(0, 0, self.width, 31, BLUE)
        self.text(MARGIN, 7.5, self.inner, self._title, 20, WHITE, bold=True)
        self.text(MARGIN, 19.5, self.inner, self._about, 9.5, WHITE)
        self.y = 38.0

    def further(self) -> None:
        """A further sheet, with the title small."""
        self._pdf.add_page()
        half = self.inner / 2
        self.text(MARGIN, 9, half, self._title, 8, PALE)
        self.text(MARGIN + half, 9, half, self._about, 8, PALE, "R")
        self.rule(MARGIN, 14, BLUE)
        self.y = 20.0

    def file(self) -> bytes:
        """The document; its sheets are numbered now."""
        pdf, pages = self._pdf, len(self._pdf.pages)
        for number in range(1, pages + 1):
            pdf.page = number
            y = self.height - _FOOT + 3
            self.rule(MARGIN, y - 2, RULE)
            self.text(MARGIN, y, self.inner - 30, self._foot, 7.5, PALE)
            said = f"Page {number} of {pages}"
            self.text(self.width - MARGIN - 30, y, 30, said, 7.5, PALE, "R")
        return bytes(pdf.output())

    def box(
        self, x: float, y: float, wide: float, high: float, colour: Colour, *, corners: float = 0
    ) -> None:
        """A filled box. `corners`: the radius of its corners."""
        self._pdf.set_fill_color(*colour)
        self._pdf.rect(
            x, y, wide, high, style="F", round_corners=bool(corners), corner_radius=corners
        )

    def rule(self, x: float, y: float, colour: Colour) -> None:
        """A line from there to the right margin."""
        self._pdf.set_draw_color(*colour)
        self._pdf.line(x, y, self.width - MARGIN, y)

    def text(
        self,
        x: float,
        y: float,
        wide: float,
        text: str,
        size: float,
        colour: Colour,
        side: str = "L",
        *,
        bold: bool = False,
    ) -> None:
        """One line, cut where it does not fit. The font has one weight: what is to be bold is drawn
        with an outline."""
        pdf: Any = self._pdf
        shown = self.lettering.cut(self.lettering.known(line(text)), wide, size)
        pdf.set_font(_FAMILY, size=size)
        pdf.set_text_color(*colour)
        pdf.set_xy(x, y)
        if bold:
            pdf.set_draw_color(*colour)
            pdf.text_mode, pdf.line_width = 2, size / 140
        pdf.cell(wide, size * 0.5, shown, align=side)
        pdf.text_mode, pdf.line_width = 0, 0.2
