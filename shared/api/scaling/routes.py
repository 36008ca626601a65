"""`/api/v1/scaling`: what the scaling policy measured, decided and set (O8)."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

from fastapi import APIRouter

from shared.api.deps import Provided
from shared.api.roles import needs
from shared.api.shown import Shown, at
from shared.scaling import policy
from shared.scaling.policy import Level
from shared.scaling.state import ChangeOutcome
from shared.settings import ScalingSettings

router = APIRouter(prefix="/api/v1/scaling", tags=["scaling"])


class MeasuresOut(Shown):
    """What was measured."""

    requests_per_minute: int
    """In the median minute."""
    requests: list[int]
    """In each minute, the oldest first."""
    p95_seconds: float | None
    """How long all but 5 % of a minute's requests took at most; null if there were too few."""
    queue_wait_seconds: float
    """How long the message that has waited longest has been due."""
    queue_messages: int
    """How many messages are due, of at most 32 that are looked at in each job queue."""


class ThresholdsOut(Shown):
    """From where on the measures mean another level. A level is left when the measures have been
    10 % below its threshold for half an hour."""

    keep_requests: int = policy.QUIET
    """Requests a minute from which what is set is kept."""
    up_requests: int = policy.BUSY
    """From which more is set."""
    emergency_requests: int = policy.TOO_MUCH
    """Above which it is an emergency."""
    up_p95_seconds: float = policy.SLOW_SECONDS
    up_queue_wait_seconds: float = policy.LATE_SECONDS


class RangeOut(Shown):
    """From the least to the most."""

    least: int
    most: int


class BoundsOut(Shown):
    """What the settings let the policy set."""

    always_ready: RangeOut
    instances: RangeOut
    http_concurrency: RangeOut

    @staticmethod
    def of(settings: ScalingSettings) -> BoundsOut:
        def bound(pair: tuple[int, int]) -> RangeOut:
            return RangeOut(least=pair[0], most=pair[1])

        return BoundsOut(
            always_ready=bound(settings.ready),
            instances=bound(settings.instances),
            http_concurrency=bound(settings.concurrency),
        )


class ScaleOut(Shown):
    """Scale settings of the function app."""

    always_ready: int = at("ready")
    """Instances that are always ready for HTTP requests."""
    instances: int
    """The most instances."""
    http_concurrency: int | None = at("concurrency")
    """Requests that an instance takes at once; null: as the platform has it."""


class ScalingChangeOut(Shown):
    """A change of the function app's settings."""

    changed_at: datetime = at("at")
    job_id: str
    verdict: Level = at("level")
    before: ScaleOut
    after: ScaleOut
    outcome: ChangeOutcome
    """pending; sent: the app does not show it yet; applied; refused; or postponed: the next run
    tries again."""
    error: str | None


class ScalingVerdictOut(Shown):
    """What the last run of `scaling_policy` found and decided."""

    verdict: Level = at("verdict.level")
    since: datetime = at("verdict.held.since")
    judged_at: datetime = at("verdict.held.judged_at")
    reasons: list[str] = at("verdict.reasons")
    measures: MeasuresOut
    now_set: ScaleOut | None
    """What was set at the function app; null if it was not read."""
    wanted: ScaleOut | None
    """What should be set; null if that is what is set."""
    held_back: str | None
    """Why what should be set is not being set."""


class ScalingOut(Shown):
    """The scaling policy."""

    mode: str
    """off, recommend or apply."""
    site: str | None
    """The function app's resource id; null if none is named."""
    thresholds: ThresholdsOut
    bounds: BoundsOut
    last: ScalingVerdictOut | None
    """Null if the policy never ran."""
    changes: list[ScalingChangeOut]
    """The last 20, the newest first."""


@router.get("")
@needs(everything=True)
def read_scaling(app: Provided) -> ScalingOut:
    """How much the app has to do, what the scaling policy says of it, and what it set last."""
    belfry = app()
    settings, state = belfry.settings.scaling, belfry.scaling().known()
    return ScalingOut.model_validate(
        SimpleNamespace(
            mode=settings.mode,
            site=settings.site or None,
            thresholds=ThresholdsOut(),
            bounds=BoundsOut.of(settings),
            last=state,
            changes=state.changes if state is not None else (),
        )
    )
