"""Charts: drawn once as SVG, by pure functions of values; for mail, turned into PNG.

`drawing.svg` draws, `picture.png` turns it into a picture with the font in `font`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each label of a chart."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Two series over the same days: one as bars, one as a line, so that they differ without
    colours."""

    id: str
    """Of letters, digits and hyphens; unique on a page."""
    title: str
    description: str
    """Says the numbers, for those who do not see the picture."""
    labels: Sequence[str]
    bars: Series
    line: Series
    write: Callable[[int], str]
    """How a value is written at the axis."""
    unit: int = 1
    """The axis has marks at multiples of it only: 100 for whole units of an amount in cents."""
