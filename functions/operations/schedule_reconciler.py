"""Every hour at 20 past: accounts for all that was expected to run, and alerts if it cannot.

python -m functions schedule_reconciler
"""

from shared.engine.port import Housekeeping
from shared.tasks import JobContext, Result, Retry, task


@task("schedule_reconciler", cron="20 * * * *", timeout_seconds=3000, retry=Retry(attempts=3))
def schedule_reconciler(job: JobContext, engine: Housekeeping) -> Result:
    """The ledger of the last 26 hours adds up; fails if it does not."""
    return engine.reconcile(job)
