"""The pages that need no key: `/status` (L9) and `/ops/uptime` (L13)."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict

from shared.api import problems
from shared.api.bridge import Bridge
from shared.app import app
from shared.engine.facts import FUTURE
from shared.schedules.model import Schedule
from shared.schedules.upcoming import upcoming

_SILENT = timedelta(minutes=3)


class Registered(BaseModel):
    """A built-in task."""

    id: str
    name: str
    schedule: str
    timezone: str
    enabled: bool
    next_run_at: datetime | None
    last_run_at: datetime | None


class StatusOut(BaseModel):
    jobs: list[Registered]


class SilentOut(BaseModel):
    """A clock that ought to have ticked."""

    clock: str
    last_seen: datetime | None


class Uptime(BaseModel):
    """Whether the clockwork goes. `late`: no clock has ticked for over three minutes."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: str
    """up, starting (no tick yet) or late."""
    started_at: datetime
    """When this instance started."""
    uptime_seconds: float
    clocks: dict[str, datetime]
    """When each clock last ticked."""
    silent: list[SilentOut]
    """Clocks that fell silent; the others do their work."""


@functools.cache
def site() -> FastAPI:
    """The app."""
    made = FastAPI(title="Belfry", docs_url=None, redoc_url=None, openapi_url=None)
    made.get("/status")(status)
    made.get("/ops/uptime")(uptime)
    problems.install(made)
    return made


def status() -> StatusOut:
    """Every built-in task with its next run."""
    belfry = app()
    now = belfry.clock.now()
    found = (belfry.table.get(task.name) for task in belfry.registry)
    return StatusOut(
        jobs=[_registered(belfry.manager.shown(one), now) for one in found if one is not None]
    )


def _registered(schedule: Schedule, now: datetime) -> Registered:
    when = schedule.definition.recurrence
    coming = upcoming(schedule, now)
    return Registered(
        id=schedule.id,
        name=schedule.definition.name,
        schedule=when.cron_expression or when.frequency.value,
        timezone=when.timezone,
        enabled=schedule.definition.enabled,
        next_run_at=coming and coming.due_at,
        last_run_at=schedule.progress.last_run_at,
    )


def uptime() -> Uptime:
    """How long this instance is up, and when each clock last ticked."""
    belfry = app()
    now = belfry.clock.now()
    clocks = belfry.meta.clocks()
    # a tick in the future was by a clock that was wrong: it says nothing of now
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


@functools.cache
def middleware() -> Bridge:
    """The bridge."""
    return Bridge(site())
