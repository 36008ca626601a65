"""Whether new times bring a run at all: a pure function of (recurrence, the one before, now).

Times that would never run are refused, rather than accepted in silence. Times that stay as they are
are not checked: a `once` that ran long ago may get another name, or another zone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.recurrence import (
    Frequency,
    InvalidRecurrence,
    Observance,
    Recurrence,
    hold_moves,
    next_run,
    observed,
)

SLACK = timedelta(seconds=30)
"""A `once` no longer ago than this is meant for now: clocks differ, and the request may have waited
for the first instance to start."""
_SECOND = timedelta(seconds=1)


def accepted(
    wanted: Recurrence, present: Recurrence | None, now: datetime, floor: datetime
) -> Recurrence:
    """`wanted`, or what it means: a `once` for now runs at the next second.

    `present`: what it is to replace, if anything. `floor`: no run comes at or before it
    (`Schedule.floor`). Raises `InvalidRecurrence` naming `start_time`, `end_time`, `rrule`
    or `calendar_rule`.
    """
    if wanted == present:
        return wanted
    if present is None or not _follows_calendars(wanted, present):
        hold_moves(wanted)
    if next_run(wanted, floor) is not None:
        return wanted
    if wanted.calendar is not None:
        if present is not None and _follows_calendars(wanted, present):
            return wanted
        _refuse_closed(wanted, wanted.calendar, floor)
    start = wanted.first
    if wanted.frequency is Frequency.ONCE and start is not None and start <= floor:
        return _once(wanted, start, present, now, floor)
    if present is not None and _ends_sooner(wanted, present, now, floor):
        return wanted
    raise _ended(wanted, present, now, floor)


def _once(
    wanted: Recurrence,
    start: datetime,
    present: Recurrence | None,
    now: datetime,
    floor: datetime,
) -> Recurrence:
    """What a `once` whose time has passed means."""
    before = present.first if present and present.frequency is Frequency.ONCE else None
    if present and before == start:
        end = wanted.end_time
        if end is None or end == present.end_time or end > now:
            return wanted
        raise _ended(wanted, present, now, floor)
    soon = floor.replace(microsecond=0) + _SECOND
    if before is not None and start < before <= min(soon, start + SLACK + _SECOND):
        return replace(
            wanted, start_time=before, start_local=None
        )  # asked for again, and moved the first time
    if start < now - SLACK:
        raise InvalidRecurrence(
            "start_time" if wanted.start_local is None else "start_local",
            f"'once' runs at it, and {_text(wanted.start_time or start)} has passed: "
            f"it is {_now(now)} now; give a time to come",
        )
    return replace(wanted, start_time=soon, start_local=None)


def _follows_calendars(wanted: Recurrence, present: Recurrence) -> bool:
    """Whether the only change is that calendars which it observes already say something else.

    Nobody asked for this schedule to change; if nothing is left of it, its owner sees that it has
    no next run.
    """
    before, after = present.calendar, wanted.calendar
    if before is None or after is None or replace(wanted, calendar=before, stored=True) != present:
        return False
    same = [one.id for one in before.calendars] == [one.id for one in after.calendars]
    return same and before.rule is after.rule


def _refuse_closed(wanted: Recurrence, observance: Observance, floor: datetime) -> None:
    """Raise `InvalidRecurrence` if it is the calendars that leave nothing."""
    first = next_run(replace(wanted, calendar=None, stored=True), floor)
    if first is None:
        return
    held = observed(wanted).place(first).held
    why = f": {held.calendar} holds back {_text(first)} ({held.reason})" if held else ""
    raise InvalidRecurrence(
        "calendars",
        f"{', '.join(observance.names)} with calendar_rule {observance.rule.value!r} leaves no run "
        f"at all{why}; give another time, rule or calendar",
    )


def _ends_sooner(wanted: Recurrence, present: Recurrence, now: datetime, floor: datetime) -> bool:
    """Whether the only change is that it ends, at a time to come, before its next run."""
    end = wanted.end_time
    lasts = replace(wanted, end_time=present.end_time, stored=True) == present
    return lasts and end is not None and end > now and next_run(present, floor) is not None


def _ended(
    wanted: Recurrence, present: Recurrence | None, now: datetime, floor: datetime
) -> InvalidRecurrence:
    """Why nothing comes: its end is too early."""
    end, over = wanted.end_time, wanted.last
    if wanted.ends_by_rule and over is not None:
        said = f"nothing runs from now on by {_text(over)}, where its UNTIL or COUNT ends it"
        return InvalidRecurrence("rrule", f"{said}: it is {_now(now)} now; give a later one")
    if end is not None and end <= now:
        stop = "; to stop it, turn it off instead (enabled: false)" if present else ""
        said = f"{_text(end)} has passed: it is {_now(now)} now; give a later time, or none{stop}"
        return InvalidRecurrence("end_time", said)
    later = next_run(replace(wanted, end_time=None), floor)
    if end is None or later is None:
        return InvalidRecurrence("start_time", "nothing runs from then on; give an earlier time")
    said = f"nothing runs by {_text(end)}: the first run would be at {_text(later)}"
    return InvalidRecurrence("end_time", f"{said}; give that time or a later one, or none")


def _text(at: datetime) -> str:
    """An instant as it was given."""
    return at.isoformat().replace("+00:00", "Z")


def _now(now: datetime) -> str:
    return _text(now.astimezone(UTC).replace(microsecond=0))
