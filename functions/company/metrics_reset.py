"""L3: every day at 00:05 UTC, closes the days of usage that are over.

python -m functions metrics_reset
"""

from shared.finance.port import FinanceService
from shared.tasks import JobContext, Result, task


@task("metrics_reset", cron="5 0 * * *", timeout_seconds=1800, dry_run=True)
def metrics_reset(job: JobContext, finance: FinanceService) -> Result:
    """Closes the days of usage that are over; new days count from zero."""
    return finance.close_days(job)
