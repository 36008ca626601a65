"""What the rest of Belfry may ask of the alerts. Only types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.tasks import JobContext


class AlertKind(StrEnum):
    """What can be wrong, or has happened (L12, O11)."""

    JOB_DEAD = "job_dead"
    RUN_MISSED = "run_missed"
    SCHEDULE_PAUSED = "schedule_paused"
    SCHEDULE_UNHEALTHY = "schedule_unhealthy"
    """A schedule's runs fail, or do not take place."""
    RUN_UNUSUAL = "run_unusual"
    """A run succeeded, but not as those before it."""
    SCHEDULES_DRIFTED = "schedules_drifted"
    """Schedules of an owner are not as they were applied."""
    CLOCK_SILENT = "clock_silent"
    CLOCK_WRONG = "clock_wrong"
    SPEND_EXCEEDED = "spend_exceeded"
    BILLING_PAUSED = "billing_paused"
    BILLING_STUCK = "billing_stuck"
    """Billing should be paused and could not be."""
    BACKUP_FAILED = "backup_failed"
    BACKUP_TOO_OLD = "backup_too_old"
    CIRCUIT_OPENED = "circuit_opened"
    CAP_REACHED = "cap_reached"
    BUDGET_REACHED = "budget_reached"
    """What a project or a schedule may spend in a day or month is spent."""
    MESSAGE_UNKNOWN = "message_unknown"
    TENANT_FAILED = "tenant_failed"
    FEE_FAILED = "fee_failed"
    """Fees that Stripe refused."""
    DATABASE_UNFIT = "database_unfit"
    """The company's database does not answer, or its schema is not that of the code."""
    AUDIT_BROKEN = "audit_broken"
    """The chain of the audit does not fit: somebody changed it."""
    RUNS_LATE = "runs_late"
    """Many runs begin long after they should."""
    WORKFLOWS_FAILING = "workflows_failing"
    """More than 5 % of the runs of workflows fail."""
    WORKFLOW_NOT_UNDONE = "workflow_not_undone"
    """A run failed or was cancelled, and not all that it had done could be undone."""
    WEEKLY_TREND = "weekly_trend"
    """A figure of the weekly report is outside its band."""
    SCALING_EMERGENCY = "scaling_emergency"
    """More requests come than the app is meant for."""
    WEBHOOK_DISABLED = "webhook_disabled"
    """Nothing is delivered any more to a customer's webhook."""
    APPROVALS_WAITING = "approvals_waiting"
    """Many approvals wait for people, or one waits for long."""
    DELIVERY_GIVEN_UP = "delivery_given_up"
    """A customer's webhook did not take a delivery, in any of its attempts."""


class AlertService(Protocol):
    """Tells people of problems (`service`). Every method raises `Unavailable` or `Refused` if
    storage fails; sending itself is retried by the outbox."""

    def open(self, kind: AlertKind, about: str, text: str, *, level: int = 0) -> None:
        """There is a problem with `about`, such as a schedule's id. Asking again while it is open
        says it again only when a reminder is due, or if it got worse: if `level` is higher than
        what people were told."""

    def close(self, kind: AlertKind, about: str, text: str) -> None:
        """The problem is over; does nothing if it is not open."""

    def happened(self, kind: AlertKind, about: str, text: str, *, key: str) -> None:
        """Something happened that has no end, such as a missed run; `key` identifies the event, so
        that it counts once, if it is said again within a week."""


class AlertMonitor(Protocol):
    """What is done for the alerts every few minutes."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Take over what the engine noted, and tell what has become due: reminders, the ends of
        storms, digests. Returns the task's result, as a JSON object."""


class DatabaseMonitor(Protocol):
    """Looks after the company's database (`of_database`)."""

    def watch(self, job: JobContext) -> str:
        """Look whether it answers and fits, and tell people if not (alert `database_unfit`); how it
        was found: none (not set), fits, unfit or away."""


class LatenessMonitor(Protocol):
    """Looks how late runs begin (`of_lateness`)."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Look, and tell people if many are late (alert `runs_late`); what was found. Raises
        `Unavailable` or `Refused` if storage fails."""


class WorkflowMonitor(Protocol):
    """Looks how many runs of workflows fail (`of_workflows`)."""

    def watch(self, job: JobContext) -> Mapping[str, object]:
        """Look, and tell people if too many fail (alert `workflows_failing`); what was found.
        Raises `Unavailable` or `Refused` if storage fails."""


class WorkflowRuns(Protocol):
    """What the alerts ask of the workflows."""

    def runs(self, since: datetime, until: datetime) -> tuple[int, int]:
        """(how many runs of workflows ended in that time, how many of these failed)."""
