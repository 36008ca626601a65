"""A week's figures beside those of the weeks before: a pure function of values by week.

1. The mean is that of the four weeks before, as far as they are known: a week that nobody counted
   is left out, and does not count as zero.
2. A change is in percent of what is compared with; against zero or nothing there is none.
3. A figure that this week does not have, and weeks before had, is shown without a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction

from shared.weekly import figures
from shared.weekly.figures import Number, Unit, Values
from shared.weekly.model import Figure
from shared.weekly.week import Week

BEFORE = 4
"""How many weeks before are compared with."""


def weeks_of(week: Week) -> list[Week]:
    """The week and those that it is compared with, the oldest first."""
    return [week.before(number) for number in range(BEFORE, -1, -1)]


def compared(values: Mapping[Week, Values], week: Week) -> list[Figure]:
    """The week's figures, in the order of the catalog. Raises `KeyError` for one that is not in
    it."""
    weeks = weeks_of(week)
    names = {name for one in weeks for name in values.get(one, {})}
    rows = {name: [values.get(one, {}).get(name) for one in weeks] for name in names}
    return [figure(name, rows[name]) for name in sorted(names, key=figures.place)]


def figure(name: str, row: Sequence[Number | None]) -> Figure:
    """A figure by its values, the oldest first."""
    *before, value = row
    known = [one for one in before if one is not None]
    last = before[-1] if before else None
    mean = mean_of(known)
    return Figure(
        name=name,
        title=figures.titled(name),
        unit=figures.unit(name).value,
        value=value,
        last_week=last,
        mean=round(mean) if mean is not None and figures.unit(name) is Unit.MONEY else mean,
        mean_of=len(known),
        change_percent=changed(value, last),
        against_mean_percent=changed(value, mean),
        weeks=tuple(row),
    )


def mean_of(known: Sequence[Number]) -> float | None:
    """To a hundredth; None of nothing."""
    if not known:
        return None
    return float(round(sum(map(Fraction, known), Fraction()) / len(known), 2))


def changed(value: Number | None, base: Number | None) -> float | None:
    """By how much percent a value is above `base`; below a negative base counts as less."""
    if value is None or not base:
        return None
    return round(100 * (value - base) / abs(base), 1)
