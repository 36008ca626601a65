"""Calendars against an oracle: every run is looked at by itself, slowly, and every zone is asked
minute by minute. It shares no code with the product but the runs without calendars."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import (
    Blackout,
    Calendar,
    CalendarRule,
    DayOff,
    Frequency,
    Observance,
    Recurrence,
    count_runs,
    last_run,
    ncrontab,
    next_run,
    occurrences,
)
from shared.recurrence.calendar import merged
from tests.unit.recurrence.reference import utc

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
BEGIN = date(2026, 3, 10)
"""Around it lie the changes of New York (8 March), Berlin (29 March) and Lord Howe (5 April)."""
FIRST, LAST = date(2026, 2, 2), date(2026, 5, 31)
WEEK = ((540, 1020),)
OFFICE = (WEEK, WEEK, WEEK, WEEK, ((540, 720),), (), ())
WEEKDAYS = (((0, 1440),),) * 5 + ((), ())


def calendar(
    days: Sequence[date] = (),
    blackouts: Sequence[tuple[datetime, datetime]] = (),
    hours: tuple[tuple[tuple[int, int], ...], ...] = (),
    timezone: str = "",
) -> Calendar:
    return Calendar(
        id="c1",
        name="closed",
        version=1,
        timezone=timezone,
        days=tuple(DayOff(day, "a holiday") for day in sorted(set(days))),
        blackouts=merged([Blackout(*span, "a move") for span in blackouts]),
        hours=hours,
    )


def cron(expression: str, timezone: str = "UTC", **more: datetime) -> Recurrence:
    return Recurrence(
        frequency=Frequency.CRON, cron_expression=expression, timezone=timezone, **more
    )


def observing(when: Recurrence, rule: str, *calendars: Calendar) -> Recurrence:
    return replace(when, calendar=Observance(rule=CalendarRule(rule), calendars=calendars))


@functools.cache
def minutes(zone: str) -> dict[datetime, datetime]:
    """By each wall time of the minutes around: when clocks first show it."""
    found: dict[datetime, datetime] = {}
    at = datetime(2026, 2, 1, tzinfo=UTC)
    while at < datetime(2026, 6, 1, tzinfo=UTC):
        found.setdefault(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0), at)
        at += MINUTE
    return found


def why_closed(found: Calendar, at: datetime, zone: str) -> str:
    """`moves` (a day off, a blackout), `stays` (outside the hours), or nothing: open."""
    wall = at.astimezone(ZoneInfo(found.timezone or zone)).replace(tzinfo=None, fold=0)
    hours = found.hours[wall.weekday()] if found.hours else ((0, 1440),)
    if not hours or any(off.day == wall.date() for off in found.days):
        return "moves"
    if any(one.begin <= wall < one.end for one in found.blackouts):
        return "moves"
    minute = wall.hour * 60 + wall.minute
    return "" if any(first <= minute < last for first, last in hours) else "stays"


def why(when: Recurrence, at: datetime) -> str:
    assert when.calendar is not None
    found = {why_closed(one, at, when.timezone) for one in when.calendar.calendars}
    return "moves" if "moves" in found else "stays" if "stays" in found else ""


def placed(when: Recurrence, run: datetime) -> datetime | None:
    assert when.calendar is not None
    said = why(when, run)
    if said == "" or said == "stays" or when.calendar.rule is CalendarRule.SKIP:
        return run if said == "" else None
    step = DAY if when.calendar.rule is CalendarRule.NEXT else -DAY
    wall = run.astimezone(ZoneInfo(when.timezone)).replace(tzinfo=None, fold=0)
    second = timedelta(seconds=wall.second)
    table = minutes(when.timezone)
    while FIRST < (wall := wall + step).date() < LAST:
        later = wall - second
        gap = later not in table
        while later not in table:
            later += MINUTE
        at = table[later] + (timedelta() if gap else second)
        there = why(when, at)
        if there != "moves":
            dropped = there == "stays" or (gap and follows_elapsed(when))
            return None if dropped else at
    raise AssertionError("the table of minutes is too short")


def follows_elapsed(when: Recurrence) -> bool:
    if when.cron_expression is not None:
        first, second, *_ = when.cron_expression.split()
        return first.startswith("*") or second.startswith("*")
    return when.interval_seconds is not None and when.interval_seconds < 86400


def by_hand(when: Recurrence, after: datetime, until: datetime) -> list[datetime]:
    """The occurrences of a span, from every run for weeks around it."""
    plain = replace(when, calendar=None)
    found = {placed(when, run) for run in occurrences(plain, after - 25 * DAY, until + 25 * DAY)}
    begin, end = when.start_time or after, when.end_time or until
    return sorted(at for at in found if at and after < at <= until and begin <= at <= end)


ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
DAYS = st.lists(st.integers(-3, 40).map(lambda n: BEGIN + n * DAY), max_size=14)
WALLS = st.integers(0, 40 * 96).map(lambda n: datetime.combine(BEGIN, time()) + n * 15 * MINUTE)
SPANS = st.tuples(WALLS, st.integers(1, 400)).map(
    lambda one: (one[0], one[0] + one[1] * 15 * MINUTE)
)
HOURS = st.sampled_from([(), OFFICE, WEEKDAYS])
CALENDARS = st.builds(
    calendar,
    days=DAYS,
    blackouts=st.lists(SPANS, max_size=3),
    hours=HOURS,
    timezone=st.just("") | ZONES,
)
EXPRESSIONS = st.sampled_from(
    [
        *("0 3 * * *", "30 2 * * *", "0 10 * * 6", "30 1,2 * * 0", "0 0 1,15 * *", "15 11 * * 5"),
        *("0 * * * 0", "*/30 9-11 * * 6", "0 12 29,30,31 * *", "0 */6 * * *", "20 2 * * 1-3"),
    ]
)
EVERY = st.sampled_from([3600, 7 * 3600, 86400, 90000, 7 * 86400, 1800, 5430])
AFTER = st.integers(0, 30 * 1440).map(lambda n: utc(f"{BEGIN} 00:00") + n * MINUTE)


@st.composite
def recurrences(draw: st.DrawFn) -> Recurrence:
    zone = draw(ZONES)
    start = draw(st.none() | AFTER)
    end = (
        None
        if start is None
        else draw(st.none() | st.integers(1, 25).map(lambda n: start + n * DAY))
    )
    if draw(st.booleans()):
        return cron(draw(EXPRESSIONS), zone, **{"start_time": start, "end_time": end})  # type: ignore[arg-type]
    return Recurrence(
        frequency=Frequency.INTERVAL,
        interval_seconds=draw(EVERY),
        timezone=zone,
        start_time=start,
        end_time=end,
    )


@given(
    recurrences(),
    st.sampled_from(list(CalendarRule)),
    st.lists(CALENDARS, min_size=1, max_size=2),
    AFTER,
    st.integers(0, 12 * 1440),
)
def test_each_way_of_asking_says_what_the_oracle_says(
    plain: Recurrence, rule: str, closed: list[Calendar], after: datetime, length: int
) -> None:
    when = observing(plain, rule, *closed)
    until = after + length * MINUTE
    due = by_hand(when, after, until)
    assert list(occurrences(when, after, until)) == due
    assert count_runs(when, after, until) == len(due)
    assert last_run(when, after, until) == (due[-1] if due else None)
    first = next_run(when, after)
    assert first == due[0] if due else first is None or first > until
    for at in due:
        assert next_run(when, at - MINUTE / 60) == at
