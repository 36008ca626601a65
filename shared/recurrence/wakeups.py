"""When a timer that knows only UTC has to wake up for a recurrence: an NCRONTAB expression.

Azure's timers take six fields, seconds first, and on Linux plans no time zone. A fixed local time
moves in UTC when the zone's offset changes. So the timer wakes up at every UTC time of day that the
local time can have around a given year, and the engine decides what is due. The wake-ups include
every occurrence of that year, of the year before and of the year after. An interval that is not a
whole number of minutes is the exception: the timer wakes up every minute, and each occurrence is
less than a minute after a wake-up.

NCRONTAB joins its two day fields with AND, and has no `L`, `W` or `#`. If that matters, if the UTC
date can differ from the local one, or if there is more than one expression, the day fields become
`*`.
Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from shared.recurrence import zone as zones
from shared.recurrence.calendar import CalendarRule
from shared.recurrence.cron import Cron
from shared.recurrence.named import Named
from shared.recurrence.rule import Frequency, Recurrence

_DAY = 86400
_EVERY_MINUTE = "0 * * * * *"
_ANY_DAY = "* * *"


def ncrontab(recurrence: Recurrence, year: int) -> str:
    """The six-field expression for the timer, valid from `year` - 1 to `year` + 1."""
    calendar = recurrence.calendar
    moves = calendar is not None and calendar.rule is not CalendarRule.SKIP
    if moves and (recurrence.interval_seconds or recurrence.frequency is Frequency.ONCE):
        return _EVERY_MINUTE  # at a time of day by the clocks of the zone, on another day
    if recurrence.interval_seconds is not None:
        return _of_interval(recurrence.interval_seconds, recurrence.first)
    if recurrence.frequency is Frequency.ONCE and recurrence.first is not None:
        once = recurrence.first
        return f"{once.second} {once.minute} {once.hour} {once.day} {once.month} *"
    named = recurrence.named
    if named is None:
        raise ValueError(f"nothing is named by {recurrence.frequency}")
    cron = None if moves else recurrence.cron
    return _of_named(named, cron, zones.find(recurrence.timezone), year, moves=moves)


def _of_interval(seconds: int, anchor: datetime | None) -> str:
    """The times of day at which the interval has occurrences, on any day."""
    if seconds % 60:
        return _EVERY_MINUTE
    start = _seconds_of_day(anchor) if anchor is not None else 0
    return f"{_times(range(start, start + _DAY, math.gcd(seconds, _DAY)))} {_ANY_DAY}"


def _of_named(
    named: Named, cron: Cron | None, zone: tzinfo, year: int, *, moves: bool = False
) -> str:
    """`cron`: the one expression, if it is one, whose dates may then be kept. `moves`: calendars
    may move a run to any date."""
    begin = datetime(year - 1, 1, 1, tzinfo=UTC)
    changes = zones.changes(zone, begin, datetime(year + 2, 1, 1, tzinfo=UTC))
    offsets = {zones.offset(begin, zone), *(change.after for change in changes)}
    local = [60 * minute + named.both.second for minute in named.both.day_times()]
    times = {time - int(offset.total_seconds()) for time in local for offset in offsets}
    same_date = all(0 <= time < _DAY for time in times)
    if named.fixed is not None:
        # What clocks skip runs at the change: between the skipped time by the old offset and by
        # the new, so on their date.
        skips = (c.at for c in changes if moves or named.fixed.count(c.wall_before, c.wall_after))
        times.update(map(_seconds_of_day, skips))
    days = _days(cron) if cron is not None and same_date else _ANY_DAY
    return f"{_times(times)} {days}"


def _seconds_of_day(instant: datetime) -> int:
    return 3600 * instant.hour + 60 * instant.minute + instant.second


def _times(seconds_of_day: Iterable[int]) -> str:
    """The fields for seconds, minutes and hours: every combination, so at least these times."""
    times = [divmod(time % _DAY, 60) for time in seconds_of_day]
    seconds = {second for _, second in times}
    minutes = {minute % 60 for minute, _ in times}
    hours = {minute // 60 for minute, _ in times}
    return f"{_listed(seconds, 60)} {_listed(minutes, 60)} {_listed(hours, 24)}"


def _days(cron: Cron) -> str:
    """Day of month, month, day of week."""
    months = _listed(cron.months, 12)
    in_month, in_week = cron.in_month, cron.in_week
    plain = not (cron.nth or cron.nearest or (in_month is not None and in_week is not None))
    if not plain or (in_month is not None and min(in_month, default=0) < 1):
        in_month = in_week = None
    days = "*" if in_month is None else _listed(in_month, 31)
    weekdays = "*" if in_week is None else _listed(in_week, 7)
    return f"{days} {months} {weekdays}"


def _listed(values: Iterable[int], size: int) -> str:
    """The values as `*`, `*/n`, or a list with ranges; the field has `size` values."""
    ordered = sorted(values)
    if len(ordered) == size:
        return "*"
    step = ordered[1] - ordered[0] if len(ordered) > 2 else 0
    if step > 1 and ordered == list(range(0, size, step)):
        return f"*/{step}"
    return ",".join(_range(run) for run in _runs(ordered))


def _runs(ordered: Sequence[int]) -> list[list[int]]:
    """Neighbours grouped."""
    runs: list[list[int]] = []
    for value in ordered:
        if runs and value == runs[-1][-1] + 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return runs


def _range(run: Sequence[int]) -> str:
    return f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run))
