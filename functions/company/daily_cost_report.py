"""L4: every day at 09:00 UTC, reports what the day before cost and earned.

python -m functions daily_cost_report
"""

from shared.finance.port import FinanceService
from shared.notifications.port import NotificationService
from shared.tasks import JobContext, Result, task


@task("daily_cost_report", cron="0 9 * * *", dry_run=True, aliases=("cost_report",))
def daily_cost_report(
    job: JobContext, finance: FinanceService, notifications: NotificationService
) -> Result:
    """Reports the day before's costs, revenue and commissions: to storage, the log and by mail."""
    return finance.report_costs(job, notifications)
