"""How a storm ends: every schedule is turned off, what is left settles, and what each owed is
worked out anew."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from shared.app import App
from shared.errors import BelfryError, Conflict, NotFound
from shared.recurrence import next_run
from shared.schedules.model import Schedule
from tests.soak.tasks import UPKEEP
from tests.soak.verdict import Rows

_SETTLING = 75.0


def settles(good: Callable[[], bool]) -> bool:
    """Whether it becomes good in time."""
    until = time.monotonic() + _SETTLING
    while time.monotonic() < until:
        try:
            if good():
                return True
        except BelfryError:
            pass
        time.sleep(0.5)
    return False


def freeze(calm: App) -> dict[str, Schedule]:
    """Turn every schedule off; what each was then."""
    found: dict[str, Schedule] = {}

    def off(one: Schedule) -> None:
        try:
            found[one.id] = calm.manager.enable(one.id, False)
        except (NotFound, Conflict):  # deleted; or its rows are at odds, which will be found
            found[one.id] = one

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(off, [one for one in calm.table.schedules() if one.id not in UPKEEP]))
    return found


def lost(rows: Rows, frozen: dict[str, Schedule], ids: Iterable[str]) -> list[str]:
    """Occurrences without a job, of schedules that nobody changed. `frozen`: what they were at the
    end."""
    missing: list[str] = []
    for one in ids:
        schedule = rows.schedules[one]
        if schedule.policy.max_runs is None and not frozen[one].progress.paused_reason:
            missing += rows.missing(schedule, _due(frozen[one]))
    return missing


def _due(schedule: Schedule) -> list[datetime]:
    """What a schedule that nobody changed owes until it was turned off, worked out anew."""
    due: list[datetime] = []
    at = next_run(schedule.definition.recurrence, schedule.created_at)
    while at is not None and at < schedule.updated_at:
        due.append(at)
        at = next_run(schedule.definition.recurrence, at)
    return due
