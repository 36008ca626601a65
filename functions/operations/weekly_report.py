"""O3: every Monday at 09:30 UTC, after the cost report, reports the week before.

python -m functions weekly_report --dry-run
"""

from shared.alerts.port import AlertService
from shared.notifications.port import NotificationService
from shared.tasks import Impact, JobContext, Result, Retry, task
from shared.weekly.port import ATTEMPTS, WeeklyService


@task(
    "weekly_report",
    cron="30 9 * * 1",
    impact=Impact.B,
    timeout_seconds=1200,
    retry=Retry(attempts=ATTEMPTS, first_delay_seconds=120, max_delay_seconds=900),
    misfire_grace_seconds=21_600,
    dry_run=True,
)
def weekly_report(
    job: JobContext,
    weekly: WeeklyService,
    notifications: NotificationService,
    alerts: AlertService,
) -> Result:
    """Reports the week before, against the weeks before it: to storage and by mail."""
    return weekly.report(job, notifications, alerts)
