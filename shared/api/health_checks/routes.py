"""`/api/v1/health-checks`: how the targets of a project's health checks stand, and stood (C12)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from shared.api import scope
from shared.api.deps import Asking, Provided
from shared.api.health_checks.shapes import (
    ChangeOut,
    CheckDetails,
    CheckList,
    CheckOut,
    CheckSeries,
    EventList,
    ResultList,
    ResultOut,
    SpanOut,
)
from shared.api.lists import PAGE_SIZE, Page, PageSize, Since, Until, counts, page_of, span
from shared.api.query import DIGITS, Number
from shared.app import App
from shared.errors import Invalid, NotFound
from shared.listing.wanted import Sort, Wanted
from shared.probes.rows import DAYS, RAW, Check
from shared.probes.summaries import series
from shared.schedules.model import Schedule
from shared.schedules.series import Bucket

router = APIRouter(prefix="/api/v1/health-checks", tags=["health checks"])

TASK = "health_check"
_EVENTS = 1000
"""The most events that are listed."""
_HOURLY = timedelta(days=2)
"""A span that is told by hours, if nobody says otherwise."""
_HOURS = timedelta(days=31)
"""The longest span by hours."""
Limit = Annotated[int, Field(ge=1, le=1000), DIGITS]


@router.get("")
def list_health_checks(
    app: Provided,
    by: Asking,
    project_id: Number | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> CheckList:
    """The health checks, and how their targets stand, newest first."""
    belfry = app()
    wanted = Wanted(
        projects=by.projects, project_id=project_id, task_types=frozenset({TASK}), once=False
    )
    found = belfry.lists.page(wanted, Sort.NEWEST, page_size, start=(page - 1) * page_size)
    known = _checks(belfry, found.schedules)
    return CheckList(
        health_checks=[CheckOut.of(one, known.get(one.id)) for one in found.schedules],
        **counts(found.total, page, page_size),
    )


@router.get("/{schedule_id}")
def read_health_check(app: Provided, by: Asking, schedule_id: str) -> CheckDetails:
    """How a check's target stands; its uptime and its percentiles over the last 24 hours, 7, 30 and
    90 days (UTC)."""
    belfry = app()
    schedule = _schedule(belfry, by, schedule_id)
    project, store = schedule.definition.project_id, belfry.health_checks()
    check = store.check(project, schedule_id)
    _, sums = store.sums(project, schedule_id, belfry.clock.now())
    plain = CheckOut.of(schedule, check)
    spans = {name: SpanOut.of(tally) for name, tally in sums.items()}
    return CheckDetails(**plain.model_dump(), spans=spans)


@router.get("/{schedule_id}/history")
def read_health_check_history(
    app: Provided,
    by: Asking,
    schedule_id: str,
    since: Since = None,
    until: Until = None,
    bucket: Bucket | None = None,
) -> CheckSeries:
    """Uptime and percentiles of each hour or day (UTC), in order; those without a result are left
    out. Kept for 400 days. Default: the last 30 days."""
    belfry = app()
    schedule = _schedule(belfry, by, schedule_id)
    first, end = _span(belfry, since, until, timedelta(days=30))
    if bucket is Bucket.RUN:
        raise Invalid("bucket", "give hour or day; .../results lists each run")
    hours = (bucket is Bucket.HOUR) or (bucket is None and end - first <= _HOURLY)
    if hours and end - first > _HOURS:
        raise Invalid("from", f"by hours, {_HOURS.days} days at most; or ask for bucket=day")
    days = belfry.health_checks().days(
        schedule.definition.project_id,
        schedule_id,
        max(first, end - DAYS).date(),
        end.date(),
        hours=hours,
    )
    begins = first.replace(minute=0, second=0, microsecond=0)
    begins = begins if hours else begins.replace(hour=0)
    found = [(at, one) for at, one in series(days, hours=hours) if begins <= at < end]
    return CheckSeries(
        schedule_id=schedule_id,
        bucket=Bucket.HOUR if hours else Bucket.DAY,
        series=[SpanOut.of(tally, at) for at, tally in found],
    )


@router.get("/{schedule_id}/results")
def list_health_check_results(
    app: Provided,
    by: Asking,
    schedule_id: str,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
) -> ResultList:
    """Each result, in the order in which the runs were due, from `from` on. Kept for 3 days.
    Default: those of the last hour."""
    belfry = app()
    schedule = _schedule(belfry, by, schedule_id)
    first, end = _span(belfry, since, until, timedelta(hours=1))
    found = belfry.health_checks().results(
        schedule.definition.project_id, schedule_id, max(first, end - RAW), end, limit
    )
    return ResultList(schedule_id=schedule_id, results=[ResultOut.of(one) for one in found])


@router.get("/{schedule_id}/events")
def list_health_check_events(
    app: Provided,
    by: Asking,
    schedule_id: str,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> EventList:
    """When its target went down, up, or slow, newest first: the last 1,000 of 90 days."""
    belfry = app()
    schedule = _schedule(belfry, by, schedule_id)
    found = belfry.health_checks().changes(schedule.definition.project_id, schedule_id, _EVENTS)
    items, told = page_of(found, page, page_size)
    return EventList(events=[ChangeOut.model_validate(one) for one in items], **told)


def _schedule(belfry: App, by: Asking, schedule_id: str) -> Schedule:
    found = scope.schedule(belfry, by, schedule_id)
    if found.definition.task_type != TASK:
        raise NotFound(f"schedule {schedule_id!r} is no health check")
    return found


def _checks(belfry: App, schedules: Sequence[Schedule]) -> Mapping[str, Check]:
    """What is known of these, by schedule."""
    by_project: dict[int | None, list[str]] = defaultdict(list)
    for one in schedules:
        by_project[one.definition.project_id].append(one.id)
    store = belfry.health_checks()
    found: dict[str, Check] = {}
    for project, ids in by_project.items():
        found |= store.checks(project, ids)
    return found


def _span(
    belfry: App, since: str | None, until: str | None, usual: timedelta
) -> tuple[datetime, datetime]:
    first, end = span(since, until)
    end = (end or belfry.clock.now()).astimezone(UTC)
    return (first.astimezone(UTC) if first is not None else end - usual), end
