"""What needs no key: `/status` (L9), `/ops/uptime` (L13), projects' status pages, what the links of
approvals open, and the events of workflows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

from shared.alerts.of_database import Fitness, last
from shared.api import deps, front, problems, traced
from shared.api.approvals import page as approvals
from shared.api.deps import Provided
from shared.api.hooks.refusals import refused
from shared.api.runs import public as events
from shared.api.shown import Shown, at
from shared.api.status_pages import public as status_pages
from shared.app import App
from shared.engine.dispatch.liveness import liveness
from shared.schedules.job import Status
from shared.schedules.upcoming import upcoming


class LastOut(Shown):
    """How the ended job that was due last ended. Not why: anyone may read this."""

    job_id: str = at("id")
    status: Status
    due_at: datetime
    finished_at: datetime | None


class Registered(Shown):
    """A built-in task."""

    id: str
    name: str
    schedule: str | None = None
    """Null for a task without a time of its own, which runs when a person asks for it."""
    timezone: str | None = None
    enabled: bool = False
    """Whether it runs by itself."""
    paused: bool = False
    """Whether it starts nothing until a person enables it, because too many of its jobs failed."""
    next_run_at: datetime | None = None
    last_run_at: datetime | None = None
    last: LastOut | None = None


class StatusOut(Shown):
    jobs: list[Registered]
    refused_hooks: dict[str, int]
    """How many requests to `/hooks` each provider had not signed."""
    refused_keys: int
    """How many wrong keys came with requests to `/api`."""
    database: str
    """How the company's database was found last: fits, unfit (of another schema, or it refuses),
    away (it does not answer), or none (DATABASE_URL is not set, or nobody has looked yet)."""


class SilentOut(Shown):
    """A clock that ought to have ticked."""

    clock: str
    last_seen: datetime | None = at("last")


class Uptime(Shown):
    """Whether the clocks tick. `late`: no clock has ticked for over three minutes."""

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
    made.include_router(status_pages.router)
    made.include_router(approvals.router)
    made.include_router(events.router)
    deps.provide(made, belfry)
    traced.install(made)
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
    return StatusOut(
        jobs=[_registered(belfry, task.name) for task in belfry.registry],
        refused_hooks=refused(belfry.meta),
        refused_keys=belfry.gate.refusals.count(),
        database=last(belfry.meta) if belfry.settings.database_url else Fitness.NONE,
    )


def _registered(belfry: App, name: str) -> Registered:
    stored = belfry.table.get(name)
    if stored is None or stored.deleted_at is not None:
        return Registered(id=name, name=name)
    schedule = belfry.manager.shown(stored)
    recurrence = schedule.definition.recurrence
    coming = upcoming(schedule, belfry.clock.now())
    return Registered(
        id=name,
        name=schedule.definition.name,
        schedule=recurrence.text,
        timezone=recurrence.timezone,
        enabled=schedule.definition.enabled,
        paused=schedule.progress.paused_reason is not None,
        next_run_at=coming and coming.due_at,
        last_run_at=schedule.progress.last_run_at,
        last=LastOut.model_validate(last) if (last := belfry.table.newest(name)) else None,
    )


def uptime(app: Provided) -> Uptime:
    """How long this instance has been up, and when each clock last ticked."""
    belfry = app()
    now = belfry.clock.now()
    clocks = belfry.meta.clocks()
    return Uptime(
        status=liveness(clocks.values(), now),
        started_at=belfry.started_at,
        uptime_seconds=(now - belfry.started_at).total_seconds(),
        clocks=clocks,
        silent=[SilentOut.model_validate(one) for one in belfry.clocks.silent(now)],
    )
