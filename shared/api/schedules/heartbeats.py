"""`/api/v1/schedules/{id}/heartbeat`: whom a schedule tells of its runs, and what failed last."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

from fastapi import APIRouter

from shared.api import scope
from shared.api.deps import Asking, Provided
from shared.api.shown import Shown, at

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"])


class HeartbeatOut(Shown):
    """The heartbeat of a schedule. A signal that is sent leaves no trace here; look at the outside
    service for it."""

    schedule_id: str
    heartbeat_url: str | None
    """The host that is told; null: nobody is."""
    last_failure_at: datetime | None = at("unsent.at")
    """When a signal could not be sent the last time."""
    last_failure_signal: str | None = at("unsent.signal")
    """`start`, `success` or `fail`."""
    last_failure_job_id: str | None = at("unsent.job_id")
    last_error: str | None = at("unsent.error")


@router.get("/{schedule_id}/heartbeat")
def read_heartbeat(app: Provided, asking: Asking, schedule_id: str) -> HeartbeatOut:
    """Whom the schedule tells of its runs, and what could not be sent last."""
    belfry = app()
    found = scope.schedule(belfry, asking, schedule_id)
    return HeartbeatOut.model_validate(
        SimpleNamespace(
            schedule_id=found.id,
            heartbeat_url=found.definition.heartbeat_shown,
            unsent=belfry.unsent_heartbeats.last(schedule_id),
        )
    )
