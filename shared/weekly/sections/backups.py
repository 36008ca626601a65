"""How backups stand: those that were taken in the week, and the last good one of each database now.
It takes one look at the destinations, as `GET /api/v1/backups` does.

Backups that retention removed meanwhile are not counted any more, so a week before is as its own
report said, and not counted again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from shared.weekly.figures import Values
from shared.weekly.port import Said
from shared.weekly.week import Week

if TYPE_CHECKING:
    from shared.backups.service import Backups as Service
    from shared.backups.status.recovery import Standing
    from shared.backups.store.entries import Backup

_NO_PLAN = "There is no backup plan."


class Backups:
    """The section."""

    name = "backups"

    def __init__(self, service: Callable[[], Service]) -> None:
        self._service = service

    def say(self, weeks: Sequence[Week], check: Callable[[], None]) -> Said:
        """As the port says."""
        check()
        service, week = self._service(), weeks[-1]
        found, plans = service.look(), service.plans().lasting
        check()
        if not plans and not found.backups:
            return Said(weeks={}, note=_NO_PLAN)
        taken = [one for one in found.backups if week.since <= at(one) < week.until]
        said = ", ".join(sorted(found.away))
        note = f"These destinations did not answer, so their backups are missing: {said}."
        standings = service.standings(found, plans)
        return Said(weeks={week: values(taken, standings)}, note=note if said else None)


def at(one: Backup) -> datetime:
    return one.summary.started_at


def values(taken: Iterable[Backup], standings: Iterable[Standing]) -> Values:
    """The figures: of backups that were taken, and of how each database stands. Pure."""
    backups, stand = list(taken), list(standings)
    proved = sum(1 for one in backups if one.good)
    ages = [one.age_seconds for one in stand if one.age_seconds is not None and not one.gone_at]
    return {
        "backups.taken": len(backups),
        "backups.proved": proved,
        "backups.unproved": len(backups) - proved,
        "backups.missing": sum(1 for one in stand if one.too_old),
        "backups.oldest_good_hours": round(max(ages) / 3600, 1) if ages else None,
    }
