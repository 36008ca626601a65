"""What is known of each kind of alert: how bad it is, what it is called, what a person does about
it. docs/alerts.md has a section for each kind; a test holds the two together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from shared.alerts.port import AlertKind


class Severity(StrEnum):
    """How bad it is."""

    CRITICAL = "critical"
    """Somebody should look at it now, also at night."""
    WARNING = "warning"
    """Somebody should look at it during the day."""
    INFO = "info"
    """Good to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What is known of a kind."""

    severity: Severity
    title: str
    what_to_do: str
    """The first step, in a sentence or two."""
    mailed: bool = False
    """Whether administrators get a mail of its own about each begin and end of it anyway (R4)."""


KINDS: Mapping[AlertKind, About] = MappingProxyType(
    {
        AlertKind.JOB_DEAD: About(
            severity=Severity.WARNING,
            title="Job dead",
            what_to_do="Read the job's error and log (GET /api/v1/jobs/{id}), mend the cause, then "
            "retry it (POST /api/v1/jobs/{id}/retry).",
        ),
        AlertKind.RUN_MISSED: About(
            severity=Severity.WARNING,
            title="Run missed",
            what_to_do="Look whether the app was down or its storage away at that time "
            "(/ops/uptime). If what was missed is still needed, retry the job.",
        ),
        AlertKind.SCHEDULE_PAUSED: About(
            severity=Severity.WARNING,
            title="Schedule paused",
            what_to_do="Mend why its jobs fail, then turn it on "
            "(POST /api/v1/schedules/{id}/enable). It does not run until then.",
        ),
        AlertKind.SCHEDULE_UNHEALTHY: About(
            severity=Severity.WARNING,
            title="Schedule unhealthy",
            what_to_do="Read why (GET /api/v1/schedules/{id}/health) and the errors of its last "
            "jobs (GET /api/v1/jobs?schedule_id=), and mend the cause.",
        ),
        AlertKind.RUN_UNUSUAL: About(
            severity=Severity.WARNING,
            title="Run unusual",
            what_to_do="Look whether the run did what it was for "
            "(GET /api/v1/schedules/{id}/health has its numbers, and what is usual). If this is "
            "how it is now, do nothing: after five such runs it is what is usual.",
        ),
        AlertKind.SCHEDULES_DRIFTED: About(
            severity=Severity.WARNING,
            title="Schedules drifted",
            what_to_do="See what differs (`belfry drift OWNER`, GET /api/v1/applied/OWNER). Apply "
            "the files again, or make them say what is wanted now, and apply them.",
        ),
        AlertKind.CLOCK_SILENT: About(
            severity=Severity.CRITICAL,
            title="Clock silent",
            what_to_do="Look at the function of that name in the function app: whether it is "
            "disabled, and what its last invocations say. A restart of the app starts its triggers "
            "anew. /ops/uptime shows which clocks are left.",
        ),
        AlertKind.CLOCK_WRONG: About(
            severity=Severity.WARNING,
            title="Clock wrong",
            what_to_do="Put the machine's clock right; the app follows the storage's time until "
            "then.",
        ),
        AlertKind.SPEND_EXCEEDED: About(
            severity=Severity.CRITICAL,
            title="Spend exceeded",
            what_to_do="See what costs so much: GET /api/v1/reports/cost/DAY for a day that is "
            "over; for today, the query in docs/alerts.md#spend_exceeded. Stop it. Billing is "
            "paused by itself.",
        ),
        AlertKind.BILLING_PAUSED: About(
            severity=Severity.WARNING,
            title="Billing paused",
            what_to_do="When the cause of the spending is gone, resume billing: "
            "`python -m functions billing resume by=NAME`, or POST /api/v1/billing/resume.",
        ),
        AlertKind.BILLING_STUCK: About(
            severity=Severity.CRITICAL,
            title="Billing stuck",
            what_to_do="Billing goes on though it should be paused. The error says why; "
            "docs/billing.md#when-it-cannot-pause has what to do about each. Else pause the "
            "subscriptions in Stripe's dashboard, and look at Stripe's status page.",
        ),
        AlertKind.BACKUP_FAILED: About(
            severity=Severity.CRITICAL,
            title="Backup failed",
            what_to_do="Read the job's error, mend the cause, then run the plan "
            "(POST /api/v1/backups/plans/{id}/run).",
            mailed=True,
        ),
        AlertKind.BACKUP_TOO_OLD: About(
            severity=Severity.CRITICAL,
            title="Backup too old",
            what_to_do="Run the plan now (POST /api/v1/backups/plans/{id}/run), then find out why "
            "its last runs took no good backup.",
        ),
        AlertKind.CIRCUIT_OPENED: About(
            severity=Severity.WARNING,
            title="Circuit opened",
            what_to_do="Look at the vendor's status page, and whether our key and account are "
            "good. Messages wait meanwhile; a probe closes the circuit by itself.",
        ),
        AlertKind.CAP_REACHED: About(
            severity=Severity.WARNING,
            title="Cap reached",
            what_to_do="See in the outbox what was sent (GET /api/v1/notifications). If it is "
            "right that there is so much of it, raise the cap: SMS_DAILY_LIMIT or "
            "SMS_DAILY_SPEND_MINOR for all together, sms_daily_limit or sms_daily_spend_minor of "
            "the table tenants for one.",
        ),
        AlertKind.BUDGET_REACHED: About(
            severity=Severity.WARNING,
            title="Budget reached",
            what_to_do="See what was spent (GET /api/v1/budgets), and on which jobs. Runs are "
            "skipped until the next day or month; to let them run, raise the budget (PUT).",
        ),
        AlertKind.MESSAGE_UNKNOWN: About(
            severity=Severity.WARNING,
            title="Message unknown",
            what_to_do="Look for the message in the provider's log, by its number and time "
            "(GET /api/v1/notifications?status=unknown). If it was not sent and is still needed, "
            "call the owner: it is not sent again.",
        ),
        AlertKind.TENANT_FAILED: About(
            severity=Severity.WARNING,
            title="Tenant failed",
            what_to_do="Correct what the text names, such as the tenant's time zone. The task's "
            "next run does what was left out for that tenant.",
        ),
        AlertKind.FEE_FAILED: About(
            severity=Severity.WARNING,
            title="Fee failed",
            what_to_do="Read why (GET /api/v1/billing), correct the cause, then have it tried "
            "again (`python -m functions billing retry fee=NUMBER`), or waive it.",
        ),
        AlertKind.DATABASE_UNFIT: About(
            severity=Severity.CRITICAL,
            title="Database unfit",
            what_to_do="Do what the text says: bring the database back, or upgrade its schema "
            "(`python -m functions database upgrade`). The company's tasks fail until then.",
        ),
        AlertKind.AUDIT_BROKEN: About(
            severity=Severity.CRITICAL,
            title="Audit broken",
            what_to_do="Run `python -m functions audit verify`: it names each wrong record. Find "
            "out who could write to the storage account since then; compare with the files in the "
            "container of the anchors (docs/audit.md).",
        ),
        AlertKind.RUNS_LATE: About(
            severity=Severity.WARNING,
            title="Runs late",
            what_to_do="See what waits (GET /api/v1/jobs?status=queued) and what takes so long "
            "(GET /api/v1/jobs?status=running). Give the app more instances (docs/scaling.md), or "
            "spread schedules that are due in the same minute.",
        ),
        AlertKind.WORKFLOWS_FAILING: About(
            severity=Severity.WARNING,
            title="Workflows failing",
            what_to_do="Read which steps fail, mend the cause, then run the failed runs again from "
            "there.",
        ),
        AlertKind.WORKFLOW_NOT_UNDONE: About(
            severity=Severity.CRITICAL,
            title="Workflow not undone",
            what_to_do="Read the run (GET /api/v1/runs/{id}): of each step it says what was "
            "undone. Undo the rest by hand.",
        ),
        AlertKind.WEEKLY_TREND: About(
            severity=Severity.WARNING,
            title="Weekly trend",
            what_to_do="Read the report (GET /api/v1/reports/weekly/WEEK?format=md): its "
            "recommendations say what to do about each figure.",
        ),
        AlertKind.SCALING_EMERGENCY: About(
            severity=Severity.CRITICAL,
            title="Scaling emergency",
            what_to_do="Look who sends so many requests (the app's requests by address in "
            "Application Insights), and whether they are wanted: a key can be revoked. "
            "GET /api/v1/scaling says what is set at the app, and why it is not more.",
        ),
        AlertKind.WEBHOOK_DISABLED: About(
            severity=Severity.WARNING,
            title="Webhook disabled",
            what_to_do="Tell its owner. When its receiver works, enable the webhook, then have "
            "what was given up delivered again (POST /api/v1/webhooks/{id}/redeliver).",
        ),
        AlertKind.APPROVALS_WAITING: About(
            severity=Severity.WARNING,
            title="Approvals waiting",
            what_to_do="Decide on what waits (GET /api/approvals), or ask those to whom it belongs "
            "(APPROVERS). What nobody decides in time is skipped.",
        ),
        AlertKind.DELIVERY_GIVEN_UP: About(
            severity=Severity.WARNING,
            title="Delivery given up",
            what_to_do="Read what its receiver answered (GET /api/v1/webhooks/{id}/deliveries"
            "?status=failed). When that is mended, deliver it again "
            "(POST /api/v1/webhooks/{id}/deliveries/{delivery_id}/redeliver).",
        ),
    }
)


def docs(kind: AlertKind) -> str:
    """Where the docs say more of a kind."""
    return f"docs/alerts.md#{kind.value}"
