"""The pages that need no key: `/status` (L9) and `/ops/uptime` (L13)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from shared.api import deps, front, problems
from shared.api.deps import Provided
from shared.app import App
from shared.engine.dispatch.facts import FUTURE
from shared.schedules.job import Job, Status
from shared.schedules.model import Schedule
from shared.schedules.upcoming import upcoming

_SILENT = timedelta(minutes=3)


class LastOut(BaseModel):
    """How the ended job that was due last ended. Not why: anyone may read this."""

    job_id: str
    status: Status
    due_at: datetime
    finished_at: datetime | None


class Registered(BaseModel):
    """A built-in task."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    id: str
    name: str
    schedule: str
    timezone: str
    enabled: bool
    paused: bool
    """Whether it starts nothing until a person enables it, because too many of its jobs failed."""
    next_run_at: datetime | None
    last_run_at: datetime | None
    last: LastOut | None


class StatusOut(BaseModel):
    jobs: list[Registered]


class SilentOut(BaseModel):
    """A clock that ought to have ticked."""

    clock: str
    last_seen: datetime | None


class Uptime(BaseModel):
    """Whether the clocks tick. `late`: no clock has ticked for over three minutes."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: str
    """up, starting (no tick yet) or late."""
    started_at: datetime
    """When this instance started."""
    uptime_seconds: float
    clocks: dict[str, datetime]
    """When each clock last ticked."""
    silent: list[SilentOut]
    """Clocks that fell silent; the other clocks do their work."""


def site(belfry: Callable[[], App]) -> FastAPI:
    """The pages of the app that `belfry` gives."""
    made = FastAPI(
        title="Belfry", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False
    )
    made.get("/")(index)
    made.get("/status")(status)
    made.get("/ops/uptime")(uptime)
    deps.provide(made, belfry)
    front.install(made)
    problems.install(made)
    return made


def index() -> dict[str, str]:
    """What this is, and where to go."""
    return {
        "name": "Belfry",
        "what": "scheduled operations: schedules, the jobs they make, proved backups",
        "api": "/api/v1/schedules, /api/v1/jobs, /api/v1/backups (deployed: with a function key)",
        "docs": "/api/docs",
        "openapi": "/api/openapi.json",
        "status": "/status",
        "uptime": "/ops/uptime",
    }


def status(app: Provided) -> StatusOut:
    """Every built-in task with its next run."""
    belfry = app()
    now = belfry.clock.now()
    found = (belfry.table.get(task.name) for task in belfry.registry)
    return StatusOut(
        jobs=[
            _registered(belfry.manager.shown(one), belfry.table.newest(one.id), now)
            for one in found
            if one is not None
        ]
    )


def _registered(schedule: Schedule, last: Job | None, now: datetime) -> Registered:
    when = schedule.definition.recurrence
    coming = upcoming(schedule, now)
    return Registered(
        id=schedule.id,
        name=schedule.definition.name,
        schedule=when.cron_expression or when.frequency.value,
        timezone=when.timezone,
        enabled=schedule.definition.enabled,
        paused=schedule.progress.paused_reason is not None,
        next_run_at=coming and coming.due_at,
        last_run_at=schedule.progress.last_run_at,
        last=None if last is None else _last(last),
    )


def _last(job: Job) -> LastOut:
    return LastOut(
        job_id=job.id,
        status=job.status,
        due_at=job.due_at,
        finished_at=job.finished_at,
    )


def uptime(app: Provided) -> Uptime:
    """How long this instance has been up, and when each clock last ticked."""
    belfry = app()
    now = belfry.clock.now()
    clocks = belfry.meta.clocks()
    # a tick in the future came from a clock that was wrong: it says nothing of now
    last = max((at for at in clocks.values() if at - now <= FUTURE), default=None)
    is_up = last is not None and now - last <= _SILENT
    word = "up" if is_up else "late" if clocks else "starting"
    return Uptime(
        status=word,
        started_at=belfry.started_at,
        uptime_seconds=(now - belfry.started_at).total_seconds(),
        clocks=clocks,
        silent=[
            SilentOut(clock=one.clock, last_seen=one.last) for one in belfry.clocks.silent(now)
        ],
    )
