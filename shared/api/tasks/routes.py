"""`/api/v1/tasks`: the tasks that are built in, and the metrics of their runs over time (P8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Self

from fastapi import APIRouter

from shared.api.counted import BackfilledOut
from shared.api.deps import Asking, Provided
from shared.api.lists import Since, Until, span
from shared.api.shown import Shown, at
from shared.api.site import LastOut
from shared.api.spans import spanned
from shared.app import App
from shared.errors import NotFound
from shared.schedules.job import Status
from shared.schedules.model import Schedule
from shared.schedules.series import Bucket, Number, Series, Summary
from shared.schedules.upcoming import upcoming
from shared.tasks import Impact, Task

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])

_WEEK = timedelta(days=7)
_HOURLY = timedelta(days=2)
"""A span up to this long is shown by the hour, a longer one by the day."""


class TaskOut(Shown):
    """A built-in task. What is said of its schedule is null if it has no time of its own."""

    name: str = at("task.name")
    summary: str = at("task.summary")
    impact: Impact = at("task.impact")
    """A: safe. B: soft, such as what customers schedule. C: critical, waits for a person (O5)."""
    dry_run: bool = at("task.dry_run")
    """Whether the command line can run it with `--dry-run`."""
    timeout_seconds: int = at("task.timeout_seconds")
    schedule: str | None
    """Its cron expression, or how often it runs."""
    timezone: str | None = at("schedule_row.definition.recurrence.timezone")
    enabled: bool | None = at("schedule_row.definition.enabled")
    paused: bool
    """Whether it starts nothing until a person enables it, because too many of its jobs failed."""
    next_run_at: datetime | None = at("coming.due_at")
    last_run_at: datetime | None = at("schedule_row.progress.last_run_at")
    last: LastOut | None
    """Its ended job that was due last."""


class TaskList(Shown):
    tasks: list[TaskOut]


class MetricOut(Shown):
    """One number of the results, over several runs."""

    runs: int
    """How many of the runs returned it."""
    sum: Number
    mean: float
    min: Number
    max: Number


class DurationsOut(Shown):
    """How long runs took: of each, its last attempt, in seconds. The percentiles are durations of
    runs (nearest rank)."""

    mean: float
    p50: float
    p95: float
    max: float


class PointOut(Shown):
    """The runs of one bucket."""

    begins_at: datetime
    """When the bucket begins; of a single run, when it was due."""
    job_id: str | None
    """The job, if the bucket is a run."""
    runs: int
    succeeded: int
    failed: int
    error_rate: float | None
    """In percent."""
    duration: DurationsOut | None
    metrics: dict[str, Number]
    """The sum of each."""

    @classmethod
    def of(cls, begins_at: datetime, jobs: Summary) -> Self:
        return cls(
            begins_at=begins_at,
            job_id=jobs.job_id,
            runs=jobs.runs,
            succeeded=jobs.counts[Status.SUCCEEDED],
            failed=jobs.counts[Status.FAILED],
            error_rate=jobs.error_rate,
            duration=_durations(jobs),
            metrics={name: values.sum for name, values in jobs.metrics.items()},
        )


class MetricsOut(Shown):
    """How a task's runs went in a span of time. A run is a job that succeeded or failed."""

    task: str
    since: datetime
    until: datetime
    bucket: Bucket
    runs: int
    succeeded: int
    failed: int
    skipped: int
    missed: int
    cancelled: int
    success_rate: float | None
    """In percent; null if nothing ran."""
    error_rate: float | None
    """In percent; null if nothing ran."""
    duration: DurationsOut | None
    metrics: dict[str, MetricOut]
    """The numbers in the runs' results by their names; those inside objects as `outer.inner`."""
    left_out: list[str]
    """Some names that are not there, because there are more than 200."""
    backfilled: BackfilledOut
    series: list[PointOut]
    """The buckets in which something ran, oldest first."""

    @classmethod
    def of(cls, task: Task, since: datetime, until: datetime, made: Series) -> Self:
        whole = made.whole
        return cls(
            task=task.name,
            since=since,
            until=until,
            bucket=made.bucket,
            runs=whole.runs,
            **{status.value: whole.counts[status] for status in _ENDS},
            success_rate=whole.success_rate,
            error_rate=whole.error_rate,
            duration=_durations(whole),
            metrics={
                name: MetricOut.model_validate(values)
                for name, values in sorted(whole.metrics.items())
            },
            left_out=sorted(made.left_out),
            backfilled=BackfilledOut.of(whole.backfilled),
            series=[PointOut.of(begins_at, jobs) for begins_at, jobs in made],
        )


_ENDS = (Status.SUCCEEDED, Status.FAILED, Status.SKIPPED, Status.MISSED, Status.CANCELLED)


@router.get("")
def list_tasks(app: Provided, by: Asking) -> TaskList:
    """Every built-in task, with its schedule and its last run; `/api/v1/schedules/{name}` has
    more. Callers of some projects are told nothing of these schedules."""
    belfry = app()
    now = belfry.clock.now()
    tasks = list(belfry.registry)
    found = belfry.table.many([task.name for task in tasks]) if by.sees(None) else {}
    return TaskList(tasks=[_task(belfry, task, found.get(task.name), now) for task in tasks])


@router.get("/{task_name}/metrics")
def read_metrics(
    app: Provided,
    by: Asking,
    task_name: str,
    since: Since = None,
    until: Until = None,
    bucket: Bucket | None = None,
) -> MetricsOut:
    """How the task's runs went that were due at or after `from`, and before `to`, whatever
    schedule of the task they belong to, as far as the caller sees it.

    Instants are ISO 8601 with an offset. Default: the last 7 days; at most 366. `bucket` says what
    an item of the series stands for: a run, an hour or a day (UTC); default: an hour for a span of
    up to two days, else a day. An answer has 1,000 items at most, and counts 100,000 jobs at most.
    Jobs that have not ended are not counted, and those of backfills are counted apart. Many
    occurrences in a row that ended alike without running count at the time of the first.
    """
    belfry = app()
    task = belfry.registry.find(task_name)
    if task is None:
        raise NotFound(f"there is no task {task_name!r:.60}; GET /api/v1/tasks lists them")
    first, end = spanned(*span(since, until), belfry.clock.now(), _WEEK)
    chosen = bucket or (Bucket.HOUR if end - first <= _HOURLY else Bucket.DAY)
    made = belfry.history.series(task, first, end, chosen, by.projects)
    return MetricsOut.of(task, first, end, made)


def _task(belfry: App, task: Task, stored: Schedule | None, now: datetime) -> TaskOut:
    shown = belfry.manager.shown(stored) if stored is not None else None
    when = shown.definition.recurrence if shown is not None else None
    return TaskOut.model_validate(
        SimpleNamespace(
            task=task,
            schedule=None if when is None else when.text,
            schedule_row=shown,
            paused=shown is not None and shown.progress.paused_reason is not None,
            coming=upcoming(shown, now) if shown is not None else None,
            last=belfry.table.newest(task.name) if shown is not None else None,
        )
    )


def _durations(jobs: Summary) -> DurationsOut | None:
    found = jobs.duration
    return None if found is None else DurationsOut.model_validate(found)
