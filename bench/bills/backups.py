"""What a plan's backups take up in the end: daily ones kept for 30 days, weekly ones of which 30
are kept, by the defaults of infra/main.bicep for tiers and soft delete."""

from __future__ import annotations

from dataclasses import dataclass

DAILY_DAYS = 30
WEEKLY_KEPT = 30
COOL_AFTER, COLD_AFTER = 45, 120
SOFT_DELETE_DAYS = 30
_MONTH = 730 / 24
_BLOCK = 4 * 1024 * 1024 / 1e9
"""GB of a request, written or read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """GB in each tier at any time, and what a month adds."""

    hot: float
    cool: float
    cold: float
    deleted: float
    """Of all these, what was deleted and can be brought back."""
    new: float
    """GB a month."""
    blocks: float
    """Requests a month to write that, and as many to read it back."""


def kept(size: float) -> Kept:
    """Of backups of so many GB each."""
    tiers = [0.0, 0.0, 0.0]
    ages = [float(age) for age in range(DAILY_DAYS + SOFT_DELETE_DAYS)]
    weekly_days = WEEKLY_KEPT * 7
    for age in ages:
        # A deleted blob stays in the tier in which it was.
        tiers[_tier(min(age, DAILY_DAYS))] += size
    for week in range((weekly_days + SOFT_DELETE_DAYS) // 7):
        tiers[_tier(min(week * 7, weekly_days))] += size
    a_month = size * _MONTH * (1 + 1 / 7)
    deleted = size * (SOFT_DELETE_DAYS + SOFT_DELETE_DAYS / 7)
    return Kept(
        hot=tiers[0],
        cool=tiers[1],
        cold=tiers[2],
        deleted=deleted,
        new=a_month,
        blocks=a_month / _BLOCK,
    )


def _tier(age: float) -> int:
    return 0 if age <= COOL_AFTER else 1 if age <= COLD_AFTER else 2
