"""`GET /api/v1/schedules`, and those that are due (C5, C10)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from shared.api import cursors, tags
from shared.api.cursors import Bound, Cursor
from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, PageSize, counts
from shared.api.query import Boolean, Number
from shared.api.schedules.shapes import ScheduleList, ScheduleOut
from shared.api.tags import Tagged
from shared.app import App
from shared.engine.records import lists
from shared.errors import Invalid
from shared.listing.columns import Key
from shared.listing.wanted import Sort, Wanted
from shared.recurrence import Frequency
from shared.schedules.listed import ScheduleState

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


@router.get("", openapi_extra={"parameters": [tags.PARAMETER]})
def list_schedules(
    app: Provided,
    asking: Asking,
    tagged: Tagged,
    project_id: Number | None = None,
    enabled: Boolean | None = None,
    task_type: str | None = None,
    frequency: Frequency | None = None,
    state: Annotated[
        ScheduleState | None, Query(description="Only schedules that stand so.")
    ] = None,
    calendar: Annotated[str | None, Query(max_length=200)] = None,
    q: Annotated[str, Query(max_length=200)] = "",
    once: Boolean = False,
    sort: Sort = Sort.NEWEST,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
    cursor: Cursor = None,
) -> ScheduleList:
    """Schedules that fit every filter given, newest first.

    `tags.NAME=VALUE` is a filter for each name: `?tags.team=backend&tags.priority=high`.

    To walk all, give `next_cursor` of each page as `cursor` for the next: what is created or
    deleted meanwhile moves nothing to another page. A page by its number costs the same.

    Schedules of single runs that people asked for (a restore, a proof) are listed only with
    `once=true`.
    """
    belfry = app()
    wanted = Wanted(
        projects=asking.projects,
        project_id=project_id,
        enabled=enabled,
        task_types=None if task_type is None else frozenset({task_type}),
        frequency=frequency,
        tags=tuple(sorted(tagged.items())),
        state=state,
        calendar=calendar,
        text=q,
        once=once,
    )
    to = cursors.bound(
        "schedules",
        asking,
        project_id=project_id,
        enabled=enabled,
        task_type=task_type,
        frequency=frequency,
        tags=tagged,
        state=state,
        calendar=calendar,
        q=q,
        once=once,
        sort=sort,
    )
    if cursor is not None and page != 1:
        raise Invalid("page", "give a page or a cursor, not both")
    after = None if cursor is None else _place(belfry, to, cursor)
    found = belfry.lists.page(wanted, sort, page_size, start=(page - 1) * page_size, after=after)
    return _shown(belfry, found, to, page if cursor is None else None, page_size)


@router.get("/due/list")
def list_due_schedules(
    app: Provided, asking: Asking, limit: Annotated[Number, Query(ge=1, le=500)] = 100
) -> list[ScheduleOut]:
    """Schedules whose next run is due and not handed out yet, most overdue first."""
    belfry = app()
    now = belfry.clock.now()
    return [ScheduleOut.of(one, now) for one in belfry.lists.due(now, limit, asking.projects)]


def _place(belfry: App, to: Bound, cursor: str) -> Key:
    value, schedule_id = cursors.read(belfry.meta, to, cursor)
    return value, str(schedule_id)


def _shown(
    belfry: App, found: lists.Page, to: Bound, page: int | None, page_size: int
) -> ScheduleList:
    """`page`: its number; None: it follows from what comes before it."""
    now = belfry.clock.now()
    number = found.before // page_size + 1 if page is None else page
    return ScheduleList(
        schedules=[ScheduleOut.of(one, now) for one in found.schedules],
        next_cursor=None if found.last is None else cursors.write(belfry.meta, to, found.last),
        **counts(found.total, number, page_size),
    )
