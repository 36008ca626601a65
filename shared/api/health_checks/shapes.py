"""What the API returns of health checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from shared.api.lists import Paged
from shared.api.shown import Shown
from shared.probes.model import Result, Standing
from shared.probes.rows import Check
from shared.probes.tallies import Tally
from shared.schedules.model import Schedule
from shared.schedules.series import Bucket


class ResultOut(Shown):
    """A result: what one run found."""

    job_id: str
    at: datetime
    """When it looked."""
    found: Standing
    """up, degraded (slow) or down."""
    response_ms: float | None
    said: str
    """What is wrong; empty if it is as expected."""
    facts: Mapping[str, str | int | float]
    """What else is known, such as `http_status`, `days_left`, or `why` there was no answer."""

    @classmethod
    def of(cls, one: Result) -> Self:
        what = one.measured
        took = None if what.milliseconds is None else round(what.milliseconds, 1)
        return cls(
            job_id=one.job_id,
            at=one.at,
            found=what.status,
            response_ms=took,
            said=what.said,
            facts=what.facts,
        )


class CheckOut(Shown):
    """A health check."""

    schedule_id: str
    name: str
    project_id: int | None
    enabled: bool
    status: Standing
    """up, degraded, down; unknown before the first result."""
    since: datetime | None
    """Since when."""
    last: ResultOut | None
    """The newest result; null before the first."""

    @classmethod
    def of(cls, schedule: Schedule, check: Check | None) -> Self:
        what = schedule.definition
        return cls(
            schedule_id=schedule.id,
            name=what.name,
            project_id=what.project_id,
            enabled=what.enabled,
            status=check.state.status if check is not None else Standing.UNKNOWN,
            since=check.state.since if check is not None else None,
            last=ResultOut.of(check.last) if check is not None else None,
        )


class SpanOut(Shown):
    """The sums of a span of time."""

    begins: datetime | None
    """When it begins; null for one that ends now."""
    runs: int
    up: int
    degraded: int
    down: int
    uptime: float | None
    """In percent, rounded down to three places; slow answers count as up. Null without a result."""
    p50_ms: float | None
    """How long half of the answers took at most; within 5 %, as the next two."""
    p95_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, one: Tally, begins: datetime | None = None) -> Self:
        return cls(
            begins=begins,
            runs=one.runs,
            up=one.up,
            degraded=one.degraded,
            down=one.down,
            uptime=one.uptime,
            p50_ms=one.took.percentile(50),
            p95_ms=one.took.percentile(95),
            p99_ms=one.took.percentile(99),
        )


class CheckDetails(CheckOut):
    """A health check, with its sums."""

    spans: Mapping[str, SpanOut]
    """By span: 24h, 7d, 30d, 90d."""


class CheckList(Paged):
    health_checks: list[CheckOut]


class CheckSeries(Shown):
    """The sums of each hour or day."""

    schedule_id: str
    bucket: Bucket
    series: list[SpanOut]


class ResultList(Shown):
    schedule_id: str
    results: list[ResultOut]


class ChangeOut(Shown):
    """An event."""

    at: datetime
    before: Standing
    after: Standing
    said: str
    """What was wrong, if it went down or slow."""


class EventList(Paged):
    events: list[ChangeOut]
