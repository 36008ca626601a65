"""Calendars against an oracle: every run is looked at by itself, slowly, and every zone is asked
minute by minute. It shares no code with the product but the runs without calendars."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
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
    observed,
    occurrences,
)
from shared.recurrence.calendar import Held, merged
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


def cron(expression: str, timezone: str = "UTC", **more: Any) -> Recurrence:
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
        return cron(draw(EXPRESSIONS), zone, **{"start_time": start, "end_time": end})
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


@given(
    recurrences(),
    st.sampled_from([CalendarRule.NEXT, CalendarRule.PREVIOUS]),
    st.lists(CALENDARS, min_size=1, max_size=2),
    AFTER,
)
def test_a_timer_wakes_up_for_moved_runs_too(
    plain: Recurrence, rule: str, closed: list[Calendar], after: datetime
) -> None:
    when = observing(plain, rule, *closed)
    second, rest = ncrontab(when, 2026).split(" ", 1)
    for at in islice(occurrences(when, after, after + 20 * DAY), 20):
        minute = at.replace(second=0)
        assert croniter.match(rest, minute)
        seconds = {int(one) for part in second.split(",") for one in part.split("-") if one != "*"}
        assert second == "*" or at.second in seconds or rest == "* * * * *"


def test_two_runs_moved_onto_one_instant_are_one() -> None:
    weekend = calendar(hours=WEEKDAYS)
    when = observing(cron("0 3 * * 0,6"), "next", weekend)
    assert list(occurrences(when, utc("2026-03-13 00:00"), utc("2026-03-20 00:00"))) == [
        utc("2026-03-16 03:00")
    ]


def test_a_moved_run_keeps_its_time_of_day_over_a_change_of_clocks() -> None:
    """Berlin's clocks go forward on 29 March; a run at 02:30 that is moved there runs at 03:00."""
    closed = calendar(days=[date(2026, 3, 28), date(2026, 3, 30)])
    when = cron("30 2 28 * *", "Europe/Berlin")
    assert next_run(observing(when, "next", closed), utc("2026-03-20 00:00")) == utc(
        "2026-03-29 01:00"
    )
    other = cron("0 9 30 * *", "Europe/Berlin")
    assert next_run(observing(other, "previous", closed), utc("2026-03-20 00:00")) == utc(
        "2026-03-29 07:00"
    )


def test_working_hours_hold_back_and_never_move() -> None:
    office = calendar(hours=OFFICE)
    hourly = observing(cron("0 * * * *", "Europe/Berlin"), "next", office)
    monday = list(occurrences(hourly, utc("2026-03-15 22:59"), utc("2026-03-16 22:59")))
    assert [at.hour for at in monday] == [*range(8, 16)]
    late = observing(cron("0 14 * * 5", "Europe/Berlin"), "next", office)
    assert next_run(late, utc("2026-03-01 00:00")) is None
    saturday = observing(cron("0 10 * * 6", "Europe/Berlin"), "next", office)
    assert next_run(saturday, utc("2026-03-13 23:00")) == utc("2026-03-16 09:00")


def test_a_blackout_of_hours_moves_only_what_is_within_it() -> None:
    freeze = calendar(blackouts=[(datetime(2026, 3, 13, 18), datetime(2026, 3, 16, 6))])
    when = cron("0 20 * * 5")
    assert next_run(observing(when, "next", freeze), utc("2026-03-13 00:00")) == utc(
        "2026-03-16 20:00"
    )
    early = cron("0 5 * * 1")
    assert next_run(observing(early, "next", freeze), utc("2026-03-13 00:00")) == utc(
        "2026-03-17 05:00"
    )


def test_what_nothing_is_left_of_ends() -> None:
    """However often it would run, and however it is asked for."""
    closed = calendar(hours=(((540, 600),),) * 7)
    for expression in ("0 3 * * *", "* 3 * * *", "* 0-8 * * 6", "0 3 29 2 *"):
        for rule in CalendarRule:
            when = observing(cron(expression), rule, closed)
            assert next_run(when, utc("2026-03-01 00:00")) is None
            assert count_runs(when, utc("2026-03-01 00:00"), utc("2027-03-01 00:00")) == 0


def test_a_once_is_moved_and_stays_within_its_window() -> None:
    closed = calendar(days=[date(2026, 3, 14)])
    once = Recurrence(frequency=Frequency.ONCE, start_time=utc("2026-03-14 09:00"))
    assert next_run(observing(once, "next", closed), utc("2026-03-01 00:00")) == utc(
        "2026-03-15 09:00"
    )
    assert next_run(observing(once, "previous", closed), utc("2026-03-01 00:00")) is None
    ends = replace(once, end_time=utc("2026-03-14 12:00"))
    assert next_run(observing(ends, "next", closed), utc("2026-03-01 00:00")) is None


def test_the_reason_and_the_calendar_are_told() -> None:
    when = observing(cron("0 9 * * *"), "next", calendar(days=[date(2026, 3, 14)], hours=WEEKDAYS))
    runs = observed(when)
    moved = runs.place(utc("2026-03-14 09:00"))
    assert moved.at == utc("2026-03-16 09:00") and moved.held is not None
    assert (moved.held.calendar, moved.held.reason) == ("closed", "a holiday")
    sunday = runs.place(utc("2026-03-15 09:00"))
    assert sunday.held is not None and sunday.held.reason == "Sunday is no working day"


@pytest.mark.parametrize(
    ("country", "subdivision", "zone"),
    [
        ("DE", "BY", "Europe/Berlin"),
        ("US", "NY", "America/New_York"),
        ("JP", None, "Asia/Tokyo"),
        ("BR", "SP", "America/Sao_Paulo"),
    ],
)
def test_a_year_of_holidays(country: str, subdivision: str | None, zone: str) -> None:
    """A daily and a weekly run through 2026: day by day, against the library itself."""
    import holidays

    off = holidays.country_holidays(country, subdiv=subdivision, years=[2025, 2026, 2027])
    days = tuple(DayOff(day, name) for day, name in sorted(off.items()))
    closed = Calendar(id="c1", name="public", version=1, days=days, hours=WEEKDAYS)
    year = [date(2026, 1, 1) + n * DAY for n in range(365)]

    def opens(day: date) -> bool:
        return day.weekday() < 5 and day not in off

    def at(day: date) -> datetime:
        return datetime.combine(day, time(7, 30), ZoneInfo(zone)).astimezone(UTC)

    def asked(expression: str, rule: str) -> list[datetime]:
        when = observing(cron(expression, zone), rule, closed)
        return list(occurrences(when, at(year[0]) - MINUTE, at(year[-1])))

    assert asked("30 7 * * *", "skip") == [at(day) for day in year if opens(day)]
    assert asked("30 7 * * *", "next") == asked("30 7 * * *", "skip")

    def shifted(day: date, step: timedelta) -> date:
        while not opens(day):
            day += step
        return day

    mondays = [date(2025, 12, 22) + n * 7 * DAY for n in range(56)]
    for rule, step in (("next", DAY), ("previous", -DAY)):
        due = sorted({shifted(day, step) for day in mondays})
        assert asked("30 7 * * 1", rule) == [at(day) for day in due if day in year]
        assert any(shifted(day, step) != day for day in mondays)


def test_the_last_run_of_a_rule_may_be_moved_beyond_its_end() -> None:
    """COUNT ends the runs; `end_time` also ends where they may be moved."""
    weekend = calendar(hours=WEEKDAYS)
    rule = Recurrence(
        frequency=Frequency.RRULE,
        rrule="FREQ=WEEKLY;COUNT=2",
        start_time=utc("2026-03-07 09:00"),
    )
    when = observing(rule, "next", weekend)
    monday = [utc("2026-03-09 09:00"), utc("2026-03-16 09:00")]
    assert list(occurrences(when, utc("2026-03-01 00:00"), utc("2026-04-01 00:00"))) == monday
    assert count_runs(when, utc("2026-03-01 00:00"), utc("2026-04-01 00:00")) == 2
    ends = replace(when, end_time=utc("2026-03-15 12:00"))
    assert list(occurrences(ends, utc("2026-03-01 00:00"), utc("2026-04-01 00:00"))) == monday[:1]


def test_whole_rules_and_exclusions_are_observed_as_well() -> None:
    closed = calendar(days=[date(2026, 3, 17)])
    several = Recurrence(
        frequency=Frequency.CRON,
        cron_expressions=("0 9 * * 2", "30 14 * * 2"),
        exclude_cron_expressions=("* * 24 3 *",),
    )
    when = observing(several, "next", closed)
    found = list(occurrences(when, utc("2026-03-16 00:00"), utc("2026-03-26 00:00")))
    assert found == [utc("2026-03-18 09:00"), utc("2026-03-18 14:30")]


@pytest.mark.parametrize("rule", ["skip", "next", "previous"])
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe"])
def test_a_long_blackout_closes_what_it_says_and_no_more(rule: str, zone: str) -> None:
    """Over changes of clocks, by the clocks of another zone, and beside another calendar."""
    span = (datetime(2026, 3, 21, 2, 20), datetime(2026, 4, 9, 2, 40))
    long, other = calendar(blackouts=[span], timezone="America/New_York"), calendar([BEGIN])
    begin, end = utc("2026-03-05"), utc("2026-04-20")
    for expression in ("*/20 1-4 * * *", "10,50 2,8 * * 1-5"):
        when = observing(cron(expression, zone), rule, long, other)
        found = list(occurrences(when, begin, end))
        assert found == by_hand(when, begin, end)
        inside = utc("2026-03-28 03:07")
        assert next_run(when, inside) == next(at for at in found if at > inside)


@pytest.mark.parametrize("rule", ["skip", "next", "previous"])
def test_a_blackout_of_years_costs_what_one_of_days_does(
    rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[datetime] = []
    held = Observance.held

    def counted(self: Observance, at: datetime, zone: tzinfo) -> Held | None:
        looked.append(at)
        return held(self, at, zone)

    monkeypatch.setattr(Observance, "held", counted)
    closed = calendar(blackouts=[(datetime(2026, 1, 1), datetime(2031, 1, 1))])
    when = observing(cron("0 3 * * 1-5", "Europe/Berlin"), rule, closed)
    assert next_run(when, utc("2026-03-01")) == utc("2031-01-01 02:00")
    assert len(looked) < 3000
