"""Reads what is there now, and compares it with what was applied.

Which schedules an owner has, and the revision of each, is known from the index of schedules;
calendars are read, since there are few. Rows are read only of schedules that were changed since
they were last compared.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.applied import compare, digests
from shared.applied.model import (
    MANAGED_BY,
    MANAGED_KEY,
    Difference,
    Entry,
    Extent,
    Head,
    Kind,
    Thing,
    mark,
)
from shared.applied.store import Store
from shared.calendars.model import NamedCalendar
from shared.calendars.store import Store as CalendarStore
from shared.errors import Damaged
from shared.listing.choice import Tagged
from shared.listing.listing import Listing
from shared.log import Event, event
from shared.schedules.listed import Listed
from shared.storage.tables.schedules import ScheduleTable

_logger = logging.getLogger("belfry.applied")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MARK = mark("")[:-1]


@dataclass(frozen=True, slots=True)
class Present:
    """What all owners have now."""

    owned: Mapping[str, Sequence[Tagged]]
    """By owner."""
    calendars: Mapping[str, NamedCalendar]
    """Every calendar, by its id."""

    def of(self, owner: str, extent: Extent) -> list[Tagged]:
        """What an owner has there."""
        return [one for one in self.owned.get(owner, ()) if extent.covers(one.project_id)]


@dataclass(frozen=True, slots=True)
class Found:
    """An apply, compared."""

    entries: Sequence[Entry]
    differences: Sequence[Difference]


class Looking:
    """Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(
        self, store: Store, table: ScheduleTable, listing: Listing, calendars: CalendarStore
    ) -> None:
        self.store = store
        self.table = table
        self.calendars = calendars
        self._listing = listing

    def present(self) -> Present:
        """What is there now."""
        owned = self._listing.tagged(MANAGED_BY)
        calendars = {one.id: one for one in self.calendars.all() if not one.deleting}
        for one in calendars.values():
            if (marked := owner_of(one)) is not None:
                made = Tagged(one.id, one.definition.project_id, revision_of(one))
                owned.setdefault(marked, []).append(made)
        return Present(owned, calendars)

    def compared(self, head: Head, extent: Extent, present: Present) -> Found | None:
        """An apply, compared with what is there; None if its entries cannot be read, which must not
        hide the others. Raises `Replaced`."""
        try:
            entries = self.store.entries(head)
        except Damaged as error:
            event(_logger, Event.APPLIED_UNREADABLE, level=logging.ERROR, error=str(error))
            return None
        owned = [one.id for one in present.of(head.owner, extent)]
        there = self._there({*owned, *(one.id for one in entries)}, present)
        changed = self._digests(compare.unread(entries, there), present)
        entries = [
            compare.compared(one, there[one.id].revision, changed[one.id])
            if one.id in changed
            else one
            for one in entries
        ]
        things = [there[one] for one in owned if one in there]
        return Found(entries, compare.differences(entries, things, there, extent))

    def _there(self, ids: Set[str], present: Present) -> dict[str, Thing]:
        """Of these, what exists, whoever has it by now."""
        known = self._listing.among(ids - present.calendars.keys())
        found = {one.id: _schedule(one) for one in known.values() if one.deleted_at is None}
        calendars = (present.calendars.get(one) for one in ids)
        return found | {one.id: _calendar(one) for one in calendars if one is not None}

    def _digests(self, ids: Iterable[str], present: Present) -> dict[str, dict[str, str]]:
        """The fields of these, by id, of those that can be read."""
        ids = list(ids)
        calendars = {one: present.calendars[one] for one in ids if one in present.calendars}
        schedules = self.table.many([one for one in ids if one not in calendars])
        return {one.id: digests.of_schedule(one) for one in schedules.values()} | {
            one.id: digests.of_calendar(one) for one in calendars.values()
        }


def owner_of(calendar: NamedCalendar) -> str | None:
    """Whose a calendar is, by the last line of its description."""
    last = calendar.definition.description.rpartition("\n")[2]
    return last[len(_MARK) : -1] if last.startswith(_MARK) and last.endswith("]") else None


def revision_of(calendar: NamedCalendar) -> int:
    """The number that `Thing.revision` has of a calendar."""
    return (calendar.updated_at - _EPOCH) // timedelta(microseconds=1)


def _schedule(one: Listed) -> Thing:
    return Thing(
        kind=Kind.SCHEDULE,
        id=one.id,
        key=dict(one.tags).get(MANAGED_KEY, one.id),
        project_id=one.project_id,
        revision=one.revision,
    )


def _calendar(one: NamedCalendar) -> Thing:
    return Thing(
        kind=Kind.CALENDAR,
        id=one.id,
        key=one.definition.name,
        project_id=one.definition.project_id,
        revision=revision_of(one),
    )
