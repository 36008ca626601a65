"""A recurrence: when something happens again, as a person says it (C1, C2, C3).

    Recurrence(frequency=Frequency.CRON, cron_expression="0 6 * * *", timezone="America/New_York")

One that exists is valid: making it raises `InvalidRecurrence`, naming the field at fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import InitVar, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.recurrence import cron, zone
from shared.recurrence.calendar import Observance
from shared.recurrence.invalid import InvalidRecurrence
from shared.recurrence.syntax import FIVE

_SECOND = timedelta(seconds=1)
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(9000, 12, 31, 23, 59, 59, tzinfo=UTC)
_LONGEST_INTERVAL = 100 * 366 * 86400


class Frequency(StrEnum):
    """How a recurrence is given. The words are the API's."""

    ONCE = "once"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    CRON = "cron"
    INTERVAL = "interval"


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
    """For `cron` only: five fields."""
    interval_seconds: int | None = None
    """For `interval` only: elapsed seconds from one occurrence to the next."""
    start_time: datetime | None = None
    """No occurrence before it; one at it counts. The occurrence of `once`; anchors `interval`."""
    end_time: datetime | None = None
    """No occurrence after it; one at it counts."""
    calendar: Observance | None = None
    """The calendars that it observes, as they are now."""
    stored: InitVar[bool] = False
    """It was taken before, and is read again: what is refused by now must stay readable."""

    def __post_init__(self, stored: bool) -> None:
        self._check(cron.parse if stored else cron.check)

    def _check(self, check_cron: Callable[[str], object]) -> None:
        """Raise `InvalidRecurrence` unless every field is right."""
        if not isinstance(self.frequency, Frequency):
            words = ", ".join(Frequency)
            raise InvalidRecurrence("frequency", f"{self.frequency!r:.60} is none of: {words}")
        zone.find(self.timezone)
        self._check_expression(check_cron)
        self._check_interval()
        if self.start_time is not None or self.end_time is not None:
            self._check_window()
        if self.frequency is Frequency.ONCE and self.start_time is None:
            raise InvalidRecurrence("start_time", "'once' needs the time at which it occurs")

    def _check_expression(self, check: Callable[[str], object]) -> None:
        if self.frequency is Frequency.CRON:
            if self.cron_expression is None:
                raise InvalidRecurrence("cron_expression", f"'cron' needs one: {FIVE}")
            if not isinstance(self.cron_expression, str):
                raise InvalidRecurrence("cron_expression", f"give text with five fields: {FIVE}")
            check(self.cron_expression)
        elif self.cron_expression is not None:
            raise InvalidRecurrence(
                "cron_expression",
                f"{self.frequency.value!r} takes none; leave it out, or use frequency 'cron'",
            )

    def _check_interval(self) -> None:
        seconds = self.interval_seconds
        if self.frequency is not Frequency.INTERVAL:
            if seconds is not None:
                raise InvalidRecurrence(
                    "interval_seconds",
                    f"{self.frequency.value!r} takes none; leave it out, "
                    "or use frequency 'interval'",
                )
        elif type(seconds) is not int or not 1 <= seconds <= _LONGEST_INTERVAL:
            raise InvalidRecurrence(
                "interval_seconds",
                f"'interval' needs a whole number of seconds, 1 to {_LONGEST_INTERVAL}",
            )

    def _check_window(self) -> None:
        start = _checked("start_time", self.start_time)
        end = _checked("end_time", self.end_time)
        if start is not None and end is not None and end <= start:
            raise InvalidRecurrence("end_time", f"give a time later than start_time ({start})")

    @property
    def cron(self) -> cron.Cron | None:
        """The parsed cron expression that this amounts to; None for `once` and `interval`."""
        expression = self.cron_expression or _EXPRESSIONS.get(self.frequency)
        return cron.parse(expression) if expression is not None else None

    @property
    def first(self) -> datetime | None:
        """`start_time` in UTC, rounded up to a whole second."""
        start = self.start_time
        if start is None:
            return None
        whole = start.astimezone(UTC).replace(microsecond=0)
        return whole + _SECOND if start.microsecond else whole


def _checked(field: str, time: object) -> datetime | None:
    """The time in UTC."""
    if time is None:
        return None
    if not isinstance(time, datetime) or time.utcoffset() is None:
        raise InvalidRecurrence(field, "give a time with its offset, such as 2030-01-31T09:00:00Z")
    if not _FIRST <= time <= _LAST:  # it is stored, and read again, in UTC
        raise InvalidRecurrence(field, "give a year from 1900 to 9000")
    return time.astimezone(UTC)
