"""A recurrence: when something happens again, as a person says it (C1, C2, C3).

    Recurrence(frequency=Frequency.CRON, cron_expression="0 6 * * *", timezone="America/New_York")

One that exists is valid: making it raises `InvalidRecurrence`, naming the field at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.recurrence import cron, resolve, rrule, zone
from shared.recurrence.calendar import Observance
from shared.recurrence.invalid import InvalidRecurrence
from shared.recurrence.named import Named
from shared.recurrence.syntax import FIVE

_SECOND = timedelta(seconds=1)
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 12, 31, 23, 59, 59, tzinfo=UTC)
_LONGEST_INTERVAL = 100 * 366 * 86400
MOST_EXPRESSIONS = 20


class Frequency(StrEnum):
    """How a recurrence is given. The words are the API's."""

    ONCE = "once"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    CRON = "cron"
    INTERVAL = "interval"
    RRULE = "rrule"


_RRULE = Frequency.RRULE
_EXPRESSIONS = {
    Frequency.HOURLY: "0 * * * *",
    Frequency.DAILY: "0 0 * * *",
    Frequency.WEEKLY: "0 0 * * 1",
    Frequency.MONTHLY: "0 0 1 * *",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Recurrence:
    """When something happens again."""

    frequency: Frequency
    timezone: str = "UTC"
    """The IANA zone whose clocks the times of day are read from."""
    cron_expression: str | None = None
    """For `cron`: five fields, or a name such as `@daily`."""
    cron_expressions: tuple[str, ...] = ()
    """For `cron`, in place of `cron_expression`: whatever one of them names."""
    exclude_cron_expressions: tuple[str, ...] = ()
    """Minutes that are left out, by the clocks of the zone. Not for `once` and `interval`."""
    interval_seconds: int | None = None
    """For `interval` only: elapsed seconds from one occurrence to the next."""
    rrule: str | None = None
    """For `rrule` only: a rule of RFC 5545, which begins at the start."""
    start_time: datetime | None = None
    """No occurrence before it; one at it counts. The occurrence of `once`; anchors `interval` and
    `rrule`."""
    start_local: datetime | None = None
    """In place of `start_time`: by the clocks of the zone, so without an offset. If they skip it,
    the end of the gap; if they show it twice, the first time."""
    end_time: datetime | None = None
    """No occurrence after it; one at it counts."""
    calendar: Observance | None = None
    """The calendars that it observes, as they are now."""
    stored: InitVar[bool] = False
    """It was taken before, and is read again: what is refused by now must stay readable."""

    def __post_init__(self, stored: bool) -> None:
        self._check(cron.parse if stored else cron.check)
        if not stored and (self.exclude_cron_expressions or self.rrule is not None):
            self._refuse_never()

    def _check(self, check_cron: Callable[[str], object]) -> None:
        """Raise `InvalidRecurrence` unless every field is right."""
        if not isinstance(self.frequency, Frequency):
            words = ", ".join(Frequency)
            raise InvalidRecurrence("frequency", f"{self.frequency!r:.60} is none of: {words}")
        zone.find(self.timezone)
        self._check_expression(check_cron)
        if self.cron_expressions or self.exclude_cron_expressions:
            self._check_expressions(check_cron)
        self._check_interval()
        if self.rrule is not None or self.frequency is _RRULE:
            self._check_rule()
        if self.start_local is not None:
            self._check_local()
        if self.end_time is not None or self.start_time is not None:
            self._check_window()
        if self.start_time is None and self.start_local is None:
            self._check_startless()

    def _check_startless(self) -> None:
        if self.frequency is Frequency.ONCE:
            raise InvalidRecurrence("start_time", "'once' needs the time at which it occurs")
        if self.frequency is Frequency.RRULE:
            said = "'rrule' needs the time at which it begins, as start_time or start_local"
            raise InvalidRecurrence("start_time", said)

    def _check_expression(self, check: Callable[[str], object]) -> None:
        if self.frequency is not Frequency.CRON:
            if self.cron_expression is not None:
                raise self._takes_none("cron_expression", Frequency.CRON)
        elif self.cron_expression is not None:
            if not isinstance(self.cron_expression, str):
                raise InvalidRecurrence("cron_expression", f"give text with five fields: {FIVE}")
            if self.cron_expressions:
                raise InvalidRecurrence(
                    "cron_expressions", "give cron_expression or cron_expressions, not both"
                )
            check(self.cron_expression)
        elif not self.cron_expressions:
            raise InvalidRecurrence("cron_expression", f"'cron' needs one: {FIVE}")

    def _check_expressions(self, check: Callable[[str], object]) -> None:
        if self.cron_expressions and self.frequency is not Frequency.CRON:
            raise self._takes_none("cron_expressions", Frequency.CRON)
        if self.exclude_cron_expressions and self.frequency in _NO_WALLS:
            said = f"{self.frequency.value!r} takes none, since it names no times of day"
            raise InvalidRecurrence("exclude_cron_expressions", said)
        for field in ("cron_expressions", "exclude_cron_expressions"):
            _check_all(field, getattr(self, field), check)

    def _check_rule(self) -> None:
        if self.frequency is not Frequency.RRULE:
            raise self._takes_none("rrule", Frequency.RRULE)
        if self.rrule is None:
            said = "'rrule' needs one, such as FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"
            raise InvalidRecurrence("rrule", said)
        rrule.parse(self.rrule)

    def _check_local(self) -> None:
        wall = self.start_local
        if not isinstance(wall, datetime) or wall.tzinfo is not None or wall.microsecond:
            raise InvalidRecurrence(
                "start_local",
                "give a time in whole seconds and without an offset, such as 2030-01-31T09:00:00",
            )
        if self.start_time is not None:
            raise InvalidRecurrence("start_local", "give start_time or start_local, not both")
        if not _FIRST.year <= wall.year < _LAST.year:
            raise InvalidRecurrence("start_local", "give a year from 1900 to 8999")

    def _takes_none(self, field: str, right: Frequency) -> InvalidRecurrence:
        return InvalidRecurrence(
            field,
            f"{self.frequency.value!r} takes none; leave it out, or use frequency {right.value!r}",
        )

    def _check_interval(self) -> None:
        seconds = self.interval_seconds
        if self.frequency is not Frequency.INTERVAL:
            if seconds is not None:
                raise self._takes_none("interval_seconds", Frequency.INTERVAL)
        elif type(seconds) is not int or not 1 <= seconds <= _LONGEST_INTERVAL:
            raise InvalidRecurrence(
                "interval_seconds",
                f"'interval' needs a whole number of seconds, 1 to {_LONGEST_INTERVAL}",
            )

    def _check_window(self) -> None:
        _checked("start_time", self.start_time)
        end, start = _checked("end_time", self.end_time), self.start_time or self.start_local
        if end is None or start is None or self.first is None:
            return
        if end <= (self.first if self.start_time is None else self.start_time):
            given = "start_local" if self.start_time is None else "start_time"
            raise InvalidRecurrence("end_time", f"give a time later than {given} ({start})")

    def _refuse_never(self) -> None:
        """Raise if what is left of the wall times is nothing."""
        resolve.refuse_never(
            self.expressions, self.exclude_cron_expressions, self.rrule, self._anchor
        )

    @property
    def expressions(self) -> tuple[str, ...]:
        """The cron expressions that this amounts to; empty for `once`, `interval`, `rrule`."""
        if self.cron_expressions:
            return self.cron_expressions
        expression = self.cron_expression or _EXPRESSIONS.get(self.frequency)
        return () if expression is None else (expression,)

    @property
    def cron(self) -> cron.Cron | None:
        """The one parsed cron expression that this amounts to, if it is one and no more."""
        if self.cron_expressions or self.exclude_cron_expressions:
            return None
        expression = self.cron_expression or _EXPRESSIONS.get(self.frequency)
        return cron.parse(expression) if expression is not None else None

    @property
    def named(self) -> Named | None:
        """The wall times that it names; None for `once` and `interval`."""
        if self.frequency in _NO_WALLS:
            return None
        return resolve.named(
            self.expressions, self.exclude_cron_expressions, self.rrule, self._anchor
        )

    @property
    def first(self) -> datetime | None:
        """The start in UTC, rounded up to a whole second."""
        start = self.start_time
        if start is None:
            wall = self.start_local
            return wall and zone.first_instant(wall, zone.find(self.timezone))
        whole = start.astimezone(UTC).replace(microsecond=0)
        return whole + _SECOND if start.microsecond else whole

    @property
    def last(self) -> datetime | None:
        """No occurrence is after it: `end_time`, or the end of the rule (UNTIL, COUNT), in UTC."""
        end = self.end_time
        if end is not None:
            end = end.astimezone(UTC)
        if self.rrule is None:
            return end
        over = self._rule_end()
        return over if end is None or (over is not None and over < end) else end

    @property
    def ends_by_rule(self) -> bool:
        """Whether UNTIL or COUNT ends it, and not `end_time`."""
        over = self._rule_end()
        return over is not None and (self.end_time is None or over < self.end_time)

    def _rule_end(self) -> datetime | None:
        anchor, first = self._anchor, self.first
        if self.rrule is None or anchor is None or first is None:
            return None
        return resolve.rule_end(self.rrule, anchor, self.timezone, first)

    @property
    def _anchor(self) -> datetime | None:
        """The wall time at which a rule starts; None if there is no rule."""
        if self.rrule is None:
            return None
        first = self.first
        if self.start_local is not None or first is None:
            return self.start_local
        return zone.wall_of(first, zone.find(self.timezone)).replace(fold=0)

    @property
    def text(self) -> str:
        """In one line, as it was given: its expressions, its rule, or its frequency."""
        given = self.rrule or self.cron_expression or "; ".join(self.cron_expressions)
        return given or self.frequency.value


_NO_WALLS = (Frequency.ONCE, Frequency.INTERVAL)


def _check_all(field: str, expressions: object, check: Callable[[str], object]) -> None:
    """Raise for a wrong expression of several."""
    if not isinstance(expressions, tuple) or len(expressions) > MOST_EXPRESSIONS:
        raise InvalidRecurrence(field, f"give at most {MOST_EXPRESSIONS} expressions")
    for one in expressions:
        if not isinstance(one, str):
            raise InvalidRecurrence(field, f"give texts with five fields: {FIVE}")
        try:
            check(one)
        except InvalidRecurrence as error:
            raise InvalidRecurrence(field, f"{one[:60]!r}: {error.message}") from None


def _checked(field: str, time: object) -> datetime | None:
    """The time in UTC."""
    if time is None:
        return None
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise InvalidRecurrence(field, "give a time with its offset, such as 2030-01-31T09:00:00Z")
    if not _FIRST <= time <= _LAST:  # it is stored, and read again, in UTC
        raise InvalidRecurrence(field, "give a year from 1900 to 9000")
    return time.astimezone(UTC)
