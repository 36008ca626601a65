"""Makes the scaling policy's parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.alerts.port import AlertService
from shared.app.stores import Stores
from shared.audit.port import Audit
from shared.clock import Clock
from shared.scaling.policy import Bounds, Range
from shared.scaling.traffic import Traffic
from shared.settings import ScalingSettings

if TYPE_CHECKING:
    from shared.scaling.service import Scaling


def traffic(settings: ScalingSettings, at: Stores, clock: Clock) -> Traffic:
    return Traffic(at.connection.table(at.names.table), clock, on=settings.mode != "off")


def bounds(settings: ScalingSettings) -> Bounds:
    """What the settings let the policy set."""
    return Bounds(
        ready=Range(*settings.ready),
        instances=Range(*settings.instances),
        concurrency=Range(*settings.concurrency),
    )


def scaling(
    settings: ScalingSettings,
    at: Stores,
    counted: Traffic,
    audit: Audit,
    alerts: Callable[[], AlertService],
) -> Scaling:
    from shared.scaling.row import StateRow
    from shared.scaling.service import Scaling
    from shared.scaling.site import Site
    from shared.scaling.steps import Rules

    on = settings.mode != "off"
    return Scaling(
        rules=Rules(bounds(settings), apply=settings.mode == "apply") if on else None,
        traffic=counted,
        queue=at.queue,
        row=StateRow(at.meta),
        site=Site(settings.site, settings.client_id) if settings.site else None,
        audit=audit,
        alerts=alerts,
    )
