"""When a plan runs, in the words of backups: a time of day, and a day where one is needed (R1).

A plan's schedule has a cron expression. One that is as plain as `0 3 * * *` is shown as
`{"frequency": "daily", "schedule_time": "03:00"}`; any other is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from shared.errors import Invalid
from shared.recurrence import Frequency, Recurrence
from shared.recurrence.cron import Cron, parse

FIELDS = (
    "frequency",
    "schedule_time",
    "day_of_week",
    "day_of_month",
    "cron_expression",
    "cron_expressions",
)
"""The fields that say when."""
EXCLUDED = "exclude_cron_expressions"
"""The field that says when not, beside any of them."""


class PlanFrequency(StrEnum):
    """How often a plan runs."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    CRON = "cron"


_TAKES: Mapping[str, tuple[str, ...]] = {
    "hourly": (),
    "daily": ("schedule_time",),
    "weekly": ("schedule_time", "day_of_week"),
    "monthly": ("schedule_time", "day_of_month"),
    "cron": ("cron_expression", "cron_expressions"),
}
_DEFAULTS: Mapping[str, object] = {"schedule_time": "00:00", "day_of_week": 1, "day_of_month": 1}
_INSTEAD = 'a schedule takes frequency "cron" with a cron_expression, such as "{}" ({})'
TIME_OF_DAY = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
LAST_DAY = 28
"""The last day that every month has."""
OF_PLANS: Mapping[str, str] = {
    "schedule_time": _INSTEAD.format("0 12 * * *", "each day at 12:00"),
    "day_of_week": _INSTEAD.format("0 12 * * 1", "each Monday at 12:00"),
    "day_of_month": _INSTEAD.format("0 12 15 * *", "on each 15th at 12:00"),
}
"""What a schedule takes in place of these fields of plans."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """When a plan runs; fields that its frequency does not take are None."""

    frequency: Frequency
    schedule_time: str | None = None
    """Of the day, in the plan's zone: `03:00`."""
    day_of_week: int | None = None
    """Sunday is 0."""
    day_of_month: int | None = None
    cron_expression: str | None = None
    cron_expressions: tuple[str, ...] = ()
    rrule: str | None = None
    """If another route made the schedule."""


def words(when: Recurrence) -> Words:
    """A recurrence in these words; of `interval` and `once`, which other routes make, only the
    name."""
    several = len(when.expressions) != 1
    return (None if several else _plain(parse(when.expressions[0]))) or Words(
        frequency=Frequency.CRON if when.expressions else when.frequency,
        cron_expression=when.cron_expression,
        cron_expressions=when.cron_expressions,
        rrule=when.rrule,
    )


def _plain(cron: Cron) -> Words | None:
    if len(cron.months) < 12:
        return None
    if not cron.fixed:
        hourly = cron.every_day and tuple(cron.minutes) == (0,) and len(cron.hours) == 24
        return Words(frequency=Frequency.HOURLY) if hourly else None
    if len(cron.minutes) != 1 or len(cron.hours) != 1:
        return None
    at = f"{cron.hours[0]:02}:{cron.minutes[0]:02}"
    if cron.every_day:
        return Words(frequency=Frequency.DAILY, schedule_time=at)
    days, weekdays = cron.in_month, cron.in_week
    if cron.nth or cron.nearest:
        return None
    if days is None and weekdays is not None and len(weekdays) == 1:
        return Words(frequency=Frequency.WEEKLY, schedule_time=at, day_of_week=weekdays[0])
    if weekdays is None and days is not None and len(days) == 1 and 1 <= days[0] <= LAST_DAY:
        return Words(frequency=Frequency.MONTHLY, schedule_time=at, day_of_month=days[0])
    return None


def recurrence(given: Mapping[str, Any], present: Recurrence | None = None) -> Recurrence:
    """The recurrence with what is given of `FIELDS`, `EXCLUDED` and `timezone`, the rest as in
    `present`; null means the default.

    Raises `Invalid` naming the field.
    """
    changed: dict[str, Any] = {}
    if given.get("timezone"):
        changed["timezone"] = given["timezone"]
    if EXCLUDED in given:
        changed[EXCLUDED] = tuple(given[EXCLUDED] or ())
    if present is None or any(name in given for name in FIELDS):
        changed |= _expressions(given, words(present) if present is not None else None)
    if present is None:
        return Recurrence(**changed)
    same = all(getattr(present, name) == value for name, value in changed.items())
    return present if same else replace(present, **changed)


def _expressions(given: Mapping[str, Any], before: Words | None) -> dict[str, Any]:
    """What makes a recurrence `cron`."""
    one, several = _expression(given, before), given.get("cron_expressions")
    if several is None and before is not None and one is None:
        several = before.cron_expressions
    if several and given.get("cron_expression") is None:
        one = None
    return {
        "frequency": Frequency.CRON,
        "cron_expression": one,
        "cron_expressions": tuple(several or ()),
        "interval_seconds": None,
        "rrule": None,
    }


def _expression(given: Mapping[str, Any], before: Words | None) -> str | None:
    frequency = given.get("frequency") or (before.frequency if before is not None else None)
    if frequency is None:
        raise Invalid("frequency", f"give one of: {', '.join(PlanFrequency)}")
    frequency = str(frequency)
    takes = _TAKES.get(frequency, ())
    for name in FIELDS[1:]:
        if given.get(name) not in (None, []) and name not in takes:
            said = f"it takes {' and '.join(takes)}" if takes else "leave it out"
            raise Invalid(name, f"{frequency!r} takes none; {said}, or change frequency")

    def value(name: str) -> object:
        found = given[name] if name in given else getattr(before, name, None)
        return _DEFAULTS.get(name) if found is None else found

    if frequency == "cron":
        found = value("cron_expression")
        return None if found is None else str(found)
    if frequency == "hourly":
        return "0 * * * *"
    hour, minute = (int(part) for part in str(value("schedule_time")).split(":"))
    day = value("day_of_month") if frequency == "monthly" else "*"
    weekday = value("day_of_week") if frequency == "weekly" else "*"
    return f"{minute} {hour} {day} * {weekday}"


def time_of_day(text: str) -> str:
    """`text`, if it is a time of day. Raises `ValueError`."""
    if not re.fullmatch(TIME_OF_DAY, text):
        raise ValueError("give a time of day from 00:00 to 23:59, such as 03:00")
    return text
