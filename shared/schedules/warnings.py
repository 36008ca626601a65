"""What a person should know of a schedule: warnings, which forbid nothing (N6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice, pairwise

from shared.recurrence import Frequency, Recurrence, next_run, occurrences, rrule
from shared.recurrence import zone as zones
from shared.recurrence.fields import DAY, MONTH, WEEKDAY
from shared.recurrence.syntax import expand, split
from shared.schedules.clock_changes import within
from shared.schedules.model import Schedule

_YEAR = timedelta(days=366)
_LOOK = timedelta(days=400)
"""How far ahead clock changes are looked for: both of a year."""
_FEW = 20
"""How many runs are looked at for the shortest time between two."""
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_LATE_DAYS = (29, 30, 31)
_HOURLY = 24
"""What names as many times of a day runs on both sides of a change of clocks anyway."""


class Code(StrEnum):
    """What a warning is about. The words are the API's."""

    NEVER_RUNS = "never_runs"
    RUNS_RARELY = "runs_rarely"
    OFF = "off"
    """It is turned off, or paused."""
    SKIPPED_HOUR = "skipped_hour"
    """A coming change of clocks skips a time at which it runs."""
    REPEATED_HOUR = "repeated_hour"
    """A coming change of clocks shows a time at which it runs twice."""
    LATE_DAY = "late_day"
    """It runs on the 29th, 30th or 31st, which not every month has."""
    TOO_OFTEN = "too_often"
    """It comes due more often than a run takes."""
    SAME = "same_as_another"
    """Another schedule runs the same task with the same parameters at the same times."""
    MEETS = "meets_another"
    """It runs at the same time as another schedule on the same task or resource."""
    NOBODY_TOLD = "nobody_told"
    """It wants a mail of each run's end, and names no address."""


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning."""

    code: Code
    message: str


def of_times(schedule: Schedule, now: datetime) -> list[Warned]:
    """What its recurrence alone tells."""
    recurrence = schedule.definition.recurrence
    if (first := next_run(recurrence, now)) is None or schedule.runs_left == 0:
        return [Warned(Code.NEVER_RUNS, _never(schedule, now))]
    found = [*_off(schedule), *_rarely(recurrence, first)]
    return [*found, *_clocks(recurrence, now), *_late_days(recurrence)]


def too_often(recurrence: Recurrence, now: datetime, takes: float | None) -> list[Warned]:
    """Whether it comes due again before a run has usually ended. `takes`: seconds that a run takes,
    as learned; None if that is not known."""
    due = list(islice(occurrences(recurrence, now, now + _YEAR), _FEW))
    between = min((later - earlier for earlier, later in pairwise(due)), default=None)
    if takes is None or between is None or between.total_seconds() >= takes:
        return []
    next_after = between.total_seconds()
    said = f"a run takes up to {takes:.0f} s, and the next is due after {next_after:.0f} s"
    return [Warned(Code.TOO_OFTEN, f"{said}; what becomes of it says `overlap`")]


def nobody_told(schedule: Schedule) -> list[Warned]:
    """Whether it wants mails, and says not to whom (`CustomerParams`)."""
    given = schedule.definition.task_parameters
    if given.get("notify_on_completion") is not True or given.get("notification_emails"):
        return []
    said = "notify_on_completion is true, and notification_emails names nobody: no mail is sent"
    return [Warned(Code.NOBODY_TOLD, said)]


def same(schedule: Schedule, others: Iterable[Schedule]) -> list[Warned]:
    """The other schedules that do the same at the same times; the first three are named."""
    mine = _does(schedule)
    found = [one for one in others if one.id != schedule.id and _does(one) == mine]
    names = [f"{one.definition.name} ({one.id})" for one in found[:3]]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    said = "it runs the same task with the same parameters at the same times as "
    return [Warned(Code.SAME, said + ", ".join(names) + more)] if found else []


def _does(schedule: Schedule) -> tuple[object, ...]:
    """What it runs, and when: the same for `@daily` and `0 0 * * *`."""
    what = schedule.definition
    when, observance = what.recurrence, what.recurrence.calendar
    texts = [tuple(split(one)) for one in when.expressions]
    out = [tuple(split(one)) for one in when.exclude_cron_expressions]
    return (
        *(what.project_id, what.task_type, dict(what.task_parameters)),
        *(sorted(texts), sorted(out), when.rrule, when.interval_seconds, when.timezone),
        *(when.first, when.end_time),
        *(observance and observance.rule, observance and observance.names),
    )


def _never(schedule: Schedule, now: datetime) -> str:
    recurrence = schedule.definition.recurrence
    if schedule.runs_left == 0:
        return "it has no run left: max_runs is reached"
    if recurrence.calendar is not None:
        without = replace(recurrence, calendar=None, stored=True)
        if next_run(without, now) is not None:
            return f"{', '.join(recurrence.calendar.names)} holds every run back"
    if recurrence.frequency is Frequency.ONCE:
        return "its one time has passed"
    return "no run is left before its end"


def _off(schedule: Schedule) -> Iterator[Warned]:
    if not schedule.definition.enabled:
        yield Warned(Code.OFF, "it is turned off, and starts none of these runs until it is on")
    elif schedule.progress.paused_reason is not None:
        yield Warned(Code.OFF, f"it is paused: {schedule.progress.paused_reason}")


def _rarely(recurrence: Recurrence, first: datetime) -> Iterator[Warned]:
    """Less than once a year, from one run to the next."""
    second = next_run(recurrence, first)
    if second is not None and second - first > _YEAR:
        said = f"it runs less than once a year: on {first:%Y-%m-%d}, and then on {second:%Y-%m-%d}"
        yield Warned(Code.RUNS_RARELY, said)


def _clocks(recurrence: Recurrence, now: datetime) -> Iterator[Warned]:
    """The next gap and the next repeated hour in which it would run."""
    named, zone, seen = recurrence.named, zones.find(recurrence.timezone), set[bool]()
    if named is None or len(named.both.day_times()) >= _HOURLY:
        return
    for change in zones.changes(zone, now, now + _LOOK):
        walls, back = within(named.both, change), change.after < change.before
        if not walls or back in seen or not _reaches(recurrence, change):
            continue
        seen.add(back)
        fixed = named.fixed is not None and bool(within(named.fixed, change))
        yield _told(walls[0], back=back, fixed=fixed)


def _reaches(recurrence: Recurrence, change: zones.Change) -> bool:
    """Whether the recurrence has begun by then, has not ended, and no calendar is closed."""
    first, last = recurrence.first, recurrence.last
    if (first and change.at < first) or (last and change.at > last):
        return False
    observance = recurrence.calendar
    return observance is None or not observance.held(change.at, zones.find(recurrence.timezone))


def _told(wall: datetime, *, back: bool, fixed: bool) -> Warned:
    when = f"{wall:%H:%M} on {wall:%Y-%m-%d}"
    if back:
        does = "it runs the first time only" if fixed else "it runs both times"
        return Warned(Code.REPEATED_HOUR, f"clocks show {when} twice; {does}")
    does = "it runs when the gap ends" if fixed else "it does not run then"
    return Warned(Code.SKIPPED_HOUR, f"clocks skip {when}; {does}")


def _late_days(recurrence: Recurrence) -> Iterator[Warned]:
    days = sorted({day for day, months in _dates(recurrence) if _lacks(day, months)})
    if days:
        said = " and ".join(f"{day}{'st' if day == 31 else 'th'}" for day in days)
        yield Warned(Code.LATE_DAY, f"not every month has a {said}; in the others it does not run")


def _lacks(day: int, months: Sequence[int]) -> bool:
    return any(_LENGTHS[month - 1] < day for month in months)


def _dates(recurrence: Recurrence) -> Iterator[tuple[int, Sequence[int]]]:
    """The 29th to 31st, where they are named one by one, each with the months that are meant."""
    if recurrence.rrule is not None and recurrence.first is not None:
        start = zones.wall_of(recurrence.first, zones.find(recurrence.timezone))
        yield from _of_rule(rrule.parse(recurrence.rrule), start)
    for expression in recurrence.expressions:
        fields = split(expression)
        if fields[WEEKDAY] in ("*", "?"):
            months = expand(fields).values[MONTH]
            named = re.findall(r"(?:^|,)(29|30|31)(?=,|$)", fields[DAY])
            yield from ((int(day), months) for day in named)


def _of_rule(rule: rrule.RRule, start: datetime) -> Iterator[tuple[int, Sequence[int]]]:
    """The same for a rule, which takes from its start what it does not say."""
    yearly = rule.freq is rrule.Freq.YEARLY
    if rule.weekdays or rule.nth or not (rule.month_days or yearly or rule.freq is _MONTHLY):
        return
    months = rule.months or ((start.month,) if yearly and not rule.month_days else _ALL_MONTHS)
    for day in rule.month_days or (start.day,):
        if day in _LATE_DAYS:
            yield day, months


_MONTHLY = rrule.Freq.MONTHLY
_ALL_MONTHS = range(1, 13)
