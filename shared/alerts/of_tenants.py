"""Tasks that work tenant by tenant tell people of a tenant for whom they cannot do it (P9): the job
itself succeeds, since the others were done, so nobody would look at its errors."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from shared.alerts.port import AlertKind, AlertService
from shared.tasks import JobContext

_TOLD = 20
"""Tenants that are told one by one; more than that have one cause."""


def tell_failed(alerts: AlertService, job: JobContext, failed: Sequence[tuple[int, str]]) -> None:
    """Tell of these tenants, each with what is wrong: once a day for each task and tenant, as long
    as it lasts. Raises as the alerts do; to do it again is harmless."""
    day = job.clock.now().astimezone(UTC).date()
    told = [(f"tenant {tenant_id}", said) for tenant_id, said in failed[:_TOLD]]
    if (more := len(failed) - _TOLD) > 0:
        told.append(("more tenants", f"{more} more tenants failed; the first: {failed[0][1]}"))
    for who, said in told:
        about = f"{job.schedule_id}: {who}"
        alerts.happened(AlertKind.TENANT_FAILED, about, said, key=f"{about}:{day}")
