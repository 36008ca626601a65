"""Parts of a day field beyond plain text: `L`, `L-3`, `15W`, `LW`, `5L`, `5#2`, Sunday as 7.

Also, in every field, a range that wraps around (`22-2`). The forms are Quartz' and croniter's:
https://www.quartz-scheduler.org/documentation/quartz-2.3.0/tutorials/crontrigger.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.recurrence.fields import DAY, FIELDS, WEEKDAY, Field, plain

LAST = -1
"""In place of which one in the month: the last."""


@dataclass(slots=True)
class Parts:
    """What the parts of a field name, together."""

    values: set[int] = field(default_factory=set)
    from_last: set[int] = field(default_factory=set)
    """0 for the last day of the month, -3 for the third before it."""
    nearest: set[int] = field(default_factory=set)
    """The weekday (Monday to Friday) nearest to that day; 0 for the last one of the month."""
    nth: set[tuple[int, int]] = field(default_factory=set)
    """(weekday, which one in the month), `LAST` for the last."""

    def add(self, part: str, one: Field) -> bool:
        """Add what a lower-case part names; false if it is none of these forms."""
        values = plain(part, one)
        if values is None and one is FIELDS[DAY]:
            return self._add_day(part, one)
        if values is None and one is FIELDS[WEEKDAY]:
            return self._add_weekday(part, one)
        return self._add_values(_wrapped(part, one) if values is None else values)

    def _add_values(self, values: Sequence[int] | None) -> bool:
        self.values.update(values or ())
        return values is not None

    def _add_day(self, part: str, one: Field) -> bool:
        if part == "l":
            self.from_last.add(0)
        elif part == "lw":
            self.nearest.add(0)
        elif part[-1:] == "w":
            return _put(one.values.get(part[:-1]), self.nearest)
        elif part[:2] == "l-":
            days = one.values.get(part[2:], 31)
            return days < 31 and _put(-days, self.from_last)
        elif part == "?":
            self.values.update(one.every)
        else:
            values = plain(part.replace("-l", "-31"), one)
            return self._add_values(_wrapped(part, one) if values is None else values)
        return True

    def _add_weekday(self, part: str, one: Field) -> bool:
        days, hash_, which = part.partition("#")
        if hash_:
            if len(which) != 1 or which not in "12345":
                return False
            return self._add_nth(_weekdays(days, one), int(which))
        if part[:1] == "l":
            return self._add_nth(_weekday(part[1:], one), LAST)
        if part[-1:] == "l":
            return self._add_nth(_weekday(part[:-1], one), LAST)
        return self._add_values(one.every if part == "?" else _weekdays(part, one))

    def _add_nth(self, days: Sequence[int] | None, which: int) -> bool:
        self.nth.update((day, which) for day in days or ())
        return days is not None


def _put(value: int | None, into: set[int]) -> bool:
    if value is None:
        return False
    into.add(value)
    return True


def _weekday(text: str, one: Field) -> Sequence[int] | None:
    value = 0 if text == "7" else one.values.get(text)
    return None if value is None else (value,)


def _weekdays(text: str, one: Field) -> Sequence[int] | None:
    """A weekday, or a range of them that may end with 7 or wrap around."""
    body, slash, step = text.partition("/")
    low, dash, high = body.partition("-")
    if not dash:
        return None if slash else _weekday(text, one)
    first = one.values.get(low)
    if high != "7":
        found = plain(text, one)
        return _wrapped(text, one) if found is None else found
    if first is None or first == 7 or (slash and not (step.isdecimal() and int(step))):
        return None
    return [day % 7 for day in range(first, 8, int(step or 1))]


def _wrapped(text: str, one: Field) -> Sequence[int] | None:
    """The values of a range that goes down: to the end, and on from the beginning."""
    low, _, high = text.partition("-")
    first, last = one.values.get(low), one.values.get(high)
    if first is None or last is None or first <= last:
        return None
    return [*range(first, one.every[-1] + 1), *range(one.every[0], last + 1)]
