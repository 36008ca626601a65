"""What a change of clocks does to a run, against a walk through every minute."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence, occurrences
from shared.schedules.clock_changes import Effect, met

CHANGES = {
    "Europe/Berlin": (datetime(2027, 3, 28, 1, tzinfo=UTC), datetime(2027, 10, 31, 1, tzinfo=UTC)),
    "America/New_York": (
        datetime(2027, 3, 14, 7, tzinfo=UTC),
        datetime(2027, 11, 7, 6, tzinfo=UTC),
    ),
    "Australia/Lord_Howe": (  # half an hour
        datetime(2027, 10, 2, 15, 30, tzinfo=UTC),
        datetime(2027, 4, 3, 15, tzinfo=UTC),
    ),
}
MINUTE = timedelta(minutes=1)
SPAN = timedelta(hours=9)


@pytest.mark.parametrize("zone", CHANGES)
@settings(max_examples=40, deadline=None)
@given(
    minute=st.sampled_from(["0", "15", "30", "5,45", "*/20"]),
    hour=st.sampled_from(["*", "*/2", "1", "2", "3", "1-3"]),
    back=st.booleans(),
)
def test_each_run_is_marked_as_a_walk_says(zone: str, minute: str, hour: str, back: bool) -> None:
    change = CHANGES[zone][back]
    recurrence = Recurrence(
        frequency=Frequency.CRON, cron_expression=f"{minute} {hour} * * *", timezone=zone
    )
    fixed = not (minute.startswith("*") or hour.startswith("*"))
    begin, end = change - SPAN, change + SPAN
    shown = Counter(_walls(zone, begin, end))
    before = begin
    for run in occurrences(recurrence, begin, end):
        mark = met(recurrence, before, run)
        told = None if mark is None else (mark.effect, set(mark.walls))
        assert told == _expected(recurrence, shown, change, before, run, fixed=fixed, back=back)
        assert mark is None or mark.at == change
        before = run


def _walls(zone: str, begin: datetime, end: datetime) -> list[datetime]:
    return [
        (begin + k * MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
        for k in range((end - begin) // MINUTE)
    ]


def _expected(
    recurrence: Recurrence,
    shown: Counter[datetime],
    change: datetime,
    before: datetime,
    run: datetime,
    *,
    fixed: bool,
    back: bool,
) -> tuple[Effect, set[datetime]] | None:
    wall = run.astimezone(ZoneInfo(recurrence.timezone)).replace(tzinfo=None, fold=0)
    if back:
        if shown[wall] < 2:
            return None
        return (Effect.ONCE if fixed else Effect.DOUBLED), {wall}
    utc = Recurrence(frequency=Frequency.CRON, cron_expression=recurrence.cron_expression)
    day = wall.replace(hour=0, minute=0, tzinfo=UTC)
    named = occurrences(utc, day - timedelta(days=1, seconds=1), day + timedelta(days=2))
    first, last = min(shown), max(shown)
    skipped = {at.replace(tzinfo=None) for at in named}
    skipped = {at for at in skipped if first < at < last and not shown[at]}
    if not skipped:
        return None
    if fixed:
        return (Effect.MOVED, skipped) if run == change else None
    return (Effect.DROPPED, skipped) if before < change <= run else None
