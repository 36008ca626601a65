"""When something happens next, in any zone: pure, (recurrence, instant) -> instant.

fields, special, syntax
                 from the text of a cron expression to the values of its fields
walls            a set of wall times: the next of them, and how many
cron, several    what cron expressions name on the local calendar, one or several
rrule, repeated  from the text of a rule of RFC 5545 to what it names there
names            which names are zones, and what was meant by a name that is not one
zone             from local wall time to the instants that show it
calendar         what calendars do to a run: which times are closed, and where a run is moved
observed         the occurrences of a recurrence that observes calendars
rule             the recurrence as a person gives it, checked
named, resolve   all that a recurrence names, and how many runs that makes in a zone
next             the next occurrence, by the rule of Debian's cron where clocks change
count            the last ones in a span, and how many there are, without walking through it
wakeups          when a timer that knows only UTC has to wake up for it
"""

from shared.recurrence.calendar import (
    Blackout,
    Calendar,
    CalendarRule,
    DayOff,
    Observance,
)
from shared.recurrence.count import count_runs, hold_moves, last_run, last_runs
from shared.recurrence.invalid import InvalidRecurrence
from shared.recurrence.next import next_run, observed, occurrences
from shared.recurrence.rule import Frequency, Recurrence
from shared.recurrence.wakeups import ncrontab

__all__ = [
    "Blackout",
    "Calendar",
    "CalendarRule",
    "DayOff",
    "Frequency",
    "InvalidRecurrence",
    "Observance",
    "Recurrence",
    "count_runs",
    "hold_moves",
    "last_run",
    "last_runs",
    "ncrontab",
    "next_run",
    "observed",
    "occurrences",
]
