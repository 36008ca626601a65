"""When an owner is reminded of an appointment (P4, P5).

A reminder is due from its time on, and useful until some time before the start. Whichever run
comes first in between asks for it, so a run that was late or missed costs nothing, and one that
comes twice asks again for what was asked for. Nothing is planned ahead: a moved appointment is
found at its new time.

- "24 hours before" is the same wall time the day before, at the tenant: on the days of 23 and 25
  hours too. A time that clocks skip or repeat is taken as schedules take it: the end of the gap,
  the first of the two.
- "2 hours before" is elapsed time: so long the owner has left.
- Whoever books later than a reminder's time has just spoken of the appointment: that reminder is
  left out, and the shorter one stands. When an appointment was moved is not known, so a moved one
  earns each reminder that is still useful.
- The longer one is useful until four hours before the start. So it never comes together with the
  shorter one, and can still come in the evening before, after quiet hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from shared.recurrence import zone as zones

_DAY = timedelta(days=1)
_CHANGE = timedelta(hours=3)
"""Clocks never go back by more in a day. A larger change would only make a reminder later."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lead:
    """One of the reminders of an appointment."""

    kind: str
    """Of the notification."""
    ahead: timedelta
    by_wall: bool
    """Whether `ahead` is counted on the tenant's clock; else it is elapsed time."""
    useless_before: timedelta
    """So long before the start, and from then on, nobody is told any more."""


DAY_AHEAD = Lead(
    kind="appointment_reminder_24h", ahead=_DAY, by_wall=True, useless_before=timedelta(hours=4)
)
HOURS_AHEAD = Lead(
    kind="appointment_reminder_2h",
    ahead=timedelta(hours=2),
    by_wall=False,
    useless_before=timedelta(minutes=15),
)
LEADS = (DAY_AHEAD, HOURS_AHEAD)


def due_at(lead: Lead, start: datetime, zone: tzinfo) -> datetime:
    """When the reminder of an appointment is due; `zone` is the tenant's."""
    if not lead.by_wall:
        return start - lead.ahead
    wall = zones.wall_of(start, zone).replace(fold=0) - lead.ahead
    return zones.first_instant(wall, zone)


def useful_until(lead: Lead, start: datetime) -> datetime:
    """From then on nobody is reminded of an appointment that starts at `start`."""
    return start - lead.useless_before


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """When a run was due, which decides what is due, and the present, which decides what is still
    of use."""

    due_at: datetime
    now: datetime


def is_due(lead: Lead, start: datetime, booked_at: datetime | None, run: Run, zone: tzinfo) -> bool:
    """Whether its owner is to be reminded by that run, unless that was done. `booked_at` None: not
    known, so long ago."""
    due = due_at(lead, start, zone)
    in_time = booked_at is None or booked_at <= due
    return in_time and due <= run.due_at and run.now < useful_until(lead, start)


def starts(lead: Lead, run: Run) -> tuple[datetime, datetime]:
    """(first, last): appointments that start later than the first and not later than the last may
    be due in that run, and no others."""
    last = run.due_at + lead.ahead + (_CHANGE if lead.by_wall else timedelta())
    return run.now + lead.useless_before, last
