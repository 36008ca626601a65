"""Whether too many runs of workflows fail: a pure function of counts (O11).

The last 24 hours decide, if at least `ENOUGH` runs ended in them; else the last seven days, if so
many did. So a bad day is over a day later, and few runs are judged by more of them. Where there are
too few in both, nothing is wrong that a rate could say.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

PERCENT = 5
ENOUGH = 20
DAY, WEEK = timedelta(hours=24), timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Rate:
    """What ended in a span."""

    hours: int
    ended: int
    failed: int

    @property
    def percent(self) -> float:
        return round(100 * self.failed / self.ended, 2) if self.ended else 0.0

    @property
    def above(self) -> bool:
        """Whether it is above the bound, without the error of a division."""
        return 100 * self.failed > PERCENT * self.ended

    def __str__(self) -> str:
        return (
            f"{self.failed:,} of {self.ended:,} runs of workflows failed in the last "
            f"{self.hours} hours ({self.percent:g} %; the bound is {PERCENT} %)"
        )


def judged(day: Rate, week: Rate) -> Rate | None:
    """The rate that decides; None: too few runs ended."""
    return next((one for one in (day, week) if one.ended >= ENOUGH), None)
