"""`/api/v1/schedules/{id}/health`, and the schedules that are not well (C15, N12)."""

from __future__ import annotations

from datetime import datetime
from math import isfinite

from fastapi import APIRouter

from shared.api import scope
from shared.api.deps import Asking, Provided
from shared.api.lists import PAGE_SIZE, Page, Paged, PageSize, counts
from shared.api.query import Number
from shared.api.shown import Shown
from shared.health.service import Unwell
from shared.schedules.band import Judged
from shared.schedules.health import Reason, ReasonKind, Verdict
from shared.storage.tables.findings import Finding

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


class ReasonOut(Shown):
    """Something that is wrong with a schedule."""

    kind: ReasonKind
    text: str
    problem: bool
    """Whether people are told of it as `schedule_unhealthy`."""
    since: datetime | None
    """When the health monitor first found it; null if it did not yet."""


class BandOut(Shown):
    """A number of each run: the run time, or one in the result."""

    metric: str
    """`duration_seconds`, or its name in the result, as `fees.EUR`."""
    last: float
    """That of the last run."""
    unusual: bool
    usual: float | None
    """The median of the runs before; null while they are too few."""
    low: float | None
    """Less than that is unusual."""
    high: float | None
    """More than that is unusual; null if no number is, since it was nearly always 0."""
    runs: int
    """From how many runs it was learned."""
    weekday: int | None
    """If only runs of the same weekday count: which (Monday is 0)."""


class HealthOut(Shown):
    """How a schedule is."""

    schedule_id: str
    name: str
    verdict: Verdict
    since: datetime | None
    """Since when, as the health monitor found; null if it is well, or was not examined since."""
    success_rate: float | None
    """In percent, of its last runs, 100 at most; null before the first."""
    runs: int
    """How many runs those are."""
    reasons: list[ReasonOut]
    bands: list[BandOut]
    """The numbers of its last run, if it succeeded."""


class UnwellOut(Shown):
    """A schedule that is not well."""

    schedule_id: str
    name: str
    project_id: int | None
    verdict: Verdict
    since: datetime
    reasons: list[ReasonOut]


class UnwellList(Paged):
    schedules: list[UnwellOut]


@router.get("/health/list")
def list_unhealthy_schedules(
    app: Provided,
    by: Asking,
    project_id: Number | None = None,
    verdict: Verdict | None = None,
    page: Page = 1,
    page_size: PageSize = PAGE_SIZE,
) -> UnwellList:
    """Schedules that want a look or are critical: the worst first, then by how long they are so.

    It says what the health monitor found, which looks every five minutes.
    """
    found = [
        one
        for one in app().health.unwell(by, project_id)
        if verdict is None or one.finding.verdict is verdict
    ]
    start = (page - 1) * page_size
    return UnwellList(
        schedules=[_unwell(one) for one in found[start : start + page_size]],
        **counts(len(found), page, page_size),
    )


@router.get("/{schedule_id}/health")
def read_health(app: Provided, by: Asking, schedule_id: str) -> HealthOut:
    """How a schedule is now, why, and what is usual of its runs.

    The success rate and the bands are those of its last runs that are not in the archive.
    """
    belfry = app()
    schedule = scope.schedule(belfry, by, schedule_id)
    health = belfry.health.examine(schedule, belfry.clock.now())
    known = belfry.health.findings.get(schedule_id)
    same = known is not None and known.verdict is health.verdict
    return HealthOut(
        schedule_id=schedule_id,
        name=schedule.definition.name,
        verdict=health.verdict,
        since=known.since if known is not None and same else None,
        success_rate=health.success_rate,
        runs=health.runs,
        reasons=[_reason(one, known) for one in health.reasons],
        bands=[_band(name, one) for name, one in health.metrics.items()],
    )


def _unwell(one: Unwell) -> UnwellOut:
    found = one.finding
    return UnwellOut(
        schedule_id=one.schedule.id,
        name=one.schedule.name,
        project_id=one.schedule.project_id,
        verdict=found.verdict,
        since=found.since,
        reasons=[ReasonOut.model_validate(reason) for reason in found.reasons],
    )


def _reason(one: Reason, known: Finding | None) -> ReasonOut:
    since = {found.kind: found.since for found in (known.reasons if known else ())}
    return ReasonOut(kind=one.kind, text=one.text, problem=one.problem, since=since.get(one.kind))


def _band(name: str, one: Judged) -> BandOut:
    band = one.band
    return BandOut(
        metric=name,
        last=one.number,
        unusual=one.unusual,
        usual=band and band.median,
        low=band and band.low,
        high=band.high if band is not None and isfinite(band.high) else None,
        runs=band.runs if band else 0,
        weekday=band and band.weekday,
    )
