"""A recurrence rule of RFC 5545 (3.3.10), read from its text and checked.

    parse("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;BYHOUR=9")

What a rule does not say comes from its start (`repeated`). Left out are BYSECOND, BYYEARDAY and
BYWEEKNO: a rule that has them is refused. https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

from shared.recurrence.invalid import InvalidRecurrence

_LONGEST = 500
MOST_INTERVAL = 10_000
MOST_COUNT = 10_000
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LENGTHS = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_BY_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,5}", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z)?)?", re.ASCII)
END_OF_DAY = time(23, 59, 59)


class Freq(StrEnum):
    """What a rule counts in, the longest first."""

    YEARLY = "YEARLY"
    MONTHLY = "MONTHLY"
    WEEKLY = "WEEKLY"
    DAILY = "DAILY"
    HOURLY = "HOURLY"
    MINUTELY = "MINUTELY"

    @property
    def fixed(self) -> bool:
        """Whether a rule of it names times of day; the others follow elapsed time."""
        return self not in (Freq.HOURLY, Freq.MINUTELY)


@dataclass(frozen=True, kw_only=True, slots=True)
class RRule:
    """The parsed rule. Sequences are sorted and hold nothing twice; empty if not given."""

    freq: Freq
    interval: int = 1
    count: int | None = None
    until: datetime | None = None
    """Naive if it is by the clocks of the zone; else in UTC."""
    months: Sequence[int] = ()
    month_days: Sequence[int] = ()
    """-1 is the last day of the month."""
    weekdays: Sequence[int] = ()
    """Without a number; Monday is 0."""
    nth: Sequence[tuple[int, int]] = ()
    """(weekday, which one), -1 for the last one."""
    hours: Sequence[int] = ()
    minutes: Sequence[int] = ()
    positions: Sequence[int] = ()
    """Which ones of each period's times are kept; -1 is the last one."""
    week_start: int = 0


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> RRule:
    """The rule's meaning; raises `InvalidRecurrence` naming `rrule`."""
    parts = _parts(text)
    if "FREQ" not in parts:
        raise _refused(f"give FREQ, one of {', '.join(Freq)}, such as {_SAMPLE}")
    read: dict[str, Any] = {}
    for name, value in parts.items():
        read |= _READERS[name](name, value)
    rule = RRule(**read)
    _check(rule)
    return rule


_SAMPLE = "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"


def _parts(text: object) -> Mapping[str, str]:
    """The values of a rule's parts, by their names, in upper case."""
    if not isinstance(text, str) or not text.strip():
        raise _refused(f"give a rule, such as {_SAMPLE}")
    if len(text) > _LONGEST or not text.isascii():
        raise _refused(f"give at most {_LONGEST} characters, of plain ASCII")
    whole = text.strip().upper()
    if "DTSTART" in whole or len(whole.split()) > 1:
        raise _refused(
            "give one rule and nothing else; its start is start_time or start_local, what it "
            "leaves out exclude_cron_expressions"
        )
    parts: dict[str, str] = {}
    for part in whole.removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if name not in _READERS:
            raise _refused(_unknown(name))
        if not equals or not value:
            raise _refused(f"{name} has no value, as in {_SAMPLE}")
        if name in parts:
            raise _refused(f"{name} is given twice")
        parts[name] = value
    return parts


def _unknown(name: str) -> str:
    taken = ", ".join(_READERS)
    if name in ("BYSECOND", "BYYEARDAY", "BYWEEKNO"):
        return f"{name} is not supported; a rule takes {taken}"
    return f"{name[:30]!r} is no part of a rule; it takes {taken}"


def _freq(name: str, value: str) -> dict[str, Any]:  # noqa: ARG001
    if value == "SECONDLY":
        raise _refused("FREQ SECONDLY is not supported; use frequency 'interval'")
    if value not in set(Freq):
        raise _refused(f"FREQ {value[:30]!r} is none of {', '.join(Freq)}")
    return {"freq": Freq(value)}


def _one(field: str, most: int) -> Callable[[str, str], dict[str, Any]]:
    """Reads a whole number from 1 up."""

    def read(name: str, value: str) -> dict[str, Any]:
        return {field: _number(name, value, range(1, most + 1))}

    return read


def _list(
    field: str, allowed: range, *, negative: bool = False
) -> Callable[[str, str], dict[str, Any]]:
    """Reads a list of numbers of a range; they may also count from the end."""

    def read(name: str, value: str) -> dict[str, Any]:
        numbers = {_number(name, each, allowed, negative=negative) for each in value.split(",")}
        return {field: tuple(sorted(numbers))}

    return read


def _number(name: str, text: str, allowed: range, *, negative: bool = False) -> int:
    value = int(text) if _NUMBER.fullmatch(text) else None
    if value is not None and (value in allowed or (negative and -value in allowed)):
        return value
    also = f", or -{allowed[-1]} to -{allowed[0]} from the end" if negative else ""
    raise _refused(
        f"{name} {text[:30]!r} is no whole number from {allowed[0]} to {allowed[-1]}{also}"
    )


def _until(name: str, value: str) -> dict[str, Any]:
    found = _UNTIL.fullmatch(value)
    try:
        if found is None:
            raise ValueError(value)
        day = date.fromisoformat(found[1])
        at = time.fromisoformat(found[2]) if found[2] else END_OF_DAY
    except ValueError:
        raise _refused(
            f"{name} {value[:30]!r} is no date such as 20301231, which includes that day, and no "
            "time such as 20301231T090000 by the clocks of the zone, or 20301231T080000Z in UTC"
        ) from None
    if not 1900 <= day.year <= 9000:
        raise _refused(f"{name} needs a year from 1900 to 9000")
    return {"until": datetime.combine(day, at, UTC if found[3] else None)}


def _by_day(name: str, value: str) -> dict[str, Any]:
    weekdays: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for part in value.split(","):
        found = _BY_DAY.fullmatch(part)
        which = int(found[1]) if found and found[1] else None
        if found is None or which == 0 or (which and abs(which) > 53):
            raise _refused(
                f"{name} {part[:30]!r} is none of {', '.join(_WEEKDAYS)}, and no such day with a "
                "number, such as 1MO for the first Monday or -1FR for the last Friday"
            )
        weekday = _WEEKDAYS.index(found[2])
        if which is None:
            weekdays.add(weekday)
        else:
            nth.add((weekday, which))
    return {"weekdays": tuple(sorted(weekdays)), "nth": tuple(sorted(nth))}


def _week_start(name: str, value: str) -> dict[str, Any]:
    if value not in _WEEKDAYS:
        raise _refused(f"{name} {value[:30]!r} is none of {', '.join(_WEEKDAYS)}")
    return {"week_start": _WEEKDAYS.index(value)}


_READERS: Mapping[str, Callable[[str, str], dict[str, Any]]] = {
    "FREQ": _freq,
    "INTERVAL": _one("interval", MOST_INTERVAL),
    "COUNT": _one("count", MOST_COUNT),
    "UNTIL": _until,
    "BYMONTH": _list("months", range(1, 13)),
    "BYMONTHDAY": _list("month_days", range(1, 32), negative=True),
    "BYDAY": _by_day,
    "BYHOUR": _list("hours", range(24)),
    "BYMINUTE": _list("minutes", range(60)),
    "BYSETPOS": _list("positions", range(1, 367), negative=True),
    "WKST": _week_start,
}


def _check(rule: RRule) -> None:
    """Raise for parts that do not go together."""
    if rule.count is not None and rule.until is not None:
        raise _refused("give COUNT or UNTIL, not both")
    if rule.nth and rule.freq not in (Freq.YEARLY, Freq.MONTHLY):
        raise _refused(f"BYDAY takes numbers with YEARLY and MONTHLY only, not with {rule.freq}")
    most = 53 if rule.freq is Freq.YEARLY and not rule.months else 5
    for _, which in rule.nth:
        if abs(which) > most:
            raise _refused(f"BYDAY: no month has a day number {which}; the largest is {most}")
    if rule.month_days and rule.freq is Freq.WEEKLY:
        raise _refused("BYMONTHDAY cannot stand with WEEKLY; use MONTHLY, or DAILY with BYDAY")
    if rule.positions and not (
        rule.months or rule.month_days or rule.weekdays or rule.nth or rule.hours or rule.minutes
    ):
        raise _refused("BYSETPOS needs another BY... part, whose times it picks from")
    if rule.freq is Freq.MINUTELY and rule.positions and not {1, -1} & set(rule.positions):
        raise _refused("BYSETPOS picks from one time with MINUTELY; leave it out")
    longest = max(_LENGTHS[month] for month in rule.months or range(1, 13))
    if rule.month_days and all(abs(day) > longest for day in rule.month_days):
        raise _refused(f"BYMONTHDAY never comes in BYMONTH; the latest day there is {longest}")


def _refused(message: str) -> InvalidRecurrence:
    return InvalidRecurrence("rrule", message)
