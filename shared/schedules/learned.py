"""What the runs before teach: a usual value, how far values stray from it, and a quantile."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

RUNS = 50
"""How many of the latest runs count: enough for a p95, few enough to follow a change."""
LONG = 0.95
"""The quantile that stands for how long a run takes (C16)."""


def quantile(values: Iterable[float], share: float) -> float | None:
    """The smallest of the values that at least `share` (above 0, at most 1) of them do not exceed;
    None without values. The nearest rank: always a value that was there."""
    if not 0 < share <= 1:
        raise ValueError(f"a share is above 0 and at most 1, not {share}")
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[math.ceil(round(share * len(ordered), 9)) - 1]


def median(values: Iterable[float]) -> float | None:
    """The middle value, or the mean of the two middle ones; None without values."""
    ordered = sorted(values)
    return _middle(ordered) if ordered else None


def mad(values: Iterable[float]) -> float | None:
    """The median of the distances from the median (not scaled); None without values."""
    kept = list(values)
    middle = median(kept)
    return None if middle is None else median(abs(value - middle) for value in kept)


def _middle(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[half]
    return ordered[half - 1] + (ordered[half] - ordered[half - 1]) / 2
