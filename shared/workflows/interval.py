"""When a workflow runs by its `interval_minutes` (O1): a pure function of (workflow, now).

Slots are counted from the last one, so runs do not drift by the time that it takes to start them.
After an outage there is one run for all slots that passed, and the next slot is the one that would
have been next without the outage.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class ScheduleConfig:
    """How often a workflow runs by itself."""

    enabled: bool = False
    interval_minutes: int = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """Whether a workflow is to run."""

    due: datetime | None
    """The slot that is due now, by which the run is named; None: none is."""
    next_at: datetime | None
    """When it runs next, if not now; None: not by itself."""


def timing(
    config: ScheduleConfig, *, is_active: bool, last_run_at: datetime | None, now: datetime
) -> Timing:
    """Whether it is to run now, and when next. `last_run_at`: its last slot; None: it never ran, so
    it runs at once."""
    if not (is_active and config.enabled):
        return Timing(due=None, next_at=None)
    every = timedelta(minutes=config.interval_minutes)
    if last_run_at is None:
        return Timing(due=now, next_at=now + every)
    passed = (now - last_run_at) // every
    latest = last_run_at + max(passed, 0) * every
    return Timing(due=latest if passed >= 1 else None, next_at=latest + every)
