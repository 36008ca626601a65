"""A schedule of the bench owes one occurrence and no other, at whatever hour the bench runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bench.belfry.world import schedules
from shared.engine.dispatch.tick import LOOK_AHEAD
from shared.schedules.plan import plan
from shared.storage.tables.changes import Change, operations

DAYS = (
    datetime(2026, 3, 29, tzinfo=UTC),  # Berlin's clocks go forward at 01:00
    datetime(2026, 10, 25, tzinfo=UTC),  # and back at 01:00
    datetime(2026, 11, 29, tzinfo=UTC),
)
HALF_HOURS = range(48)


@pytest.mark.parametrize("day", DAYS, ids=lambda day: f"{day:%d %b}")
@pytest.mark.parametrize("half_hour", HALF_HOURS)
def test_one_run_is_due_and_the_next_is_hours_away(day: datetime, half_hour: int) -> None:
    now = day + half_hour * timedelta(minutes=30)
    for late in (timedelta(hours=2), timedelta(hours=1), timedelta()):
        (schedule,) = schedules(1, (now - late).timestamp())
        made = plan(schedule, now, now + LOOK_AHEAD)
        assert len(made.start) == 1 and not made.recorded
        assert made.after.progress.next_run_at is not None
        assert made.after.progress.next_run_at - now > timedelta(hours=8)
        change = Change(made.before, made.after, made.recorded, made.versions)
        assert len(list(operations(change, "mark", now))) == 3, "the tick's writes of a run"
