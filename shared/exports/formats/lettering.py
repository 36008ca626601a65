"""How wide a text is in a font, and where it is cut or goes on in the next line. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_UNKNOWN = "\ufffd"
_POINT = 25.4 / 72


class Lettering:
    """A font. Sizes are points, widths are millimetres."""

    def __init__(self, widths: Mapping[int, float]) -> None:
        """`widths`: of each character that the font has, in thousandths of its size."""
        self._widths_of = widths
        self._unknown = widths[ord(_UNKNOWN)]

    def measured(self, text: str, size: float) -> float:
        """How wide it is. (fpdf2's own measure writes into the page.)"""
        units = float(sum(self._widths_of.get(ord(one), self._unknown) for one in text))
        return units * size / 1000 * _POINT

    def known(self, text: str) -> str:
        """The text, with a sign in the place of characters that the font does not have."""
        return "".join(one if ord(one) in self._widths_of else _UNKNOWN for one in text)

    def cut(self, text: str, wide: float, size: float) -> str:
        if self.measured(text, size) <= wide + 0.01:
            return text
        low, high = 0, len(text)
        while low < high:
            middle = (low + high + 1) // 2
            if self.measured(text[:middle].rstrip() + "...", size) <= wide:
                low = middle
            else:
                high = middle - 1
        return text[:low].rstrip() + "..." if low else ""

    def wrapped(self, text: str, wide: float, size: float, most: int) -> list[str]:
        """The text in lines; the last one is cut if there would be more than `most`."""
        lines, rest = list[str](), text
        while rest:
            if len(lines) == most - 1 or self.measured(rest, size) <= wide:
                return [*lines, self.cut(rest, wide, size)]
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
                (middle, high) if self.measured(text[:middle], size) <= wide else (low, middle - 1)
            )
        return low
