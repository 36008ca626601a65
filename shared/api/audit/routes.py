"""`/api/v1/audit`: who changed what, when, from where, from what to what (C17)."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query

from shared.access import Caller
from shared.api import cursors
from shared.api.cursors import Cursor
from shared.api.deps import Asking, Provided
from shared.api.fields import formed
from shared.api.lists import PAGE_SIZE, Continued, Page, PageSize, Since, Until, counts, span
from shared.api.query import Number, ScheduleId
from shared.api.shown import Shown, at
from shared.app import App
from shared.audit.chain import Record
from shared.audit.diff import differences
from shared.audit.entry import Outcome
from shared.audit.listing import Wanted
from shared.audit.port import Action
from shared.errors import Invalid, NotFound

router = APIRouter(tags=["audit"])

Actor = Annotated[str | None, Query(min_length=1, max_length=200)]
"""The name of who did it, as `by.name` shows it."""
_KIND = "[a-z_]{1,40}"
Kind = Annotated[
    Annotated[str, formed(_KIND, "give a kind such as schedule, job or key")] | None,
    Query(json_schema_extra={"pattern": f"^{_KIND}$"}),
]
"""What kind of thing was changed, such as `schedule`, `job`, `backup`."""


class WhoOut(Shown):
    """By whom, and from where."""

    name: str
    """A key's name, a person's address, `task:NAME`, `settings`, or `engine`."""
    role: str
    key_id: str | None
    address: str | None
    """The network address that the request came from."""
    request_id: str | None


class SubjectOut(Shown):
    """What was changed."""

    kind: str
    id: str
    project_id: int | None


class DifferenceOut(Shown):
    """One place at which `before` and `after` differ."""

    path: str
    """A JSON Pointer (RFC 6901), such as `/policy/timeout_seconds`; empty: the whole."""
    before: Any
    after: Any


class AuditEntryOut(Shown):
    """A change, as the audit's chain has it."""

    number: int
    """Its place in the chain."""
    hash: str = at("digest")
    """The SHA-256 of the record, which contains that of the one before."""
    id: str = at("entry.id")
    by: WhoOut = at("entry.by")
    action: Action = at("entry.action")
    subject: SubjectOut = at("entry.subject")
    schedule_id: str | None = at("entry.schedule_id")
    """The schedule that it concerns, if it concerns one."""
    before: dict[str, Any] | None = at("entry.before")
    after: dict[str, Any] | None = at("entry.after")
    changes: list[DifferenceOut]
    """What differs between the two; empty if one of them is null."""
    outcome: Outcome = at("entry.outcome")
    """Unknown: the process ended, or lost its storage, before it could say."""
    error: str | None = at("entry.error")
    settles: str | None = at("entry.settles")
    """The `id` of an earlier entry whose outcome was unknown, and which this one tells."""
    at: datetime = at("entry.at")
    """When it was made; of one that took time, when it began."""

    @classmethod
    def of(cls, record: Record) -> Self:
        entry = record.entry()
        both = entry.before is not None and entry.after is not None
        changes = [*differences(entry.before, entry.after)] if both else []
        return cls.model_validate(
            SimpleNamespace(
                number=record.number, digest=record.digest, entry=entry, changes=changes
            )
        )


class AuditList(Continued):
    """A page of the audit, newest first."""

    entries: list[AuditEntryOut]
    unreadable: list[int]
    """The numbers of records on this page that cannot be read, since somebody changed their rows:
    `python -m functions audit verify` says more."""


@router.get("/api/v1/audit")
def list_audit(
    app: Provided,
    by: Asking,
    schedule_id: ScheduleId | None = None,
    project_id: Number | None = None,
    actor: Actor = None,
    action: Action | None = None,
    kind: Kind = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
    cursor: Cursor = None,
) -> AuditList:
    """Changes that fit every filter given, newest first: each by a person or a task, from what to
    what, with its place in the chain.

    Administrators see all of their projects; others what concerns schedules of theirs. `from` and
    `to` limit when they were made: at or after `from`, and before `to`; ISO 8601 with an offset.
    To walk all, give `next_cursor` of each page as `cursor` for the next: what is recorded
    meanwhile moves nothing to another page. Entries older than `AUDIT_TABLE_DAYS` are in files
    only (docs/audit.md).
    """
    first, end = span(since, until)
    wanted = Wanted(
        schedule_id=schedule_id,
        project_id=project_id,
        actor=actor,
        action=action,
        kind=kind,
        since=first,
        until=end,
    )
    return _page(app(), by, wanted, page, page_size, cursor)


@router.get("/api/v1/schedules/{schedule_id}/audit")
def list_schedule_audit(
    app: Provided,
    by: Asking,
    schedule_id: str,
    action: Action | None = None,
    since: Since = None,
    until: Until = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
    cursor: Cursor = None,
) -> AuditList:
    """The changes of one schedule and of its jobs, newest first, also if it was deleted."""
    belfry = app()
    found = belfry.table.get(schedule_id)
    if found is None:
        raise NotFound(f"there is no schedule {schedule_id!r}")
    by.hold(found.definition.project_id, f"schedule {schedule_id!r}")
    first, end = span(since, until)
    wanted = Wanted(schedule_id=schedule_id, action=action, since=first, until=end)
    return _page(belfry, by, wanted, page, page_size, cursor)


def _page(
    belfry: App, by: Caller, wanted: Wanted, page: int, page_size: int, cursor: str | None
) -> AuditList:
    to = cursors.bound("audit", by, wanted=repr(wanted), role=by.role)
    if cursor is not None and page != 1:
        raise Invalid("page", "give a page or a cursor, not both")
    below = None if cursor is None else int(cursors.read(belfry.meta, to, cursor)[0])
    found = belfry.audit.page(wanted, by, page, page_size, below=below)
    entries: list[AuditEntryOut] = []
    unreadable: list[int] = []
    for one in found.records:
        try:
            entries.append(AuditEntryOut.of(one))
        except (LookupError, ValueError, TypeError):
            unreadable.append(one.number)
    return AuditList(
        entries=entries,
        unreadable=unreadable,
        next_cursor=None if found.last is None else cursors.write(belfry.meta, to, [found.last]),
        **counts(found.total, page if below is None else found.start // page_size + 1, page_size),
    )
