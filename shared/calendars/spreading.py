"""How a change of a calendar reaches the schedules that name it.

The calendar is stored first, as a new version. Then every schedule that names it is changed
(`Manager.change`), so each has a new version in its ledger, and what was expected before stays. At
last the calendar says which version all of them have (`reached`). If a process is killed in
between, or a schedule cannot be changed, the upkeep goes on: it compares what each schedule keeps
with the calendars as they are.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from shared.access import Caller
from shared.calendars.model import NamedCalendar
from shared.calendars.store import Store
from shared.engine.commands.schedules import Manager
from shared.errors import BelfryError, Conflict, Invalid, NotFound
from shared.log import Event, event
from shared.schedules.model import Schedule
from shared.storage.tables.compare_and_set import compare_and_set
from shared.storage.tables.observances import ROOM, to_text
from shared.storage.tables.schedules import ScheduleTable
from shared.tasks import JobContext

_logger = logging.getLogger("belfry.calendars")


@dataclass(frozen=True, slots=True)
class Changed:
    """A calendar that was made or changed, and what became of the schedules that name it."""

    calendar: NamedCalendar
    schedules: tuple[str, ...] = ()
    """The ids of those that have the new version."""
    behind: tuple[str, ...] = ()
    """The ids of those that could not be changed; the upkeep tries again."""


@dataclass(kw_only=True, slots=True)
class Compared:
    """What became of the schedules when they were compared with the calendars: their ids."""

    changed: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    """Those that could not be changed."""
    strays: list[str] = field(default_factory=list)
    """Those that name a calendar that is gone."""


class Spreading:
    """The spreading, bound to its stores."""

    def __init__(self, store: Store, table: ScheduleTable, manager: Manager) -> None:
        self._store = store
        self._table = table
        self._manager = manager

    def named_by(self, calendar_id: str) -> list[Schedule]:
        """The schedules that name a calendar, by their ids."""
        found = [one for one in self._table.observing() if calendar_id in _versions(one)]
        return sorted(found, key=lambda one: one.id)

    def spread(self, calendar: NamedCalendar, by: Caller) -> Changed:
        """Give every schedule that names the calendar its present version."""
        if calendar.reached == calendar.version:
            return Changed(calendar)
        changed: list[str] = []
        behind: list[str] = []
        for schedule in self.named_by(calendar.id):
            if _versions(schedule)[calendar.id] == calendar.version:
                continue
            made = self._renew(schedule.id, {calendar.id: calendar}, by)
            (changed if made else behind).append(schedule.id)
        if not behind:
            calendar = self._reach(calendar)
        return Changed(calendar, tuple(changed), tuple(behind))

    def refreshed(self, schedule: Schedule, by: Caller) -> Schedule:
        """A schedule that was saved a moment ago: if a calendar that it names was changed since it
        was read, the schedule is changed as well."""
        versions = _versions(schedule)
        current = [found for one in versions if (found := self._store.get(one)) is not None]
        if all(one.version == versions[one.id] for one in current):
            return schedule
        return self._renewed(schedule.id, {one.id: one for one in current}, by)

    def compare(self, job: JobContext, by: Caller) -> Compared:
        """Give every schedule the calendars that it names as they are now."""
        current = {one.id: one for one in self._store.all()}
        found = Compared()
        for schedule in list(self._table.observing()):
            job.check()
            versions = _versions(schedule)
            there = [one for one in versions if one in current]
            found.strays += [f"{schedule.id}: {one}" for one in versions if one not in current]
            if any(current[one].version != versions[one] for one in there):
                made = self._renew(schedule.id, current, by)
                (found.changed if made else found.behind).append(schedule.id)
        for one in current.values() if not found.behind else ():
            self._reach(one)
        return found

    def rewritten(
        self, calendar_id: str, step: Callable[[NamedCalendar], NamedCalendar]
    ) -> NamedCalendar:
        """Write what `step` makes of a calendar, as it is stored then."""

        def attempt() -> NamedCalendar | None:
            before = self._store.get(calendar_id)
            if before is None:
                raise NotFound(f"there is no calendar {calendar_id!r:.40}")
            after = step(before)
            if after == before:
                return before
            written = self._store.write(before, after)
            if written is False:
                raise taken(after)
            return self._store.get(calendar_id) if written else None

        return compare_and_set(f"calendar {calendar_id}", attempt)

    def _reach(self, calendar: NamedCalendar) -> NamedCalendar:
        """Note that every schedule has this version, if there is no later one."""

        def step(now: NamedCalendar) -> NamedCalendar:
            return replace(now, reached=now.version) if now.version == calendar.version else now

        if calendar.reached == calendar.version:
            return calendar
        try:
            return self.rewritten(calendar.id, step)
        except NotFound:
            return calendar  # deleted meanwhile, so no schedule names it

    def _renew(self, schedule_id: str, current: Mapping[str, NamedCalendar], by: Caller) -> bool:
        """Give a schedule these calendars as they are; False if it cannot be changed now, which is
        logged. One bad schedule does not keep the others from their calendars."""
        try:
            self._renewed(schedule_id, current, by)
        except NotFound:
            return True
        except BelfryError as error:
            event(
                _logger,
                Event.CALENDAR_BEHIND,
                level=logging.ERROR,
                schedule_id=schedule_id,
                error=str(error),
            )
            return False
        return True

    def _renewed(
        self, schedule_id: str, current: Mapping[str, NamedCalendar], by: Caller
    ) -> Schedule:
        def step(schedule: Schedule) -> Schedule:
            when = schedule.definition.recurrence
            if when.calendar is None:
                return schedule
            calendars = tuple(
                current[one.id].compact
                if one.id in current and current[one.id].version > one.version
                else one
                for one in when.calendar.calendars
            )
            observance = replace(when.calendar, calendars=calendars)
            if len(to_text(observance)) > ROOM:
                raise Invalid("calendars", "together they are too large for one schedule")
            when = replace(when, calendar=observance, stored=True)
            return replace(schedule, definition=replace(schedule.definition, recurrence=when))

        return self._manager.change(schedule_id, step, by=by)


def taken(by: NamedCalendar) -> Conflict:
    """That a name is taken, by that calendar or by another one of its project."""
    project = by.definition.project_id
    of = "all projects" if project is None else f"project {project}"
    said = f"there is a calendar {by.definition.name!r} of {of} already"
    return Conflict(f"{said}; use another name")


def _versions(schedule: Schedule) -> dict[str, int]:
    """The version of each calendar that a schedule names, by its id."""
    observance = schedule.definition.recurrence.calendar
    return {one.id: one.version for one in observance.calendars} if observance else {}
