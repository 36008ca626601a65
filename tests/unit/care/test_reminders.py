"""When reminders are due, for any zone, start and set of run times; recomputed by a search through
the minutes of the day before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from shared.care.rules.reminders import (
    DAY_AHEAD,
    HOURS_AHEAD,
    LEADS,
    Lead,
    Run,
    due_at,
    is_due,
    starts,
    useful_until,
)
from shared.recurrence.zone import changes

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ZONES = (
    *("Europe/Warsaw", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"),
    *("Asia/Kathmandu", "America/Sao_Paulo", "Africa/Casablanca", "Antarctica/Troll"),
)
CHANGES = {
    name: [
        one.at
        for one in changes(
            ZoneInfo(name), datetime(2009, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
        )
    ]
    for name in ZONES
}


@st.composite
def places(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """(a zone, a start in whole minutes), most of them close to a change of clocks."""
    name = draw(st.sampled_from(ZONES))
    near = CHANGES[name] or [datetime(2026, 11, 25, tzinfo=UTC)]
    start = draw(st.sampled_from(near)) + MINUTE * draw(st.integers(-60, 2 * 1440))
    return ZoneInfo(name), start.replace(second=0, microsecond=0)


def recomputed(lead: Lead, start: datetime, zone: ZoneInfo) -> datetime:
    """The first minute at which the clock shows the time of the start, a day before, or later."""
    if lead is HOURS_AHEAD:
        return start - 2 * HOUR
    wanted = start.astimezone(zone).replace(tzinfo=None, fold=0) - DAY
    minute = start - 30 * HOUR
    while minute.astimezone(zone).replace(tzinfo=None, fold=0) < wanted:
        minute += MINUTE
    return minute


@given(places())
@example((ZoneInfo("Pacific/Apia"), datetime(2011, 12, 30, 20, tzinfo=UTC)))  # after no day at all
def test_a_reminder_is_due_at_the_same_wall_time_a_day_before(
    place: tuple[ZoneInfo, datetime],
) -> None:
    zone, start = place
    for lead in LEADS:
        assert due_at(lead, start, zone) == recomputed(lead, start, zone)


@given(
    places(),
    st.sampled_from(LEADS),
    st.lists(st.integers(-30 * 60, 60), max_size=8),
    st.none() | st.integers(-40 * 60, 0),
    st.integers(0, 90),
)
def test_each_appointment_is_reminded_of_once_if_any_run_came_in_time(
    place: tuple[ZoneInfo, datetime], lead: Lead, runs: Sequence[int], booked: int | None, late: int
) -> None:
    """Runs at any minutes: late, missed, doubled, out of order."""
    zone, start = place
    booked_at = None if booked is None else start + booked * MINUTE
    times = [start + minutes * MINUTE for minutes in runs]
    sent: set[datetime] = set()
    for at in times:
        run = Run(due_at=at, now=at + late * MINUTE)
        first, last = starts(lead, run)
        if first < start <= last and is_due(lead, start, booked_at, run, zone):
            sent.add(start)
    due = recomputed(lead, start, zone)
    latest = start - lead.useless_before - late * MINUTE
    wanted = any(due <= at < latest for at in times)
    in_time = booked_at is None or booked_at <= due
    assert bool(sent) == (wanted and in_time)


@given(places(), st.integers(-30 * 60, 60))
def test_at_no_time_are_both_reminders_due(place: tuple[ZoneInfo, datetime], minutes: int) -> None:
    zone, start = place
    now = start + minutes * MINUTE
    run = Run(due_at=now, now=now)
    assert not all(is_due(lead, start, None, run, zone) for lead in LEADS)


def test_between_the_two_there_is_time() -> None:
    """Also if the first came as late as it can."""
    start = datetime(2026, 11, 25, 12, tzinfo=UTC)
    latest = useful_until(DAY_AHEAD, start)
    assert due_at(HOURS_AHEAD, start, ZoneInfo("UTC")) - latest == 2 * HOUR
