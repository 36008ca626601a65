"""The last occurrences of a span and their number are those that walking it finds."""

from __future__ import annotations

from datetime import datetime, timedelta
from time import thread_time

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.recurrence import (
    Frequency,
    InvalidRecurrence,
    Recurrence,
    count_runs,
    last_run,
    last_runs,
    next_run,
    occurrences,
)
from tests.unit.recurrence.reference import utc
from tests.unit.recurrence.strategies import (
    ZONES,
    expressions,
    instants,
    near_changes,
    special_expressions,
)

RESOLUTION = timedelta(microseconds=1)


def cron(expression: str, zone: str = "UTC", **window: datetime | None) -> Recurrence:
    try:
        return Recurrence(
            frequency=Frequency.CRON,
            cron_expression=expression,
            timezone=zone,
            start_time=window.get("start_time"),
            end_time=window.get("end_time"),
            stored=True,  # whatever its steps
        )
    except InvalidRecurrence as error:
        assume("never occurs" not in error.message)
        raise


def agree(recurrence: Recurrence, after: datetime, until: datetime, most: int) -> None:
    walked = list(occurrences(recurrence, after, until))
    assert count_runs(recurrence, after, until) == len(walked)
    assert last_run(recurrence, after, until) == (walked[-1] if walked else None)
    assert last_runs(recurrence, after, until, most) == walked[-most:]


DENSE = st.sampled_from(
    [
        "* * * * *",
        "*/7 * * * *",
        "0-50/10 0-5 * * *",
        "*/20 22-3 * * *",
        "5,50 0-3 * * *",
        "*/30 * * * 1-5",
        "0-59/15 0,1,2,3,23 L * *",
        "*/10 * 29 2 *",
        "0,30 0-4 * * 0",
    ]
)


@settings(max_examples=300, deadline=None)
@given(
    expression=DENSE | DENSE | expressions() | special_expressions(),
    near=near_changes() | st.tuples(st.sampled_from(ZONES), instants()),
    before=st.integers(0, 8 * 86400),
    length=st.integers(0, 12 * 86400),
    most=st.integers(1, 100),
)
def test_of_an_expression_around_changes_of_clocks(
    expression: str, near: tuple[str, datetime], before: int, length: int, most: int
) -> None:
    zone, at = near
    after = at - timedelta(seconds=before)
    agree(cron(expression, zone), after, after + timedelta(seconds=length), most)


@settings(max_examples=100, deadline=None)
@given(
    expression=DENSE,
    near=near_changes(),
    start=st.integers(-9 * 86400, 9 * 86400),
    end=st.integers(1, 9 * 86400),
)
def test_of_an_expression_within_its_window(
    expression: str, near: tuple[str, datetime], start: int, end: int
) -> None:
    zone, at = near
    first = at + timedelta(seconds=start)
    window = {"start_time": first, "end_time": first + timedelta(seconds=end)}
    agree(cron(expression, zone, **window), at - timedelta(days=8), at + timedelta(days=8), 7)


@pytest.mark.parametrize("expression", ["30 12 * * *", "0-55/5 6,18 * * *", "*/15 * * * *"])
@pytest.mark.parametrize(
    ("zone", "day"), [("Pacific/Apia", "2011-12-30"), ("Pacific/Kwajalein", "1993-08-21")]
)
def test_of_a_day_that_is_left_out(expression: str, zone: str, day: str) -> None:
    for hours in range(-48, 49, 5):
        after = utc(day) + timedelta(hours=hours)
        agree(cron(expression, zone), after, after + timedelta(days=4), 5)


@given(
    frequency=st.sampled_from([Frequency.HOURLY, Frequency.DAILY, Frequency.WEEKLY]),
    near=near_changes(),
    length=st.integers(0, 40 * 86400),
)
def test_of_the_named_frequencies(
    frequency: Frequency, near: tuple[str, datetime], length: int
) -> None:
    zone, after = near
    named = Recurrence(frequency=frequency, timezone=zone)
    agree(named, after, after + timedelta(seconds=length), 9)
    monthly = Recurrence(frequency=Frequency.MONTHLY, timezone=zone)
    agree(monthly, after, after + timedelta(seconds=20 * length), 9)


@given(
    seconds=st.integers(1, 5000),
    start=st.none() | st.integers(-20_000, 20_000),
    length=st.none() | st.integers(1, 20_000),
    after=st.integers(-10_000, 10_000),
    micro=st.sampled_from([0, 1, 999_999]),
    span=st.integers(-100, 20_000),
    most=st.integers(1, 2000),
)
def test_of_an_interval(
    seconds: int,
    start: int | None,
    length: int | None,
    after: int,
    micro: int,
    span: int,
    most: int,
) -> None:
    zero = utc("2026-03-01 12:00")
    first = None if start is None else zero + timedelta(seconds=start, microseconds=micro)
    end = None if length is None else (first or zero) + timedelta(seconds=length)
    each = Recurrence(
        frequency=Frequency.INTERVAL, interval_seconds=seconds, start_time=first, end_time=end
    )
    begin = zero + timedelta(seconds=after, microseconds=micro)
    agree(each, begin, begin + timedelta(seconds=span), most)


@given(start=instants(), after=instants(), until=instants())
def test_of_once(start: datetime, after: datetime, until: datetime) -> None:
    agree(Recurrence(frequency=Frequency.ONCE, start_time=start), after, until, 3)
    agree(Recurrence(frequency=Frequency.ONCE, start_time=start), after, start, 3)


def test_what_is_long_is_not_walked() -> None:
    """2.6 million seconds, 525,600 minutes of a year on either side of clock changes, and a year
    after a window's end."""
    now = utc("2026-03-01 12:00")
    second = Recurrence(frequency=Frequency.INTERVAL, interval_seconds=1)
    over = Recurrence(
        frequency=Frequency.INTERVAL, interval_seconds=1, end_time=now - timedelta(days=365)
    )
    minute = cron("* * * * *", "Europe/Berlin")
    january = cron("* * * 1 *", "Europe/Berlin")
    year = now - timedelta(days=365)
    began = thread_time()
    assert count_runs(second, now - timedelta(days=30), now) == 30 * 86400
    assert last_runs(second, year, now, 1000)[0] == now - timedelta(seconds=999)
    assert count_runs(over, year - timedelta(days=1), now) == 86400
    assert last_run(over, year - timedelta(days=1), now) == year
    assert count_runs(minute, year, now) == 365 * 1440
    assert last_run(minute, year, now) == now
    assert len(last_runs(january, year - timedelta(days=365), now, 1000)) == 1000
    assert count_runs(january, year, now) == 31 * 1440
    assert thread_time() - began < 1.0  # walking them takes ten


def test_the_last_is_followed_by_none() -> None:
    rare = cron("0 0 29 2 *")
    last = last_run(rare, utc("1999-01-01"), utc("2027-01-01"))
    assert last == utc("2024-02-29")
    assert next_run(rare, last) == utc("2028-02-29")
