"""What people do with calendars: make, read, change, import into, delete; and their upkeep."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from shared.access import Caller
from shared.audit.port import Action, Audit, Subject
from shared.calendars import public
from shared.calendars.model import Definition, Imported, NamedCalendar, checked
from shared.calendars.spreading import Changed, Compared, Spreading, taken
from shared.calendars.store import Store
from shared.clock import Clock
from shared.engine.commands.agreed import Agreed, afresh
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.log import Event, event
from shared.recurrence import CalendarRule, DayOff, Observance
from shared.schedules.model import Schedule
from shared.storage.tables.observances import ROOM, to_text
from shared.tasks import JobContext

_logger = logging.getLogger("belfry.calendars")

MOST = 1000
"""The most calendars."""
MOST_NAMED = 10
"""The most calendars that a schedule names."""
_NAMED = 20
"""The most schedules that a message names."""
_THOROUGH = 0
"""The hour (UTC) at which the upkeep compares all schedules with their calendars, though no change
is known to be pending: for one that was saved by a process that was killed right after."""
_ABANDONED = timedelta(minutes=10)


def _any(_: NamedCalendar) -> None:
    """Whatever the calendar is, it may be changed."""


class Calendars:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, store: Store, spreading: Spreading, audit: Audit, clock: Clock) -> None:
        self._store = store
        self._spreading = spreading
        self._audit = audit
        self._clock = clock

    def all(self, by: Caller) -> list[NamedCalendar]:
        """The calendars that the caller may name, by their names."""
        found = [one for one in self._store.all() if _visible(one, by) and not one.deleting]
        return sorted(found, key=lambda one: (one.definition.name.casefold(), one.id))

    def get(self, by: Caller, calendar_id: str) -> NamedCalendar:
        """One calendar. Raises `NotFound`."""
        found = self._store.get(calendar_id)
        if found is None or not _visible(found, by):
            raise NotFound(f"there is no calendar {calendar_id!r:.40}")
        return found

    def create(
        self, by: Caller, definition: Definition, *, agreed: Agreed = afresh
    ) -> NamedCalendar:
        """Make a calendar. Raises `Invalid`, and `Conflict` if its name is taken.

        `agreed`: if the command was given before, returns what was made then.
        """
        now = self._clock.now()
        (name,) = agreed(lambda: [f"c{secrets.token_hex(6)}"])
        if agreed is not afresh and (earlier := self._store.get(name)) is not None:
            return earlier
        made = NamedCalendar(
            id=name,
            definition=definition,
            reached=1,
            created_at=now,
            updated_at=now,
        )
        made = checked(_copied(made, now))
        there = self._store.all()
        self._hold_name(there, made)
        if len(there) >= MOST:
            raise Conflict(f"there are {MOST} calendars; delete some")
        with self._audit.changing(by, Action.CREATE, _subject(made)) as change:
            if not self._store.add(made):
                made = self._made_before(made)
            change.after = shown(made)
        self._tell(made, by, ())
        return self.get(by, made.id)

    def _made_before(self, made: NamedCalendar) -> NamedCalendar:
        """What the same command made that was given at the same time. Raises `Conflict` if what
        another command made is in the way, or if it was deleted since."""
        there = self._store.get(made.id)
        if there is None and self._store.was_there(made):
            raise Conflict(f"{made.id}, which this request made, was deleted since")
        if there is None:
            raise taken(made)
        return there

    def change(
        self,
        by: Caller,
        calendar_id: str,
        step: Callable[[NamedCalendar], NamedCalendar],
        *,
        still: Callable[[NamedCalendar], None] = _any,
    ) -> Changed:
        """Apply `step` to a calendar, and then to the schedules that name it.

        `still` is called with the very calendar that is to be changed, and may raise. Raises
        `NotFound`, `Forbidden` for one of all projects if the caller has some, `Invalid`,
        `Conflict`, and what `step` raises.
        """
        before = self._own(by, calendar_id)
        still(before)
        with self._audit.changing(by, Action.CHANGE, _subject(before), shown(before)) as change:
            after = self._stepped(by, calendar_id, step, still)
            change.after = shown(after)
        made = self._spreading.spread(after, by)
        self._tell(made.calendar, by, made.schedules)
        return made

    def import_ics(
        self,
        by: Caller,
        calendar_id: str,
        text: str,
        *,
        still: Callable[[NamedCalendar], None] = _any,
    ) -> Changed:
        """Replace what earlier imports closed by what the file closes. Raises as `change`."""
        from shared.calendars import ics

        now = self._clock.now()
        first, last = public.years(now.year)
        span = ics.Span(date(first, 1, 1), date(last, 12, 31))
        before = self._own(by, calendar_id)
        still(before)
        zone = before.definition.timezone
        found = ics.imported(text, zone, span)

        def step(calendar: NamedCalendar) -> NamedCalendar:
            if calendar.definition.timezone != zone:
                raise Conflict("its timezone was changed meanwhile; import again")
            return replace(calendar, imported=found, imported_at=now)

        return self.change(by, calendar_id, step, still=still)

    def delete(
        self, by: Caller, calendar_id: str, *, still: Callable[[NamedCalendar], None] = _any
    ) -> None:
        """Delete a calendar; `still` as in `change`. Its versions stay. Raises `NotFound`, and
        `Conflict` while schedules name it.

        It is marked first, so that no schedule names it from then on, and then looked for.
        """
        before = self._own(by, calendar_id)
        still(before)

        def mark(one: NamedCalendar) -> NamedCalendar:
            still(one)
            return replace(one, deleting=True, updated_at=self._clock.now())

        with self._audit.changing(by, Action.DELETE, _subject(before), shown(before)):
            marked = self._spreading.rewritten(calendar_id, mark)
            names = [one.definition.name for one in self._spreading.named_by(calendar_id)]
            if names:
                self._spreading.rewritten(calendar_id, lambda one: replace(one, deleting=False))
                more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
                raise Conflict(
                    f"schedules name the calendar {before.definition.name!r}: "
                    f"{', '.join(map(repr, names[:_NAMED]))}{more}; change these first"
                )
            if not self._store.remove(marked):
                raise Conflict("it is being changed by others at the same time; try again")

    def observance(
        self, names: Sequence[str], rule: CalendarRule, project_id: int | None
    ) -> Observance | None:
        """What a schedule of that project observes if it names these calendars; None for none. A
        project's own calendar comes before one of all projects. Raises `Invalid`."""
        if not names:
            return None
        if len(names) > MOST_NAMED:
            raise Invalid("calendars", f"{len(names)} are named; {MOST_NAMED} can be")
        known: dict[str, NamedCalendar] = {}
        for one in sorted(self._store.all(), key=lambda one: one.definition.project_id is not None):
            if one.definition.project_id in (None, project_id) and not one.deleting:
                known[one.definition.name.casefold()] = one
        chosen = {name.strip().casefold(): name for name in names}
        missing = [given for folded, given in chosen.items() if folded not in known]
        if missing:
            raise Invalid("calendars", _unknown(missing[0], known.values()))
        made = Observance(rule=rule, calendars=tuple(known[name].compact for name in chosen))
        if len(to_text(made)) > ROOM:
            raise Invalid("calendars", "together they are too large for one schedule; name fewer")
        return made

    def refreshed(self, schedule: Schedule, by: Caller) -> Schedule:
        """A schedule that was saved a moment ago (`Spreading.refreshed`)."""
        return self._spreading.refreshed(schedule, by)

    def keep_up(self, job: JobContext) -> Mapping[str, object]:
        """Copy the holidays of years that have come into reach, and finish what was interrupted
        (`port.CalendarUpkeep`)."""
        by = Caller.of_task(job.schedule_id)
        extended = [one.id for one in self._store.all() if self._extend(one, by)]
        for one in self._store.all():
            if one.deleting and self._clock.now() - one.updated_at > _ABANDONED:
                self._spreading.rewritten(one.id, lambda it: replace(it, deleting=False))
        pending = any(one.reached != one.version for one in self._store.all())
        everything = pending or job.due_at.hour == _THOROUGH
        found = self._spreading.compare(job, by) if everything else Compared()
        job.log(
            "calendars",
            extended=len(extended),
            schedules=len(found.changed),
            behind=len(found.behind),
        )
        return {
            "extended": len(extended),
            "schedules_changed": len(found.changed),
            "schedules_behind": found.behind[:_NAMED],
            "without_calendar": found.strays[:_NAMED],
        }

    def _extend(self, calendar: NamedCalendar, by: Caller) -> bool:
        """Copy the holidays of years that have come into reach; whether there are any."""
        now = self._clock.now()
        if calendar.definition.holidays is None or calendar.dates_to >= public.years(now.year)[1]:
            return False
        self.change(by, calendar.id, lambda one: _extended(one, now))
        return True

    def _own(self, by: Caller, calendar_id: str) -> NamedCalendar:
        """The calendar, which the caller is about to change."""
        found = self.get(by, calendar_id)
        if not by.sees(found.definition.project_id):
            raise Forbidden(
                f"calendar {found.definition.name!r} is of all projects, and {by.name} has only "
                "some; make one of your own"
            )
        return found

    def _stepped(
        self,
        by: Caller,
        calendar_id: str,
        step: Callable[[NamedCalendar], NamedCalendar],
        still: Callable[[NamedCalendar], None],
    ) -> NamedCalendar:
        def decided(before: NamedCalendar) -> NamedCalendar:
            still(before)
            now = self._clock.now()
            wanted = step(before)
            if wanted.definition.holidays != before.definition.holidays:
                wanted = _copied(wanted, now)
            after = checked(before.stepped(wanted, now))
            if after.definition.name != before.definition.name:
                self._hold_name(self._store.all(), after)
            return after

        self._own(by, calendar_id)
        return self._spreading.rewritten(calendar_id, decided)

    def _hold_name(self, there: Iterable[NamedCalendar], made: NamedCalendar) -> None:
        """Raise `Conflict` if a schedule could not tell it from another by its name."""
        name, project = made.definition.name.casefold(), made.definition.project_id
        for one in there:
            what = one.definition
            meets = what.project_id in (None, project)
            if one.id != made.id and what.name.casefold() == name and meets:
                raise taken(one)

    def _tell(self, calendar: NamedCalendar, by: Caller, schedules: Sequence[str]) -> None:
        event(
            _logger,
            Event.CALENDAR_CHANGED,
            calendar_id=calendar.id,
            version=calendar.version,
            schedules=len(schedules),
            by=by.name,
        )


def shown(calendar: NamedCalendar) -> dict[str, object]:
    """A calendar for the audit."""
    what, compact = calendar.definition, calendar.compact
    return {
        "name": what.name,
        "project_id": what.project_id,
        "timezone": what.timezone,
        "holidays": None if what.holidays is None else what.holidays.country,
        "days": len(compact.days),
        "blackouts": len(compact.blackouts),
        "working_hours": bool(what.hours),
        "version": calendar.version,
    }


def _visible(calendar: NamedCalendar, by: Caller) -> bool:
    project = calendar.definition.project_id
    return project is None or by.sees(project)


def _copied(calendar: NamedCalendar, now: datetime) -> NamedCalendar:
    """The calendar with its holidays as the library has them now."""
    wanted = calendar.definition.holidays
    if wanted is None:
        return replace(calendar, dates=(), dates_to=0)
    wanted = public.known(wanted)
    first, last = public.years(now.year)
    definition = replace(calendar.definition, holidays=wanted)
    dates = public.dates(wanted, first, last)
    return replace(calendar, definition=definition, dates=dates, dates_to=last)


def _extended(calendar: NamedCalendar, now: datetime) -> NamedCalendar:
    """The calendar with the holidays of later years; the dates that it has stay as they are, except
    those of years long past."""
    wanted = calendar.definition.holidays
    first, last = public.years(now.year)
    if wanted is None or calendar.dates_to >= last:
        return calendar
    kept: tuple[DayOff, ...] = tuple(one for one in calendar.dates if one.day.year >= first - 1)
    begin = max(calendar.dates_to + 1, first)
    later = public.dates(public.known(wanted), begin, last)
    return replace(calendar, dates=(*kept, *later), dates_to=last)


def cleared(calendar: NamedCalendar) -> NamedCalendar:
    """The calendar without what was imported."""
    return replace(calendar, imported=Imported(), imported_at=None)


def _subject(calendar: NamedCalendar) -> Subject:
    return Subject("calendar", calendar.id, calendar.definition.project_id)


def _unknown(name: str, known: Iterable[NamedCalendar]) -> str:
    import difflib

    names = sorted(one.definition.name for one in known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    there = f"did you mean {', '.join(near)}?" if near else f"there are: {', '.join(names[:20])}"
    hint = there if names else "POST /api/v1/calendars makes one"
    return f"there is no calendar {name[:60]!r} that this schedule may name; {hint}"
