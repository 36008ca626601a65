"""The five fields of a cron expression: their names, their ranges, and what plain text names.

Plain is `*`, a number, a name, a range that goes up, a step, and a list of these (crontab(5)).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MINUTE, HOUR, DAY, MONTH, WEEKDAY = range(5)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One field."""

    name: str
    every: range
    """All its values."""
    values: Mapping[str, int]
    """Each text that names one value, with that value."""
    cycle: str
    """What all its values are, such as an hour."""
    names: Sequence[str] = ()

    @property
    def extent(self) -> str:
        """Its range, for a person."""
        named = f" or {self.names[0].upper()}-{self.names[-1].upper()}" if self.names else ""
        return f"{self.every[0]}-{self.every[-1]}{named}"


def _field(name: str, first: int, last: int, cycle: str, names: Sequence[str] = ()) -> Field:
    every = range(first, last + 1)
    values = {str(v): v for v in every} | {f"{v:02}": v for v in every}
    values |= {text: value for value, text in enumerate(names, first)}
    return Field(name=name, every=every, values=values, cycle=cycle, names=names)


FIELDS = (
    _field("minute", 0, 59, "an hour"),
    _field("hour", 0, 23, "a day"),
    _field("day of month", 1, 31, "a month"),
    _field("month", 1, 12, "a year", _MONTHS),
    _field("day of week", 0, 6, "a week", _WEEKDAYS),
)


def plain(text: str, field: Field) -> Sequence[int] | None:
    """The values that plain lower-case text names, sorted; None if it is not plain."""
    if text == "*":
        return field.every
    value = field.values.get(text)
    if value is not None:
        return (value,)
    if "," in text:
        return _plain_list(text, field)
    body, slash, step = text.partition("/")
    if not slash:
        return _plain_range(body, field, alone=False)
    if len(step) > 3 or not step.isdecimal() or not int(step):
        return None
    stepped = _plain_range(body, field, alone=True)
    return stepped and stepped[:: int(step)]


def _plain_list(text: str, field: Field) -> Sequence[int] | None:
    found: set[int] = set()
    for part in text.split(","):
        values = plain(part, field)
        if values is None:
            return None
        found.update(values)
    return tuple(sorted(found))


def _plain_range(text: str, field: Field, *, alone: bool) -> range | None:
    """`a-b`, `*`, and, if allowed `alone`, `a` for a to the end."""
    if text == "*":
        return field.every
    low, dash, high = text.partition("-")
    first = field.values.get(low)
    last = field.values.get(high) if dash else field.every[-1]
    if first is None or last is None or not (dash or alone):
        return None
    if first > last or (dash and first == last):
        return None
    return range(first, last + 1)
