"""What the API does: keep what was applied, show what differs from it, remove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.access import Caller
from shared.applied import compare, digests
from shared.applied.looking import Looking, Present, owner_of, revision_of
from shared.applied.model import (
    MANAGED_BY,
    MANAGED_KEY,
    MOST,
    Difference,
    Entry,
    Extent,
    Head,
    Kind,
    mark,
)
from shared.applied.store import Replaced
from shared.audit.port import Action, Audit, Subject
from shared.calendars.model import NamedCalendar
from shared.clock import Clock
from shared.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from shared.schedules.model import Schedule
from shared.storage.tables.compare_and_set import compare_and_set

_MICROSECOND = timedelta(microseconds=1)
MOST_KEPT = 1000
"""The most applies that are kept, of all owners."""


@dataclass(frozen=True, slots=True)
class Known:
    """A schedule or a calendar, as the caller knows it."""

    id: str
    revision: int
    """Of a calendar: its version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What was applied of an owner, as far as a caller sees it."""

    owner: str
    applied_at: datetime
    applied_by: str
    schedules: int
    calendars: int
    since: datetime | None
    """When the monitor first found that something differs; None if nothing does, or it did not look
    since."""
    differences: Sequence[Difference]


class Applied:
    """The commands. Every method raises `Unavailable` or `Refused` if storage fails."""

    def __init__(self, looking: Looking, audit: Audit, clock: Clock) -> None:
        self._looking = looking
        self._store = looking.store
        self._audit = audit
        self._clock = clock

    def put(
        self,
        by: Caller,
        owner: str,
        schedules: Mapping[str, Known],
        calendars: Mapping[str, Known],
    ) -> Overview:
        """Keep that the caller applied these, by their keys, and has seen them so: what differs
        from now on is drift. It takes the place of what was kept for the owner in the caller's
        projects.

        Raises `NotFound` for what the caller does not see, `Invalid` for what is not the owner's,
        `Stale` for what was changed since the caller saw it, and `Conflict`.
        """
        if len(schedules) > MOST:
            raise Invalid("schedules", f"{len(schedules)} are given; {MOST} can be")
        entries = [*self._schedules(by, owner, schedules), *self._calendars(by, owner, calendars)]
        head = Head(
            owner=owner,
            projects=by.projects,
            applied_at=self._later(owner),
            applied_by=by.name,
            schedules=len(schedules),
            calendars=len(calendars),
        )
        before = self._find(head)
        with self._audit.changing(
            by, Action.CHANGE, _subject(by, owner), shown(before) if before else None
        ) as change:
            compare_and_set(f"what {owner} applied", lambda: self._write(head, entries))
            change.after = shown(head)
        self._forget_replaced(by, head)
        return self.get(by, owner)

    def all(self, by: Caller) -> list[Overview]:
        """What was applied, by owner, as far as the caller sees it."""
        return self._seen(by, None)

    def get(self, by: Caller, owner: str) -> Overview:
        """One owner's. Raises `NotFound`."""
        found = self._seen(by, owner)
        if not found:
            raise _unknown(owner)
        return found[0]

    def remove(self, by: Caller, owner: str) -> None:
        """Watch an owner's no more, as far as it was applied by callers of the caller's projects;
        the schedules stay. Raises `NotFound`, and `Forbidden` if others' are among them."""
        heads = self._store.heads()
        mine = [one for one in heads if one.owner == owner and _within(one, by)]
        if not mine:
            self.get(by, owner)
            raise Forbidden(
                f"{owner} was applied by a caller of more projects than {by.name} has; such a "
                "caller can remove it"
            )
        for one in mine:
            with self._audit.changing(by, Action.DELETE, _subject(by, owner), shown(one)):
                if not self._store.remove(one):
                    raise Conflict(f"{owner} was applied again meanwhile; read it again")

    def _schedules(self, by: Caller, owner: str, given: Mapping[str, Known]) -> Sequence[Entry]:
        rows = self._looking.table.many([one.id for one in given.values()])
        return [
            _schedule(by, owner, key, known, rows.get(known.id)) for key, known in given.items()
        ]

    def _calendars(self, by: Caller, owner: str, given: Mapping[str, Known]) -> Sequence[Entry]:
        there = self._looking.calendars.all() if given else []
        rows = {one.id: one for one in there if not one.deleting}
        return [
            _calendar(by, owner, name, known, rows.get(known.id)) for name, known in given.items()
        ]

    def _later(self, owner: str) -> datetime:
        """Now, or after the last apply of the owner, if another instance's clock is ahead: the
        newest counts."""
        known = [one.applied_at for one in self._store.heads() if one.owner == owner]
        return max([self._clock.now(), *(one + _MICROSECOND for one in known)])

    def _forget_replaced(self, by: Caller, head: Head) -> None:
        """Remove the owner's applies that count for nothing since this one, whose caller has all of
        their projects."""
        for one in self._store.heads():
            older = one.owner == head.owner and one.applied_at < head.applied_at
            if older and one.projects != head.projects and _within(one, by):
                self._store.remove(one)

    def _find(self, head: Head) -> Head | None:
        """The apply that `head` replaces."""
        same = (head.owner, head.projects)
        return next((one for one in self._store.heads() if (one.owner, one.projects) == same), None)

    def _write(self, head: Head, entries: Sequence[Entry]) -> bool | None:
        before = self._find(head)
        if before is None and len(self._store.heads()) >= MOST_KEPT:
            raise Conflict(f"{MOST_KEPT} applies are kept; remove some")
        return self._store.write(before, head, entries) or None

    def _seen(self, by: Caller, owner: str | None) -> list[Overview]:
        """What the caller sees of one owner's, or of all."""

        def attempt() -> list[Overview] | None:
            heads = [one for one in self._store.heads() if owner in (None, one.owner)]
            try:
                return self._overviews(by, heads)
            except Replaced:
                return None

        return compare_and_set("what was applied", attempt)

    def _overviews(self, by: Caller, heads: Sequence[Head]) -> list[Overview]:
        if not heads:
            return []
        present = self._looking.present()
        found = []
        for counting in compare.by_owner(heads).values():
            parts = (self._part(by, head, extent, present) for head, extent in counting)
            if seen := [part for part in parts if part is not None]:
                found.append(_joined(seen))
        return found

    def _part(self, by: Caller, head: Head, extent: Extent, present: Present) -> Overview | None:
        """What a caller sees of one apply; None: nothing."""
        found = self._looking.compared(head, extent, present)
        if found is None:
            return None
        seen = (one for one in found.entries if extent.covers(one.project_id))
        entries = [one for one in seen if by.sees(one.project_id)]
        differences = [one for one in found.differences if by.sees(one.project_id)]
        if not (entries or differences or _within(head, by)):
            return None
        count = len(entries)
        schedules = sum(one.kind is Kind.SCHEDULE for one in entries)
        return Overview(
            owner=head.owner,
            applied_at=head.applied_at,
            applied_by=head.applied_by,
            schedules=schedules,
            calendars=count - schedules,
            since=head.since if differences else None,
            differences=differences,
        )


def shown(head: Head) -> dict[str, object]:
    """An apply for the audit."""
    return {
        "owner": head.owner,
        "projects": None if head.projects is None else sorted(head.projects),
        "applied_at": head.applied_at.isoformat(),
        "schedules": head.schedules,
        "calendars": head.calendars,
    }


def _schedule(by: Caller, owner: str, key: str, known: Known, one: Schedule | None) -> Entry:
    what = f"schedule {known.id!r:.80}"
    if one is None or one.deleted_at is not None:
        raise NotFound(f"there is no {what}")
    project = one.definition.project_id
    by.hold(project, what)
    tags = one.definition.tags
    if (tags.get(MANAGED_BY), tags.get(MANAGED_KEY)) != (owner, key):
        marks = f"{MANAGED_BY}={owner}, {MANAGED_KEY}={key}"
        raise Invalid(f"schedules.{key}", f"{what} does not have the tags {marks}")
    _hold_number(known, f"schedules.{key}: {what} has revision", one.revision)
    return Entry(
        kind=Kind.SCHEDULE,
        key=key,
        id=one.id,
        project_id=project,
        fields=digests.of_schedule(one),
        seen=one.revision,
    )


def _calendar(by: Caller, owner: str, name: str, known: Known, one: NamedCalendar | None) -> Entry:
    what = f"calendar {known.id!r:.80}"
    if one is None:
        raise NotFound(f"there is no {what}")
    project = one.definition.project_id
    if project is not None:  # those of all projects are there for everybody
        by.hold(project, what)
    if (owner_of(one), one.definition.name) != (owner, name):
        said = f"{what} is not {name!r} with the last line {mark(owner)!r} in its description"
        raise Invalid(f"calendars.{name}", said)
    _hold_number(known, f"calendars.{name}: {what} has version", one.version)
    return Entry(
        kind=Kind.CALENDAR,
        key=name,
        id=one.id,
        project_id=project,
        fields=digests.of_calendar(one),
        seen=revision_of(one),
    )


def _hold_number(known: Known, what: str, number: int) -> None:
    if number != known.revision:
        raise Stale(f"{what} {number} by now; read it again, and apply again")


def _within(head: Head, by: Caller) -> bool:
    """Whether the caller sees all that whoever applied it saw."""
    return by.projects is None or (head.projects is not None and head.projects <= by.projects)


def _joined(parts: Sequence[Overview]) -> Overview:
    """The applies of an owner, the newest first, as one."""
    since = [one.since for one in parts if one.since is not None]
    return replace(
        parts[0],
        schedules=sum(one.schedules for one in parts),
        calendars=sum(one.calendars for one in parts),
        since=min(since, default=None),
        differences=[difference for one in parts for difference in one.differences],
    )


def _subject(by: Caller, owner: str) -> Subject:
    return Subject("applied", owner, by.project)


def _unknown(owner: str) -> NotFound:
    return NotFound(f"nothing was applied for {owner!r:.120}")
