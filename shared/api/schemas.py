"""What the API takes and gives. Unknown fields are refused, by name."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared.recurrence import Frequency, Recurrence
from shared.schedules.job import Job
from shared.schedules.model import CatchUp, Definition, Overlap, Policy, Schedule

T = TypeVar("T")

Name = Annotated[str, Field(min_length=1, max_length=200)]
_PARAMETERS_LIMIT = 30_000
"""A property of a table holds 32,000 characters."""

Tag = Annotated[str, Field(min_length=1, max_length=100)]


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class _Fields(_Input):
    description: str | None = Field(default=None, max_length=2000)
    task_parameters: dict[str, Any] | None = None
    """What the task takes; see the task."""
    enabled: bool | None = None
    tags: list[Tag] | None = Field(default=None, max_length=50)
    frequency: Frequency | None = None
    cron_expression: str | None = Field(default=None, max_length=200)
    """For `cron`: minute, hour, day of month, month, day of week (0-6, Sunday 0)."""
    interval_seconds: int | None = None
    """For `interval`: seconds from one run to the next."""
    timezone: str | None = Field(default=None, max_length=100)
    """An IANA zone, such as `Europe/Berlin`. Default: UTC."""
    start_time: datetime | None = None
    """No run before it; with its offset. For `once`: when it runs."""
    end_time: datetime | None = None
    """No run after it."""
    misfire_grace_seconds: int | None = Field(default=None, ge=1, le=30 * 86400)
    """How late a run may start; one that cannot is recorded as missed. Default: the task's."""
    catch_up: CatchUp | None = None
    """What happens to runs that nothing could start in time. Default: none."""
    overlap: Overlap | None = None
    """What happens to a run while an earlier one still runs. Default: skip."""
    timeout_seconds: int | None = Field(default=None, ge=1, le=7200)
    """Of one attempt. Default: the task's."""
    max_attempts: int | None = Field(default=None, ge=1, le=20)
    """Attempts in all. Default: the task's."""
    retry_delay_seconds: int | None = Field(default=None, ge=1, le=86400)
    """Before the second attempt; doubles with each further one. Default: the task's."""

    @field_validator("task_parameters")
    @classmethod
    def _fits(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if len(json.dumps(value, allow_nan=False)) > _PARAMETERS_LIMIT:
            raise ValueError(f"longer than {_PARAMETERS_LIMIT} characters of JSON")
        return value


class NewSchedule(_Fields):
    """A schedule to be made."""

    name: Name
    task_type: Name
    frequency: Frequency
    project_id: int | None = Field(default=None, ge=0, le=2**63 - 1)

    def definition(self) -> Definition:
        return Definition(
            name=self.name,
            project_id=self.project_id,
            description=self.description or "",
            task_type=self.task_type,
            task_parameters=self.task_parameters or {},
            enabled=self.enabled is not False,
            tags=tuple(self.tags or ()),
            recurrence=Recurrence(
                frequency=self.frequency,
                timezone=self.timezone or "UTC",
                cron_expression=self.cron_expression,
                interval_seconds=self.interval_seconds,
                start_time=self.start_time,
                end_time=self.end_time,
            ),
        )

    def policy(self, default: Policy) -> Policy:
        return _policy(self, default)


class ScheduleChange(_Fields):
    """What is to change; what is left out stays, and null clears what may be empty."""

    name: Name | None = None

    def apply(self, schedule: Schedule) -> Schedule:
        what = schedule.definition
        given = {name: getattr(self, name) for name in self.model_fields_set}
        fields = _present(given, ("name", "description", "enabled", "task_parameters"))
        if given.get("tags") is not None:
            fields["tags"] = tuple(given["tags"])
        definition = replace(what, **fields, recurrence=self._recurrence(what.recurrence, given))
        return replace(schedule, definition=definition, policy=_policy(self, schedule.policy))

    def _recurrence(self, now: Recurrence, given: dict[str, Any]) -> Recurrence:
        fields = _present(given, ("frequency", "timezone"))
        clearable = ("cron_expression", "interval_seconds", "start_time", "end_time")
        fields |= {name: given[name] for name in clearable if name in given}
        frequency = fields.get("frequency", now.frequency)
        if frequency is not Frequency.CRON:
            fields.setdefault("cron_expression", None)
        if frequency is not Frequency.INTERVAL:
            fields.setdefault("interval_seconds", None)
        return replace(now, **fields)


def _policy(given: _Fields, default: Policy) -> Policy:
    names = tuple(Policy.__dataclass_fields__)
    return replace(default, **_present({name: getattr(given, name) for name in names}, names))


def _present(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) is not None}


class ScheduleOut(BaseModel):
    """A schedule as it is."""

    id: str
    project_id: int | None
    name: str
    description: str
    task_type: str
    frequency: Frequency
    cron_expression: str | None
    interval_seconds: int | None
    timezone: str
    task_parameters: dict[str, Any]
    enabled: bool
    tags: list[str]
    start_time: datetime | None
    end_time: datetime | None
    misfire_grace_seconds: int
    catch_up: CatchUp
    overlap: Overlap
    timeout_seconds: int
    max_attempts: int
    retry_delay_seconds: int
    next_run_at: datetime | None
    run_count: int
    success_count: int
    failure_count: int
    skipped_count: int
    missed_count: int
    success_rate: float | None
    is_active: bool
    last_run_at: datetime | None
    last_error: str | None
    created_at: datetime
    updated_at: datetime

    @staticmethod
    def of(schedule: Schedule) -> ScheduleOut:
        what, policy, progress = schedule.definition, schedule.policy, schedule.progress
        when = what.recurrence
        runs = progress.run_count
        return ScheduleOut(
            id=schedule.id,
            project_id=what.project_id,
            name=what.name,
            description=what.description,
            task_type=what.task_type,
            frequency=when.frequency,
            cron_expression=when.cron_expression,
            interval_seconds=when.interval_seconds,
            timezone=when.timezone,
            task_parameters=dict(what.task_parameters),
            enabled=what.enabled,
            tags=list(what.tags),
            start_time=when.start_time,
            end_time=when.end_time,
            misfire_grace_seconds=policy.misfire_grace_seconds,
            catch_up=policy.catch_up,
            overlap=policy.overlap,
            timeout_seconds=policy.timeout_seconds,
            max_attempts=policy.max_attempts,
            retry_delay_seconds=policy.retry_delay_seconds,
            next_run_at=progress.next_run_at,
            run_count=runs,
            success_count=progress.success_count,
            failure_count=progress.failure_count,
            skipped_count=progress.skipped_count,
            missed_count=progress.missed_count,
            success_rate=progress.success_count / runs if runs else None,
            is_active=schedule.is_active,
            last_run_at=progress.last_run_at,
            last_error=progress.last_error,
            created_at=schedule.created_at,
            updated_at=schedule.updated_at,
        )


class ScheduleList(BaseModel):
    schedules: list[ScheduleOut]
    total: int
    page: int
    page_size: int
    pages: int


class DueList(BaseModel):
    schedules: list[ScheduleOut]
    total: int


class Execute(_Input):
    """A request to run now."""

    force: bool = False
    """Run even if the schedule is turned off or not due."""


class Executed(BaseModel):
    schedule_id: str
    schedule_name: str
    job_id: str
    executed_at: datetime
    next_run_at: datetime | None
    message: str


class JobOut(BaseModel):
    """A job."""

    id: str
    schedule_id: str
    schedule_name: str
    project_id: int | None
    task_type: str
    status: str
    """queued, running, succeeded, failed, skipped, missed or cancelled."""
    manual: bool
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_seconds: float | None
    lateness_seconds: float | None
    attempt: int
    task_parameters: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None
    reason: str | None
    tags: dict[str, str]
    log: str | None = None
    """Given for a single job; lists leave it out."""

    @staticmethod
    def of(job: Job, *, log: bool = False) -> JobOut:
        return JobOut(
            id=job.id,
            schedule_id=job.schedule_id,
            schedule_name=job.schedule_name,
            project_id=job.project_id,
            task_type=job.task_type,
            status=job.status.value,
            manual=job.manual,
            due_at=job.due_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            duration_seconds=job.duration_seconds,
            lateness_seconds=job.lateness_seconds,
            attempt=job.attempt,
            task_parameters=dict(job.parameters),
            result=None if job.result is None else dict(job.result),
            error=job.error,
            reason=job.reason,
            tags={"schedule_id": job.schedule_id, "task_type": job.task_type},
            log=job.log if log else None,
        )


class JobList(BaseModel):
    jobs: list[JobOut]
    total: int
    page: int
    page_size: int
    pages: int


def page_of(items: list[T], page: int, size: int) -> tuple[list[T], int]:
    """(that page's items, number of pages)."""
    return items[(page - 1) * size : page * size], -(-len(items) // size)
