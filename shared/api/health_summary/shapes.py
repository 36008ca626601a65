"""What the API returns of the health summary."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from pydantic import Field

from shared.alerts.kinds import Severity
from shared.api.shown import Shown
from shared.health_summary.model import Database, Ended, Health, Seen, Signs
from shared.health_summary.service import Lived, Summary

_S = TypeVar("_S", bound=Shown)
_LONG_AGO = timedelta(days=100_000)
LISTED = 50
"""How many backups and alerts an answer lists."""


class HealthReasonOut(Shown):
    """Why Belfry is not healthy."""

    part: str
    """clocks, storage, database, queues, notifications, errors, circuits, backups, alerts or
    approvals."""
    status: Health
    text: str
    """What is wrong."""
    since: datetime | None
    """Since when, as far as is known."""
    what_to_do: str


class GapOut(Shown):
    """A time in which no clock ticked."""

    begin: datetime = Field(serialization_alias="from")
    end: datetime = Field(serialization_alias="until")
    seconds: float


class AvailabilityOut(Shown):
    """Which part of the last days the service was up, from 0 to 1; null: nothing was observed."""

    observed_since: datetime
    """What was before it is in no share."""
    last_24_hours: float | None
    last_7_days: float | None
    last_30_days: float | None
    gaps: list[GapOut]
    """The newest ten, newest first."""

    @classmethod
    def of(cls, lived: Lived) -> Self:
        """As an answer has it."""
        shares = {name: one and round(one, 6) for name, one in lived.shares.items()}
        gaps = [GapOut.model_validate(one) for one in lived.gaps]
        return cls(observed_since=lived.observed_since, gaps=gaps, **shares)


class DatabaseOut(Shown):
    """The company's database (DATABASE_URL)."""

    connected: bool
    """False also if none is set."""
    kind: str | None = None
    """postgresql, sqlite, or none if DATABASE_URL is not set; null: it did not answer in time."""
    latency_ms: float | None = None
    problem: str | None = None
    """Why it is not connected, or does not fit this version of Belfry."""


class StorageOut(Shown):
    """The app's storage account."""

    connected: bool
    latency_ms: float | None
    problem: str | None


class QueuesOut(Shown):
    """How much waits. Null: it is not known now."""

    jobs: int | None = None
    """About how many messages the queue of short jobs has, those among them that are to be seen
    later. A message may stand for several jobs."""
    long_jobs: int | None = None
    jobs_poison: int | None = None
    """Messages that came back too often."""
    long_jobs_poison: int | None = None
    notifications_due: int | None = None
    notifications_waiting: int | None = None
    """For their time, or for a provider that is away."""
    dead_letters: int | None = None
    """Jobs of the last 24 hours that failed for good."""


class EndedOut(Shown):
    """Jobs that were due within a span, and ran."""

    ended: int
    """Succeeded or failed."""
    failed: int
    rate: float
    """Which part failed, from 0 to 1; 0 if none ended."""


class ErrorsOut(Shown):
    """How jobs ended. A job counts a minute or two after its end, by when it was due."""

    last_hour: EndedOut
    last_24_hours: EndedOut


class ClockOut(Shown):
    """A clock that makes schedules run; any one of them is enough."""

    clock: str
    last_seen: datetime | None
    age_seconds: float | None
    silent_since: datetime | None
    """Null: it ticks as it should."""


class OpenCircuitOut(Shown):
    """A provider that is away, so that messages wait."""

    name: str
    opened_at: datetime | None
    next_probe_at: datetime | None
    error: str


class BackupAgeOut(Shown):
    """How old the last good backup of a database is, by a plan."""

    source: str
    database: str
    """Empty if no backup says yet which one it is."""
    schedule_id: str
    """The plan's."""
    last_good_at: datetime | None
    age_seconds: float | None
    expected_by: datetime | None
    """When a newer one is, or was, due; null: none is."""
    too_old: bool
    sentence: str


class OpenAlertOut(Shown):
    """An alert that is open."""

    id: str
    kind: str
    about: str
    severity: str
    opened_at: datetime


class AlertsOut(Shown):
    """Alerts that are open."""

    open: int
    critical: int
    newest: list[OpenAlertOut]
    """At most 50."""


class PendingApprovalsOut(Shown):
    """Approvals that wait for a person."""

    count: int
    oldest_at: datetime | None


class ShortSummaryOut(Shown):
    """What anybody may know."""

    status: Health
    uptime_seconds: int | None
    """Since the service has been up without a gap of more than five minutes, whichever processes
    ran; 0 while it is down. Null: it is not known, since storage does not answer."""


class HealthSummaryOut(ShortSummaryOut):
    """How Belfry is. Callers without a key, and of some projects, get `status` and `uptime_seconds`
    alone. What is not known now is null, and `reasons` say why."""

    at: datetime
    """When this was looked at."""
    version: str
    """A digest of the code that runs."""
    reasons: list[HealthReasonOut]
    """The worst first; none if it is healthy."""
    up_since: datetime | None
    availability: AvailabilityOut | None
    database: DatabaseOut
    storage: StorageOut
    queues: QueuesOut
    error_rate: float | None
    """Which part of the jobs of the last hour failed, from 0 to 1."""
    errors: ErrorsOut | None
    clocks: list[ClockOut]
    circuits: list[OpenCircuitOut] | None
    """Those that are open."""
    backups: list[BackupAgeOut] | None
    """The oldest first, at most 50."""
    alerts: AlertsOut | None
    approvals: PendingApprovalsOut | None

    @classmethod
    def of(cls, one: Summary) -> Self:
        """As an answer has it."""
        found, errors = one.found, one.found.errors.value
        return cls(
            status=one.status,
            uptime_seconds=one.uptime_seconds,
            at=one.at,
            version=one.version,
            reasons=[HealthReasonOut.model_validate(each) for each in one.reasons],
            up_since=one.lived and one.lived.up.since,
            availability=one.lived and AvailabilityOut.of(one.lived),
            database=_database(found.database),
            storage=_storage(found.storage),
            queues=_queues(one),
            error_rate=errors and round(errors.last_hour.rate, 6),
            errors=errors
            and ErrorsOut(
                last_hour=_ended(errors.last_hour), last_24_hours=_ended(errors.last_24_hours)
            ),
            clocks=[
                ClockOut(
                    clock=each.clock,
                    last_seen=each.last_seen,
                    age_seconds=_age(each.last_seen, one.at),
                    silent_since=each.silent_since,
                )
                for each in one.clocks
            ],
            circuits=_each(OpenCircuitOut, found.circuits),
            backups=_backups(one),
            alerts=_alerts(one),
            approvals=found.approvals.value
            and PendingApprovalsOut.model_validate(found.approvals.value),
        )


def _database(seen: Seen[Database]) -> DatabaseOut:
    if seen.value is None:
        return DatabaseOut(connected=False, problem=seen.problem)
    known = seen.value
    return DatabaseOut(
        connected=known.connected,
        kind=known.kind,
        latency_ms=_ms(known.latency_ms),
        problem=known.problem,
    )


def _storage(seen: Seen[Signs]) -> StorageOut:
    return StorageOut(
        connected=seen.problem is None,
        latency_ms=None if seen.value is None else _ms(seen.value.latency_ms),
        problem=seen.problem,
    )


def _queues(one: Summary) -> QueuesOut:
    lengths: Mapping[str, int] = one.found.queues.value or {}
    outgoing, errors = one.found.notifications.value, one.found.errors.value
    return QueuesOut(
        **lengths,
        notifications_due=outgoing and outgoing.due,
        notifications_waiting=outgoing and outgoing.waiting,
        dead_letters=errors and errors.last_24_hours.failed,
    )


def _ended(one: Ended) -> EndedOut:
    return EndedOut(ended=one.ended, failed=one.failed, rate=round(one.rate, 6))


def _backups(one: Summary) -> list[BackupAgeOut] | None:
    found = one.found.backups.value
    if found is None:
        return None
    oldest = sorted(found, key=lambda each: each.last_good_at or one.at - _LONG_AGO)
    return [
        BackupAgeOut(
            source=each.source,
            database=each.database,
            schedule_id=each.schedule_id,
            last_good_at=each.last_good_at,
            age_seconds=_age(each.last_good_at, one.at),
            expected_by=each.expected_by,
            too_old=each.too_old,
            sentence=each.sentence,
        )
        for each in oldest[:LISTED]
    ]


def _alerts(one: Summary) -> AlertsOut | None:
    found = one.found.alerts.value
    if found is None:
        return None
    return AlertsOut(
        open=len(found),
        critical=sum(each.severity is Severity.CRITICAL for each in found),
        newest=[OpenAlertOut.model_validate(each) for each in found[:LISTED]],
    )


def _each(shape: type[_S], seen: Seen[Any]) -> list[_S] | None:
    return None if seen.value is None else [shape.model_validate(each) for each in seen.value]


def _age(at: datetime | None, now: datetime) -> float | None:
    return None if at is None else max(0.0, round((now - at).total_seconds(), 3))


def _ms(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
