"""`/api/v1/schedules/statistics`: schedules and their runs, counted (C9)."""

from __future__ import annotations

from datetime import UTC, date, timedelta

from fastapi import APIRouter

from shared.api.counted import BackfilledOut
from shared.api.deps import Asking, Provided
from shared.api.query import Number
from shared.api.shown import Shown
from shared.api.spans import LONGEST, FirstDay, LastDay, days
from shared.app import App
from shared.errors import Invalid
from shared.jobs.counting import Counts
from shared.jobs.entry import Filter
from shared.listing.wanted import Wanted
from shared.schedules.job import Status

USUAL = 30
"""How many days are shown if nobody says how many."""

router = APIRouter(prefix="/api/v1/schedules/statistics", tags=["schedules"])


class SummaryOut(Shown):
    """Schedules and their runs, counted."""

    total_schedules: int
    enabled_schedules: int
    disabled_schedules: int
    total_runs: int
    """Jobs that succeeded or failed."""
    successful_runs: int
    failed_runs: int
    success_rate: float | None
    """In percent, to one decimal place; null before the first run."""
    by_frequency: dict[str, int]
    """How many schedules there are of each frequency; those that none has are left out."""
    backfilled: BackfilledOut


class DayOut(Shown):
    """The jobs that were due on a day (UTC), by how they ended. Of many occurrences that ended as
    one job (a stretch), all count on the day of the last."""

    day: date
    runs: int
    """Jobs that succeeded or failed."""
    succeeded: int
    failed: int
    skipped: int
    missed: int
    cancelled: int
    success_rate: float | None
    """In percent, to one decimal place; null without a run."""
    seconds: float
    """How long the runs took, together."""
    mean_seconds: float | None
    """How long a run took; null without one."""
    backfilled: BackfilledOut
    """What backfills ran, maybe long after, of what was due on the day."""


class DailyOut(Shown):
    days: list[DayOut]


@router.get("/summary")
def summarize_schedules(
    app: Provided,
    asking: Asking,
    project_id: Number | None = None,
    task_type: str | None = None,
) -> SummaryOut:
    """The schedules of a project or a task, or all of them, and how the runs ended that there were.

    Deleted schedules and those of single runs that people asked for are not counted as schedules.
    Their runs are counted as runs: in the project that a run had when it ended. What backfills ran
    is counted apart.
    """
    belfry = app()
    tasks = _tasks(belfry, task_type)
    schedules = belfry.lists.count(
        Wanted(projects=asking.projects, project_id=project_id, task_types=tasks, once=False)
    )
    runs = belfry.jobs.counts(Filter(projects=asking.among(project_id), task_types=tasks))
    return SummaryOut(
        total_schedules=schedules.total,
        enabled_schedules=schedules.enabled,
        disabled_schedules=schedules.disabled,
        total_runs=runs.runs,
        successful_runs=runs.of(Status.SUCCEEDED),
        failed_runs=runs.of(Status.FAILED),
        success_rate=runs.success_rate,
        by_frequency=dict(schedules.by_frequency),
        backfilled=BackfilledOut.of(runs.backfilled),
    )


@router.get("/daily")
def summarize_days(
    app: Provided,
    asking: Asking,
    project_id: Number | None = None,
    task_type: str | None = None,
    since: FirstDay = None,
    until: LastDay = None,
) -> DailyOut:
    """The runs of each day from `from` to `to`, both included: of a project or a task, or all.

    Without `to`, up to today; without `from`, the last 30 days of the span. Days are those of UTC.
    """
    belfry = app()
    first, last = days(since, until)
    last = last or max(belfry.clock.now().astimezone(UTC).date(), first or date.min)
    first = first or last - timedelta(days=USUAL - 1)
    if (last - first).days >= LONGEST.days:
        text = f"the span is {(last - first).days + 1} days; ask for {LONGEST.days} days at most"
        raise Invalid("from" if until is None else "to", text)
    wanted = Filter(projects=asking.among(project_id), task_types=_tasks(belfry, task_type))
    found = belfry.jobs.days(wanted, first, last)
    return DailyOut(days=[_day(at, counts) for at, counts in found.items()])


def _tasks(belfry: App, task_type: str | None) -> frozenset[str] | None:
    """The names that a task has had, if it is known; None for all tasks."""
    if task_type is None:
        return None
    task = belfry.registry.find(task_type)
    return frozenset({task_type} if task is None else {task.name, *task.aliases})


def _day(at: date, counts: Counts) -> DayOut:
    return DayOut(
        day=at,
        runs=counts.runs,
        succeeded=counts.of(Status.SUCCEEDED),
        failed=counts.of(Status.FAILED),
        skipped=counts.of(Status.SKIPPED),
        missed=counts.of(Status.MISSED),
        cancelled=counts.of(Status.CANCELLED),
        success_rate=counts.success_rate,
        seconds=counts.seconds,
        mean_seconds=counts.mean_seconds,
        backfilled=BackfilledOut.of(counts.backfilled),
    )
