"""Recurrences and instants as hypothesis draws them: many of them where clocks change."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.unit.recurrence.reference import changes, utc

ZONES = [
    "UTC",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Europe/Dublin",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Antarctica/Casey",
    "Pacific/Chatham",
    "Pacific/Apia",
    "Pacific/Kwajalein",
]
_CHANGES = {
    zone: [
        change.at
        for change in changes(ZoneInfo(zone), utc("1970-01-01"), utc("2038-01-01"))
        if change.whole_minutes
    ]
    for zone in ZONES
}
_NAMES = {
    3: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    4: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
}
_BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)]


# What one draw makes anew costs more than what it draws.


@functools.cache
def _spelled(field: int, value: int) -> st.SearchStrategy[str]:
    spellings = [str(value), f"{value:02}"]
    if field in _NAMES:
        name = _NAMES[field][value - _BOUNDS[field][0]]
        spellings += [name, name.upper()]
    return st.sampled_from(spellings)


@functools.cache
@st.composite
def _value(draw: st.DrawFn, field: int, low: int, high: int) -> tuple[int, str]:
    value = draw(st.integers(low, high))
    return value, draw(_spelled(field, value))


_KINDS = st.sampled_from(["*", "value", "value", "range", "*/", "range/", "value/"])


@functools.cache
@st.composite
def _part(draw: st.DrawFn, field: int) -> str:
    low, high = _BOUNDS[field]
    kind = draw(_KINDS)
    step = f"/{draw(st.integers(1, 70))}" if kind.endswith("/") else ""
    if kind.startswith("*"):
        return f"*{step}"
    if kind.startswith("value"):
        return draw(_value(field, low, high))[1] + step
    first, text = draw(_value(field, low, high - 1))
    return f"{text}-{draw(_value(field, first + 1, high))[1]}{step}"


def field(index: int) -> st.SearchStrategy[str]:
    """One plain field."""
    parts = st.lists(_part(index), min_size=1, max_size=3)
    return st.just("*") | _part(index) | parts.map(",".join)


def expressions() -> st.SearchStrategy[str]:
    """Plain expressions, most of them without dates."""
    any_day, days, weekdays = st.just("*"), field(2), field(4)
    months = st.just("*") | st.just("*") | field(3)
    tuples = st.tuples(field(0), field(1), any_day | days, months, any_day | weekdays)
    return tuples.map(" ".join)


def special_expressions() -> st.SearchStrategy[str]:
    """With `L`, `#`, `?`, ranges that wrap, Sunday as 7: what goes to croniter."""
    days = st.sampled_from(["L", "1,L", "?", "25-L", "*", "L,15", "28-3"])
    weekdays = st.sampled_from(
        [
            "L5",
            "1#2",
            "MON#1",
            "5#5",
            "mon-wed#3",
            "L0,L3",
            "7",
            "5-7",
            "0-7",
            "sat-mon",
            "?",
            "7#1",
        ]
    )
    hours = st.sampled_from(["*", "22-2", "3", "*/6"])
    months = st.sampled_from(["*", "nov-feb", "2", "*/5"])
    tuples = st.tuples(st.sampled_from(["0", "*/20", "50-10"]), hours, days, months, weekdays)
    return tuples.map(" ".join)


_ZONES = st.sampled_from(ZONES)
_AT = {zone: st.sampled_from(known or [utc("2024-02-28")]) for zone, known in _CHANGES.items()}
_MICRO = st.sampled_from([0, 0, 1, 500_000, 999_999])
_NEAR = st.integers(-3 * 3600, 3 * 3600) | st.sampled_from([-7200, -3600, 0, 3600])


@st.composite
def near_changes(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone, and an instant close to one of its changes of offset, if it has any."""
    zone, micro, seconds = draw(_ZONES), draw(_MICRO), draw(_NEAR)
    at = draw(_AT[zone])
    return zone, at + timedelta(seconds=seconds, microseconds=micro)


def instants() -> st.SearchStrategy[datetime]:
    """Whole seconds from 1970 to 2037."""
    seconds = st.integers(0, int(utc("2038-01-01").timestamp()))
    return seconds.map(lambda s: utc("1970-01-01") + timedelta(seconds=s))


_WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
_LONG = st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY"])
_SHORT = st.sampled_from(["HOURLY", "MINUTELY"])


def _listed(values: list[int] | range) -> st.SearchStrategy[str]:
    some = st.lists(st.sampled_from(values), min_size=1, max_size=4, unique=True)
    return some.map(lambda found: ",".join(map(str, found)))


_BY = {
    "BYMONTH": _listed(range(1, 13)),
    "BYMONTHDAY": _listed([1, 2, 13, 15, 28, 29, 30, 31, -1, -2, -29, -31]),
    "BYHOUR": _listed(range(24)),
    "BYMINUTE": _listed([0, 1, 15, 30, 45, 59]),
}
_WHICH = {
    "month": st.sampled_from([1, 2, 3, 5, -1, -2, -5]),
    "year": st.sampled_from([1, 2, 20, 53, -1, -20, -53]),
}
_SOMETIMES = st.sampled_from([True, False, False])


@st.composite
def rules(draw: st.DrawFn, freqs: st.SearchStrategy[str] = _LONG | _SHORT) -> str:
    """Rules of RFC 5545 without an end, in the parts that python-dateutil reads as the RFC does."""
    freq = draw(freqs)
    parts = [f"FREQ={freq}"]
    if draw(st.booleans()):
        parts.append(f"INTERVAL={draw(st.sampled_from([1, 2, 3, 4, 5, 7, 10, 26, 45]))}")
    for name, values in _BY.items():
        if draw(_SOMETIMES) and not (freq == "WEEKLY" and name == "BYMONTHDAY"):
            parts.append(f"{name}={draw(values)}")
    if draw(st.booleans()):
        days = draw(st.lists(st.sampled_from(_WEEKDAYS), min_size=1, max_size=3, unique=True))
        if freq in ("YEARLY", "MONTHLY") and draw(st.booleans()):
            by_month = freq == "MONTHLY" or any(part.startswith("BYMONTH=") for part in parts)
            which = _WHICH["month" if by_month else "year"]
            days = [f"{draw(which)}{day}" for day in days]
        parts.append(f"BYDAY={','.join(days)}")
    if any(part.startswith("BY") for part in parts) and draw(_SOMETIMES) and freq != "MINUTELY":
        parts.append(f"BYSETPOS={draw(_listed([1, 2, 3, 10, -1, -2, -7]))}")
    if draw(_SOMETIMES):
        parts.append(f"WKST={draw(st.sampled_from(_WEEKDAYS))}")
    return ";".join(parts)


def read_alike(text: str, start: datetime) -> bool:
    """Whether dateutil reads a rule as the RFC does.

    Of the week of the start, it gives BYSETPOS only the days from the start on.
    """
    if "WEEKLY" not in text or "BYSETPOS" not in text:
        return True
    first = text.partition("WKST=")[2][:2] or "MO"
    return start.weekday() == _WEEKDAYS.index(first)
