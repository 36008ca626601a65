"""L5: every day at 10:00 UTC, holds what was spent against DAILY_SPEND_LIMIT.

python -m functions spend_guard
"""

from shared.alerts.port import AlertService
from shared.billing.port import BillingService
from shared.finance.port import FinanceService
from shared.tasks import JobContext, Result, Retry, task


@task(
    "spend_guard",
    cron="0 10 * * *",
    timeout_seconds=1800,
    retry=Retry(attempts=6, first_delay_seconds=60, max_delay_seconds=900),
    misfire_grace_seconds=600,
    dry_run=True,
)
def spend_guard(
    job: JobContext, finance: FinanceService, alerts: AlertService, billing: BillingService
) -> Result:
    """Alerts people and pauses billing when a day costs more than its limit."""
    return finance.guard_spend(job, alerts, billing)
