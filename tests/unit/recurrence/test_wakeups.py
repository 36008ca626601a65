"""A timer's UTC wake-ups hold every occurrence of the year and the two beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence, ncrontab, occurrences
from tests.unit.recurrence.reference import distinct_changes, utc
from tests.unit.recurrence.strategies import ZONES, expressions, instants, special_expressions

RANGES = (range(60), range(60), range(24), range(1, 32), range(1, 13), range(7))


def values(text: str, every: range) -> set[int]:
    """What a field of an NCRONTAB names."""
    found: set[int] = set()
    for part in text.split(","):
        body, _, step = part.partition("/")
        low, dash, high = body.partition("-")
        if body == "*":
            span = every
        else:
            assert int(low) in every
            assert int(high or low) in every
            span = range(int(low), (int(high) if dash else int(low)) + 1)
        found.update(span[:: int(step or 1)])
    return found


def fires(ncrontab: str) -> Callable[[datetime], bool]:
    """Whether an NCRONTAB fires at an instant: all six fields must fit, both day fields too."""
    fields = ncrontab.split()
    assert len(fields) == 6
    second, minute, hour, day, month, weekday = map(values, fields, RANGES)

    def at(instant: datetime) -> bool:
        return (
            instant.second in second
            and instant.minute in minute
            and instant.hour in hour
            and instant.day in day
            and instant.month in month
            and instant.isoweekday() % 7 in weekday
        )

    return at


def cron(expression: str, zone: str = "UTC") -> Recurrence:
    return Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)


@pytest.mark.parametrize(
    ("expression", "zone", "wakes"),
    [
        ("0 6 * * *", "America/New_York", "0 0 10,11 * * *"),
        ("0 3 * * *", "UTC", "0 0 3 * * *"),
        ("0 2 * * 1", "UTC", "0 0 2 * * 1"),
        ("0 2 * * SUN", "UTC", "0 0 2 * * 0"),
        ("0 12 * * MON-FRI", "Europe/Berlin", "0 0 10,11 * * 1-5"),
        ("0 2 * * 1", "Asia/Tokyo", "0 0 17 * * *"),  # Sunday in UTC
        ("0 1 * * 1", "Europe/Berlin", "0 0 0,23 * * *"),  # Sunday in UTC, in summer
        ("0 2 1,15 * *", "UTC", "0 0 2 1,15 * *"),
        ("0 2 1 1-3 *", "UTC", "0 0 2 1 1-3 *"),
        ("0 2 1 * 1", "UTC", "0 0 2 * * *"),  # NCRONTAB would join the two by AND
        ("0 2 L * *", "UTC", "0 0 2 * * *"),
        ("0 2 * * 1#2", "UTC", "0 0 2 * * *"),
        ("0 2 * * L5", "UTC", "0 0 2 * * *"),
        ("*/5 * * * *", "America/New_York", "0 */5 * * * *"),
        ("*/20 * * * *", "Pacific/Chatham", "0 15,35,55 * * * *"),
        ("*/10 8-18 * * *", "UTC", "0 */10 8-18 * * *"),
        ("30 6 * * *", "Asia/Kolkata", "0 0 1 * * *"),
        ("0 6 * * *", "Australia/Lord_Howe", "0 0,30 19 * * *"),
        # 02:30 is skipped in March, and then runs at the end of the gap, 07:00 UTC.
        ("30 2 * * *", "America/New_York", "0 0,30 6,7 * * *"),
        ("30 2 * * *", "America/Phoenix", "0 30 9 * * *"),
    ],
)
def test_wakeups(expression: str, zone: str, wakes: str) -> None:
    assert ncrontab(cron(expression, zone), 2026) == wakes


@pytest.mark.parametrize(
    ("seconds", "wakes"),
    [
        (60, "0 * * * * *"),
        (300, "0 */5 * * * *"),
        (3600, "0 0 * * * *"),
        (21600, "0 0 */6 * * *"),
        (86400, "0 0 0 * * *"),
        (7 * 86400, "0 0 0 * * *"),
        (5400, "0 0,30 0,1,3,4,6,7,9,10,12,13,15,16,18,19,21,22 * * *"),
        (420, "0 * * * * *"),
        (90, "0 * * * * *"),
        (10, "0 * * * * *"),
    ],
)
def test_wakeups_of_an_interval(seconds: int, wakes: str) -> None:
    rule = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds)
    assert ncrontab(rule, 2026) == wakes


def test_wakeups_follow_the_start_of_an_interval() -> None:
    start = utc("2026-01-05 09:07:30")
    rule = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=3600, start_time=start)
    assert ncrontab(rule, 2026) == "30 7 * * * *"


def test_once_and_the_named_frequencies() -> None:
    once = Recurrence(frequency=Frequency.ONCE, start_time=utc("2026-03-14 09:30:15"))
    assert ncrontab(once, 2026) == "15 30 9 14 3 *"
    assert ncrontab(Recurrence(frequency=Frequency.HOURLY), 2026) == "0 0 * * * *"
    assert ncrontab(Recurrence(frequency=Frequency.DAILY), 2026) == "0 0 0 * * *"
    in_berlin = Recurrence(frequency=Frequency.DAILY, timezone="Europe/Berlin")
    assert ncrontab(in_berlin, 2026) == "0 0 22,23 * * *"
    assert ncrontab(Recurrence(frequency=Frequency.WEEKLY), 2026) == "0 0 0 * * 1"
    assert ncrontab(Recurrence(frequency=Frequency.MONTHLY), 2026) == "0 0 0 1 * *"


@settings(max_examples=150, deadline=None)
@given(
    expressions() | special_expressions(),
    st.sampled_from(ZONES),
    st.integers(1971, 2036),
    st.integers(-400, 700),
)
def test_every_occurrence_is_a_wakeup(expression: str, zone: str, year: int, day: int) -> None:
    try:
        rule = cron(expression, zone)
    except ValueError:
        return
    at = fires(ncrontab(rule, year))
    begin = utc(f"{year}-01-01") + timedelta(days=max(-365, min(day, 700)))
    for found in occurrences(rule, begin, begin + timedelta(days=3)):
        assert at(found), found


@pytest.mark.parametrize("expression", ["0,30 0-3 1-7 * *", "*/20 1 * * 0"])
def test_every_occurrence_at_every_change_is_a_wakeup(expression: str) -> None:
    for name, change in distinct_changes(2020, 2037):
        rule = cron(expression, name)
        at = fires(ncrontab(rule, change.at.year))
        near = occurrences(rule, change.at - timedelta(hours=8), change.at + timedelta(hours=8))
        assert all(at(found) for found in near), (name, change)


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 0 * * 1", "5 */3 1-7 3-10 *"])
@pytest.mark.parametrize("zone", ["America/New_York", "Africa/Casablanca", "Australia/Lord_Howe"])
def test_every_occurrence_of_three_years_is_a_wakeup(expression: str, zone: str) -> None:
    rule = cron(expression, zone)
    at = fires(ncrontab(rule, 2026))
    found = list(occurrences(rule, utc("2025-01-01"), utc("2028-01-01")))
    assert len(found) > 50
    assert all(map(at, found))


def test_a_day_left_out_wakes_too() -> None:
    rule = cron("0 6 30 12 *", "Pacific/Apia")
    at = fires(ncrontab(rule, 2011))
    assert all(at(found) for found in occurrences(rule, utc("2010-01-01"), utc("2013-01-01")))


@given(st.integers(1, 400_000), instants(), st.none() | instants())
def test_every_interval_is_met_or_comes_within_a_minute(
    seconds: int, after: datetime, start: datetime | None
) -> None:
    rule = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=start)
    wakes = ncrontab(rule, after.year)
    at = fires(wakes)
    begin = max(after, start) if start else after
    found = list(occurrences(rule, begin, begin + timedelta(seconds=20 * seconds)))
    assert len(found) >= 20
    if seconds % 60:
        assert wakes == "0 * * * * *"
    else:
        assert all(map(at, found))
