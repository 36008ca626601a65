"""What is usual of a number that each run gives (N12): (values of the runs before) -> band.

The band is made of the median and of the median absolute deviation (MAD) of either side, since runs
often last much longer than usual, and seldom much shorter (double MAD; Rosenmai 2013). A value is
unusual only if all of this is so:

- it is `WIDTH` deviations from the median, by ratio (in logarithms); above it, also by difference;
- it is twice the largest value that was seen, or half the smallest;
- there were at least `FEWEST` runs before.

So a value that was seen before is never unusual, a MAD of 0 needs no rule of its own, and a counter
that grows is not unusual until it jumps. Once there were `SEASON` runs on the same weekday, each on
a day of its own, a run must also be usual among those.

A level that shifts is unusual for `SHIFT` runs; then it is the new normal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from shared.schedules.learned import mad, median

Number: TypeAlias = "int | float"

FEWEST = 20
"""Of fewer runs nothing is said."""
WINDOW = 200
"""How many runs before are compared with."""
SEASON = 8
SHIFT = 5
WIDTH = 8.0
_DEVIATION = 1.4826
"""MADs in a standard deviation, if values are normal (Rousseeuw and Croux 1993)."""
_RATIO = 2.0
_FEW_COUNTS = 4
"""Standard deviations of a count: 0 is not unusual where 3 is usual."""
_EVENTS = 10
_LEAST_LOG = 0.05
"""The least deviation by ratio: 5 %."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scale:
    """Which differences say nothing."""

    small: float
    """When values are near 0."""
    above: float = 0.0
    """Above what is usual."""
    below: float = 0.0


COUNTS = Scale(small=1.0)
SECONDS = Scale(small=0.05, above=60.0, below=1.0)
"""Of run times: a cold start, and what is over in no time anyway, are no news."""


@dataclass(frozen=True, slots=True)
class Value:
    """What one run gave."""

    day: date
    """On which the run was due, in its schedule's zone."""
    number: Number


@dataclass(frozen=True, kw_only=True, slots=True)
class Band:
    """What is usual."""

    median: float
    low: float
    """Less than that is unusual."""
    high: float
    """More than that is unusual; infinite, if no number is."""
    runs: int
    """How many it was learned from."""
    weekday: int | None = None
    """Monday is 0: runs of that weekday are apart; None: all days are alike."""

    def holds(self, number: Number) -> bool:
        """Whether that is usual."""
        return self.low <= number <= self.high


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The last run's value, and what was usual before it."""

    number: Number
    band: Band | None
    """None: there were too few runs."""

    @property
    def unusual(self) -> bool:
        return self.band is not None and not self.band.holds(self.number)


def judge(values: Sequence[Value], scale: Scale = COUNTS) -> Judged | None:
    """The last of the values (oldest first) against those before it; None if there is none.

    Unusual values right before it do not count as usual, until there are `SHIFT` of them in a row.
    """
    recent = 2 * SHIFT
    usual = list(values[:-recent])
    odd: list[Value] = []
    judged: Judged | None = None
    for value in values[-recent:]:
        judged = Judged(number=value.number, band=band(usual, value.day, scale))
        odd.append(value)
        if not judged.unusual or len(odd) >= SHIFT:
            usual += odd
            odd = []
    return judged


def band(before: Sequence[Value], day: date, scale: Scale = COUNTS) -> Band | None:
    """What is usual of a run on that day, by those before; None if they are too few."""
    before = before[-WINDOW:]
    if len(before) < FEWEST:
        return None
    low, high, middle = _limits([one.number for one in before], scale)
    same = _same_weekday(before, day)
    if len({one.day for one in same}) < SEASON or _shifted(before, scale):
        return Band(median=middle, low=low, high=high, runs=len(before))
    least, most, middle = _limits([one.number for one in same], scale)
    return Band(
        median=middle,
        low=max(low, least),
        high=min(high, most),
        runs=len(same),
        weekday=day.weekday(),
    )


def _same_weekday(values: Sequence[Value], day: date) -> list[Value]:
    return [one for one in values if one.day.weekday() == day.weekday()]


def _shifted(before: Sequence[Value], scale: Scale) -> bool:
    """Whether none of the last runs was as usual on its weekday: then weekdays say nothing, until
    each has been seen again."""
    for value in before[-SHIFT:]:
        same = [one.number for one in _same_weekday(before[:-SHIFT], value.day)]
        low, high, _ = _limits(same or [value.number], scale)
        if low <= value.number <= high:
            return False
    return True


def _limits(numbers: Sequence[Number], scale: Scale) -> tuple[float, float, float]:
    """(lowest, highest usual value, median)."""
    middle, small = _middle(numbers), scale.small
    least, most = min(numbers), max(numbers)
    if least < 0:  # ratios mean nothing: only what is far outside of all that was seen
        far = max(most - least, WIDTH * _DEVIATION * _stray(numbers), _RATIO * abs(middle), small)
        return least - far, most + far, middle
    width = WIDTH * _caution(len(numbers))
    logs = [math.log(one + small) for one in numbers]
    center = _middle(logs)
    below, above = (width * max(_LEAST_LOG, _spread(logs, center, side)) for side in (-1, 1))
    counted = math.sqrt(middle * small)  # a count's own noise (Poisson), in units of `small`
    low = min(least / _RATIO, math.exp(center - below) - small)
    if least != most:
        low = min(low, middle - _FEW_COUNTS * counted)
    by_ratio = math.exp(min(center + above, 700.0)) - small
    deviation = max(_DEVIATION * _stray(numbers), counted, small)
    by_difference = middle + width * deviation
    high = max(_RATIO * most, by_ratio, by_difference, middle + scale.above)
    if sum(one > 0 for one in numbers) < _EVENTS:
        high = math.inf  # it was nearly always 0: nobody knows how much is much
    return min(low, middle - scale.below), high, middle


def _spread(logs: Sequence[float], center: float, side: int) -> float:
    """The standard deviation of one side, by its MAD."""
    of_side = [abs(one - center) for one in logs if (one - center) * side >= 0]
    return _DEVIATION * _middle(of_side)


def _caution(runs: int) -> float:
    """How much wider a band of few runs is: their MAD may be small by chance."""
    return 1 + 8 / runs


def _middle(numbers: Sequence[Number]) -> float:
    return median(numbers) or 0.0


def _stray(numbers: Sequence[Number]) -> float:
    return mad(numbers) or 0.0
