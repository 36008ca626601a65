"""What calendars do to a run: let it be, hold it back, or move it to another day (N8).

A calendar says which days, spans of local time and times of day are *closed*. A recurrence that
observes calendars keeps their data as it was when its schedule was saved, so that its occurrences
follow from itself alone.

What is closed is read from clocks: those of the calendar's zone or, if it has none, of the
recurrence's. The rule says what becomes of a run on a closed day or within a blackout. It is left
out (`skip`), or it is moved to the next or the previous day on which the same time of day, by the
recurrence's zone, is open. Working hours never move a run; one outside them is held back.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import TypeAlias

from shared.recurrence import zone as zones

LONGEST_MOVE = 366
"""Days. A run that finds no open day within so many is held back."""
DAY_MINUTES = 1440
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
_EARLIEST, _LATEST = datetime(3, 1, 1), datetime(9998, 12, 1)  # noqa: DTZ001 (wall times)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class CalendarRule(StrEnum):
    """What becomes of a run when a calendar is closed. The words are the API's."""

    SKIP = "skip"
    """It is left out."""
    NEXT = "next"
    """It runs on the next open day, at the same time of day."""
    PREVIOUS = "previous"
    """It runs on the previous open day, at the same time of day."""


@dataclass(frozen=True, slots=True)
class DayOff:
    """A closed day."""

    day: date
    reason: str


@dataclass(frozen=True, slots=True)
class Blackout:
    """A closed span of local time, its end not included."""

    begin: datetime
    end: datetime
    reason: str


Hours = tuple[tuple[int, int], ...]
"""The open spans of a weekday, in minutes since midnight, in order; none: it is no working day."""


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a local time is closed."""

    reason: str
    until: datetime
    """The local time up to which this holds, at most the next midnight."""
    moves: bool
    """Whether the rule may move a run away from it; it does not from outside the working hours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """What a calendar says, at one version."""

    id: str
    name: str
    version: int
    timezone: str = ""
    """The zone whose clocks it is read by; empty: the recurrence's."""
    days: tuple[DayOff, ...] = ()
    """In order; one for each day."""
    blackouts: tuple[Blackout, ...] = ()
    """In order; they do not overlap."""
    hours: tuple[Hours, ...] = ()
    """The working hours of the seven weekdays, Monday first; empty: none, every time is open."""

    def closed(self, wall: datetime) -> Closed | None:
        """Why it is closed at a local time; None if it is open."""
        day = wall.date()
        if (off := self.day_off(day)) is not None:
            return Closed(off, _midnight(day + _DAY), True)
        if (span := self._blackout(wall)) is not None:
            return Closed(span.reason, min(span.end, _midnight(day + _DAY)), True)
        return self._outside_hours(wall)

    def open_until(self, wall: datetime) -> datetime:
        """Of an open local time: up to when at least it stays open, at most the next midnight."""
        end = _midnight(wall.date() + _DAY)
        at = bisect_right(self.blackouts, wall, key=_begin)
        if at < len(self.blackouts):
            end = min(end, self.blackouts[at].begin)
        for first, last in self.hours[wall.weekday()] if self.hours else ():
            if first <= _minute(wall) < last < DAY_MINUTES:
                end = min(end, _midnight(wall.date()) + timedelta(minutes=last))
        return end

    def day_off(self, day: date) -> str | None:
        """Why a whole day is closed; None if it is not, or not as a whole."""
        at = bisect_left(self.days, day, key=_day)
        if at < len(self.days) and self.days[at].day == day:
            return self.days[at].reason
        if self.hours and not self.hours[day.weekday()]:
            return f"{_WEEKDAYS[day.weekday()]} is no working day"
        return None

    def touches(self, day: date) -> bool:
        """Whether a run may be moved away from some time of a day."""
        if self.day_off(day) is not None:
            return True
        before = bisect_left(self.blackouts, _midnight(day + _DAY), key=_begin)
        return before > 0 and self.blackouts[before - 1].end > _midnight(day)

    @property
    def ends(self) -> date:
        """The last day of which it says something particular."""
        days = [self.days[-1].day] if self.days else []
        days += [self.blackouts[-1].end.date()] if self.blackouts else []
        return max(days, default=date.min)

    def _blackout(self, wall: datetime) -> Blackout | None:
        at = bisect_right(self.blackouts, wall, key=_begin) - 1
        return self.blackouts[at] if at >= 0 and wall < self.blackouts[at].end else None

    def _outside_hours(self, wall: datetime) -> Closed | None:
        if not self.hours:
            return None
        minute = _minute(wall)
        for first, last in self.hours[wall.weekday()]:
            if minute < first:
                opens = _midnight(wall.date()) + timedelta(minutes=first)
                return Closed("outside working hours", opens, False)
            if minute < last:
                return None
        return Closed("outside working hours", _midnight(wall.date() + _DAY), False)


@dataclass(frozen=True, slots=True)
class Held:
    """What holds a run back, or moved it."""

    calendar: str
    """The calendar's name."""
    reason: str
    until: datetime
    """The instant up to which this is known to hold, or that of the run."""
    moves: bool


There: TypeAlias = tuple[datetime, Held | None]
"""Of a local time: its instant, and what holds a run back there."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What becomes of a run."""

    at: datetime | None
    """When it is due instead, if it is."""
    held: Held | None = None
    """Why it is not due at its own time, if it is not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Observance:
    """The calendars that a recurrence observes, and how."""

    rule: CalendarRule
    calendars: tuple[Calendar, ...]

    @property
    def names(self) -> list[str]:
        return [calendar.name for calendar in self.calendars]

    @property
    def ends(self) -> date:
        """The last day of which a calendar says something particular; later, weeks are alike."""
        return max(calendar.ends for calendar in self.calendars)

    def held(self, at: datetime, zone: tzinfo) -> Held | None:
        """Why a run at an instant is held back; None if every calendar is open. `zone`: the
        recurrence's. What the rule can move away from comes before working hours."""
        found: Held | None = None
        for calendar, its in self._zoned(zone):
            closed = calendar.closed(zones.wall_of(at, its))
            if closed is not None and (found is None or (closed.moves and not found.moves)):
                until = _steady(at, closed.until, its)
                found = Held(calendar.name, closed.reason, until, closed.moves)
        return found

    def open_until(self, at: datetime, zone: tzinfo) -> datetime:
        """Of an open instant: an instant, later than `at`, up to which it stays open; or `at`
        itself, if the clocks change before."""
        return min(
            _steady(at, calendar.open_until(zones.wall_of(at, its)), its)
            for calendar, its in self._zoned(zone)
        )

    def placed(
        self, at: datetime, zone: tzinfo, *, elapsed: bool, known: dict[datetime, There]
    ) -> Placed:
        """What becomes of a run due at `at` by its recurrence alone.

        `elapsed`: the recurrence follows elapsed time, so a time of day that clocks skip on the new
        day does not run; of any other it runs at the end of the gap. `known`: what was found out
        about local times, which the runs of a long closed span look at again and again.
        """
        held = self.held(at, zone)
        if held is None or not held.moves or self.rule is CalendarRule.SKIP:
            return Placed(at if held is None else None, held)
        for wall in self._other_days(zones.wall_of(at, zone).replace(fold=0)):
            if (found := known.get(wall)) is None:
                moved = zones.first_instant(wall, zone)
                found = known[wall] = moved, self.held(moved, zone)
            moved, there = found
            if there is None:
                skipped = elapsed and not zones.instants(wall, zone)
                return Placed(None if skipped else moved, held)
            if not there.moves:
                return Placed(None, there)
        return Placed(None, held)

    def _other_days(self, wall: datetime) -> Iterator[datetime]:
        """The same time of day on the days to which the rule may move it, nearest first."""
        step = _DAY if self.rule is CalendarRule.NEXT else -_DAY
        for _ in range(LONGEST_MOVE):
            wall += step
            if not _EARLIEST < wall < _LATEST:
                return
            yield wall

    def furthest(self, at: datetime, zone: tzinfo, *, forward: bool) -> datetime:
        """An instant beyond which no run is moved across `at`, to the other side of it."""
        step = _DAY if forward else -_DAY
        alike = all(its is zone for _, its in self._zoned(zone))
        day, calm = zones.wall_of(at, zone).date(), 0
        for _ in range(LONGEST_MOVE + 1):
            at, day = at + step, day + step
            if not _EARLIEST.date() < day < _LATEST.date():
                return at - step
            if not any(calendar.touches(day) for calendar in self.calendars):
                calm += 1
            elif not alike:
                calm = 0
            # in one zone, a run crosses no untouched day; two, because a gap may swallow a midnight
            if calm == (2 if alike else 4):
                break
        return at + step

    def _zoned(self, zone: tzinfo) -> Iterator[tuple[Calendar, tzinfo]]:
        for calendar in self.calendars:
            own = calendar.timezone
            yield calendar, zones.find(own) if own else zone


def _steady(at: datetime, wall: datetime, zone: tzinfo) -> datetime:
    """When clocks show the later local time `wall`; `at` itself if they change before that."""
    then = zones.first_instant(wall, zone)
    steady = then > at and zones.offset(at, zone) == zones.offset(then - _SECOND, zone)
    return then if steady else at


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _minute(wall: datetime) -> int:
    return 60 * wall.hour + wall.minute


def _day(one: DayOff) -> date:
    return one.day


def _begin(one: Blackout) -> datetime:
    return one.begin


def merged(blackouts: Sequence[Blackout]) -> tuple[Blackout, ...]:
    """The blackouts in order, where those that overlap are one, with the reason of the first."""
    found: list[Blackout] = []
    for one in sorted(blackouts, key=lambda it: (it.begin, it.end)):
        if found and one.begin < found[-1].end:
            last = found[-1]
            found[-1] = Blackout(last.begin, max(last.end, one.end), last.reason)
        else:
            found.append(one)
    return tuple(found)
