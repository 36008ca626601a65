"""What an iCalendar file closes (RFC 5545): whole days, and spans of time.

An event of whole days closes these days; one with times closes a blackout. Rules, exceptions and
changed instances count; what lies before the present year or beyond the horizon does not. The file
is somebody else's, so everything is bounded: its size, its events, and how often a rule recurs (it
is `recurrence` that walks it, and it walks no further than the horizon). Time zones are taken by
their names; a file's own definitions of zones, which may hold rules as well, are left out unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any

from shared.calendars.model import MOST_BLACKOUTS, MOST_DAYS, Imported
from shared.errors import Invalid
from shared.recurrence import Blackout, DayOff, Frequency, Recurrence, occurrences
from shared.recurrence import zone as zones

MOST_BYTES = 900_000
MOST_EVENTS = 5000
MOST_LINES = 100_000
MOST_RULES = 500
"""How many rules are walked: one with BYSETPOS takes 5 ms, even if it names a day a year."""
_MOST_LOOKS = 50_000
"""How many times and days of events are looked at, in all, also those that exceptions leave out: a
time of a rule takes 50 µs."""
_LONGEST = timedelta(days=3660)
_DAY = timedelta(days=1)
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OSError)
"""What the library raises for values that it cannot read; OSError for a zone whose name is too long
for a file. (Its own errors are ValueError.)"""
_LEFT_OUT = ("VTIMEZONE", "VALARM", "VTODO", "VJOURNAL", "VFREEBUSY")
_FOLDED = re.compile(r"\r?\n[ \t]")


@dataclass(frozen=True, slots=True)
class Span:
    """The days that count."""

    first: date
    last: date


@dataclass(slots=True)
class _Found:
    """What was found so far. Raises `Invalid` if it is too much."""

    days: dict[date, str] = field(default_factory=dict)
    blackouts: set[Blackout] = field(default_factory=set)
    looked_at: int = 0

    def look(self, many: int = 1) -> None:
        """So many more times and days are looked at."""
        self.looked_at += many
        if self.looked_at > _MOST_LOOKS:
            raise _wrong(f"its events recur more than {_MOST_LOOKS:,} times and days")

    def close(
        self, begin: datetime, end: datetime, reason: str, span: Span, *, whole: bool
    ) -> None:
        """Close a local span, as far as it lies in `span`."""
        first = max(begin, datetime.combine(span.first, time()))
        last = min(end, datetime.combine(span.last + _DAY, time()))
        self.look(max(0, (last - first).days))
        if first >= last:
            return
        if not whole:
            self.blackouts.add(Blackout(first, last, reason))
        day = first.date()
        while whole and datetime.combine(day, time()) < last:
            self.days.setdefault(day, reason)
            day += _DAY
        if len(self.days) > MOST_DAYS:
            raise _wrong(f"it closes more than {MOST_DAYS} days")
        if len(self.blackouts) > MOST_BLACKOUTS:
            raise _wrong(f"it closes more than {MOST_BLACKOUTS} spans of time")


def imported(text: str, zone: str, span: Span) -> Imported:
    """What the file closes in `span`, by the clocks of `zone` (empty: the calendar has none).

    Raises `Invalid` naming `ics`.
    """
    try:
        return _imported(text, zone, span)
    except _UNREADABLE as error:
        raise _unreadable("a value of it", error) from error


def _imported(text: str, zone: str, span: Span) -> Imported:
    found = _Found()
    events = list(_events(text))
    rules = sum(len(_rules(event)) for event in events)
    if rules > MOST_RULES:
        raise _wrong(f"it has {rules} rules; {MOST_RULES} can be")
    changed: dict[str, set[datetime]] = {}
    for event in events:
        if (instead := event.get("RECURRENCE-ID")) is not None:
            at = _wall(instead, zone, _title(event))
            changed.setdefault(str(event.get("UID", "")), set()).add(at)
    for event in events:
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        title = _title(event)
        begin, end, whole = _times(event, zone, title)
        left_out = {_wall(one, zone, title) for one in _listed(event, "EXDATE")}
        if event.get("RECURRENCE-ID") is None:
            left_out |= changed.get(str(event.get("UID", "")), set())
        for start in _starts(event, begin, end - begin, zone, span, title):
            found.look()
            if start not in left_out:
                found.close(start, start + (end - begin), title, span, whole=whole)
    days = tuple(DayOff(day, found.days[day]) for day in sorted(found.days))
    blackouts = sorted(found.blackouts, key=lambda one: (one.begin, one.end))
    if not days and not blackouts:
        raise _wrong(f"no event of it lies from {span.first} to {span.last}")
    return Imported(days=days, blackouts=tuple(blackouts))


def _events(text: str) -> Iterator[Any]:
    """The events of the file."""
    import icalendar

    kept = _kept(text)
    try:
        calendars = icalendar.Calendar.from_ical(kept, multiple=True)
    except _UNREADABLE as error:
        raise _unreadable("it", error) from error
    for calendar in calendars:
        if calendar.name != "VCALENDAR":
            raise _wrong("it has no BEGIN:VCALENDAR")
        yield from calendar.walk("VEVENT")


def _kept(text: str) -> str:
    """The file without the parts that say nothing here. Raises `Invalid` if it is too large."""
    if len(text.encode()) > MOST_BYTES:
        raise _wrong(f"it has more than {MOST_BYTES:,} bytes")
    lines = _FOLDED.sub("", text).splitlines()
    if len(lines) > MOST_LINES:
        raise _wrong(f"it has more than {MOST_LINES:,} lines")
    kept: list[str] = []
    within: str | None = None
    events = 0
    for line in lines:
        word = line.strip().upper()
        if within is None and word.removeprefix("BEGIN:") in _LEFT_OUT and word[:6] == "BEGIN:":
            within = word.removeprefix("BEGIN:")
        elif within is not None:
            within = None if word == f"END:{within}" else within
        elif line.strip():
            events += word == "BEGIN:VEVENT"
            kept.append(line)
    if not any(line.strip().upper() == "BEGIN:VCALENDAR" for line in kept[:1]):
        raise _wrong("it is no iCalendar file: its first line is not BEGIN:VCALENDAR")
    if events > MOST_EVENTS:
        raise _wrong(f"it has {events} events; {MOST_EVENTS} can be")
    return "\r\n".join(kept) + "\r\n"


def _times(event: Any, zone: str, title: str) -> tuple[datetime, datetime, bool]:
    """(its beginning, its end, whether it is of whole days), by the calendar's clocks."""
    start = event.get("DTSTART")
    if start is None:
        raise _wrong(f"event {title!r} has no DTSTART")
    whole = not isinstance(_value(start, title), datetime)
    begin = _wall(start, zone, title)
    end, length = event.get("DTEND"), event.get("DURATION")
    try:
        if end is not None:
            until = _wall(end, zone, title)
        elif length is not None:
            until = begin + length.dt
        else:
            until = begin + _DAY if whole else begin
    except (OverflowError, TypeError, AttributeError) as error:
        raise _wrong(f"event {title!r} has a length that cannot be read") from error
    if whole and until == begin:
        until += _DAY
    if not timedelta() <= until - begin <= _LONGEST:
        raise _wrong(f"event {title!r} ends before it begins, or ten years after it")
    return begin, until, whole


def _starts(
    event: Any, begin: datetime, length: timedelta, zone: str, span: Span, title: str
) -> Iterator[datetime]:
    """When it begins, each time that may reach into the span."""
    yield begin
    yield from (_wall(one, zone, title) for one in _listed(event, "RDATE"))
    for rule in _rules(event):
        yield from _recurring(rule.to_ical().decode(), length, event, zone, span, title)


def _rules(event: Any) -> list[Any]:
    found = event.get("RRULE")
    return found if isinstance(found, list) else [] if found is None else [found]


def _recurring(
    rule: str, length: timedelta, event: Any, zone: str, span: Span, title: str
) -> Iterator[datetime]:
    """The starts by a rule. It recurs by the clocks of the event's own zone."""
    if re.search(r"FREQ=(SECONDLY|MINUTELY|HOURLY)|BY(HOUR|MINUTE|SECOND)=", rule.upper()):
        raise _wrong(f"event {title!r} recurs within a day ({rule[:60]}); working_hours do that")
    value = _value(event.get("DTSTART"), title)
    own = _zone_name(event.get("DTSTART"), title) if isinstance(value, datetime) else ""
    name = own or "UTC"
    anchor = value if isinstance(value, datetime) else datetime.combine(value, time())
    try:
        when = Recurrence(
            frequency=Frequency.RRULE,
            rrule=rule,
            start_local=anchor.replace(tzinfo=None, microsecond=0),
            timezone=name,
        )
    except Invalid as error:
        raise _wrong(f"event {title!r}, {rule[:60]}: {error.message}") from error
    after = datetime.combine(span.first, time(), UTC) - length - 2 * _DAY
    until = datetime.combine(span.last, time(), UTC) + 2 * _DAY
    for at in islice(occurrences(when, after, until), MOST_DAYS + MOST_BLACKOUTS):
        local = at.astimezone(zones.find(name))
        yield _local(local if own else local.replace(tzinfo=None), zone, title)


def _listed(event: Any, name: str) -> Iterator[Any]:
    """The values of a property that may be there several times, each with a list."""
    found = event.get(name)
    for part in found if isinstance(found, list) else [found] if found is not None else []:
        yield from part.dts


def _wall(value: Any, zone: str, title: str) -> datetime:
    """A property's time by the calendar's clocks."""
    at = _value(value, title)
    if not isinstance(at, datetime):
        return datetime.combine(at, time())
    named = _zone_name(value, title)
    if named:
        at = at.replace(tzinfo=zones.find(named))
    return _local(at, zone, title)


def _local(at: datetime, zone: str, title: str) -> datetime:
    if at.tzinfo is None:
        return at.replace(microsecond=0)
    if not zone:
        raise _wrong(
            f"event {title!r} has times in {at.tzinfo}, but the calendar has no timezone to read "
            "them by; give it one"
        )
    shown: tzinfo = zones.find(zone)
    return at.astimezone(shown).replace(tzinfo=None, microsecond=0, fold=0)


def _value(value: Any, title: str) -> date:
    at = getattr(value, "dt", None)
    if isinstance(at, tuple):  # a period: when it begins
        at = at[0]
    if not isinstance(at, date) or not 1900 <= at.year <= 9000:
        raise _wrong(f"event {title!r} has a time that cannot be read")
    return at


def _zone_name(value: Any, title: str) -> str:
    """The zone of a time, by its IANA name; empty if it has none."""
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    own = getattr(value.dt, "tzinfo", None)
    named = str(getattr(value, "params", {}).get("TZID", "") or own or "")
    if not named:
        return ""
    known = WINDOWS_TO_OLSON.get(named, named)
    try:
        zones.find(known)
    except Invalid as error:
        raise _wrong(f"event {title!r}: {error.message}") from error
    return known


def _title(event: Any) -> str:
    said = " ".join(str(event.get("SUMMARY", "")).split())
    return "".join(letter for letter in said if letter.isprintable())[:200] or "an event"


def _unreadable(what: str, error: Exception) -> Invalid:
    why = "the name of a zone is too long" if isinstance(error, OSError) else str(error)[:200]
    return _wrong(f"{what} cannot be read: {why}")


def _wrong(said: str) -> Invalid:
    return Invalid("ics", said)
