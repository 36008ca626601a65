"""`W`, `LW`, `L-3`, `5L`, `5#2` and `@daily`: against the calendar, and against cronsim."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence import Frequency, Recurrence, next_run
from shared.recurrence.cron import parse
from tests.unit.recurrence.reference import utc

BEGIN, END = date(2023, 1, 1), date(2029, 1, 1)
DAYS = [BEGIN + timedelta(days=n) for n in range((END - BEGIN).days)]


def found(days: str, months: str = "*", weekdays: str = "*") -> list[date]:
    """The days of six years that an expression names."""
    cron = parse(f"0 0 {days} {months} {weekdays}")
    each, wall = [], cron.next(datetime.combine(BEGIN, datetime.min.time()))
    while wall is not None and wall.date() < END:
        each.append(wall.date())
        wall = cron.next(wall + timedelta(days=1))
    return each


def last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def nearest(day: date, wanted: int) -> bool:
    """Whether it is the nearest weekday of its month to the wanted day."""
    if wanted > last(day):
        return False
    month = [day.replace(day=each) for each in range(1, last(day) + 1)]
    weekdays = [each for each in month if each.weekday() < 5]
    return day == min(weekdays, key=lambda each: abs(each.day - wanted))


RULES: list[tuple[str, Callable[[date], bool]]] = [
    *((f"{n}W", lambda day, n=n: nearest(day, n)) for n in (1, 2, 3, 15, 28, 29, 30, 31)),
    ("LW", lambda day: nearest(day, last(day))),
    *((f"L-{n}", lambda day, n=n: day.day == last(day) - n) for n in (1, 3, 27, 28, 30)),
    ("L", lambda day: day.day == last(day)),
    ("L,L-1,1", lambda day: day.day in (1, last(day) - 1, last(day))),
    ("27-L", lambda day: day.day >= 27),
    ("29-2", lambda day: day.day >= 29 or day.day <= 2),
]


@pytest.mark.parametrize(("days", "matches"), RULES, ids=[days for days, _ in RULES])
@pytest.mark.parametrize("months", [range(1, 13), (2, 3, 12)])
def test_days_of_the_month(
    days: str, matches: Callable[[date], bool], months: tuple[int, ...]
) -> None:
    every = list(months) == list(range(1, 13))
    expected = [day for day in DAYS if day.month in months and matches(day)]
    assert found(days, "*" if every else ",".join(map(str, months))) == expected
    assert expected


@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from([1, 2, 3, 4, 5, None])), min_size=1),
    st.lists(st.integers(0, 6), max_size=2),
)
def test_days_of_the_week(nth: list[tuple[int, int | None]], plain: list[int]) -> None:
    parts = [f"{day}#{n}" if n else f"{day}L" for day, n in nth] + [str(day) for day in plain]
    week = timedelta(days=7)

    def matches(day: date) -> bool:
        weekday, number = day.isoweekday() % 7, (day.day + 6) // 7
        is_last = (day + week).month != day.month
        return weekday in plain or (weekday, number) in nth or (is_last and (weekday, None) in nth)

    expected = [day for day in DAYS if matches(day)]
    assert found("*", "*", ",".join(parts)) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "30 6 L * *",
        "30 6 LW * *",
        "30 6 LW 2,8 *",
        "0 0 1,L * *",
        "30 6 * * 5L",
        "30 6 * * 0L,3L",
        "30 6 * * 1#2",
        "30 6 * * MON#2,FRI#5",
        "30 6 * * 1#2,3",
        "30 6 13,LW * 5#1",
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_cronsim_agrees(expression: str, zone: str) -> None:
    from zoneinfo import ZoneInfo

    at = utc("2024-12-31 20:00")
    theirs = CronSim(expression, at.astimezone(ZoneInfo(zone)))
    ours = Recurrence(frequency=Frequency.CRON, cron_expression=expression, timezone=zone)
    for _ in range(60):
        following = next_run(ours, at)
        assert following is not None and following == next(theirs).astimezone(at.tzinfo)
        at = following


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
        (" @monthly ", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ],
)
def test_names(name: str, same: str) -> None:
    assert parse(name) == parse(same)
    assert Recurrence(frequency=Frequency.CRON, cron_expression=name).text == name
