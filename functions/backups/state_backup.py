"""Every day at 04:00 UTC, a proved backup of Belfry's own state: its schedules and its history.

python -m functions state_backup
"""

from shared.backups.params import BuiltInPlan
from shared.backups.port import BackupService, plan_fits
from shared.tasks import JobContext, Result, Retry, task


class StateBackup(BuiltInPlan):
    """Its plan; the API may change it."""

    source: str = "state"
    """The only source that this plan takes."""


@task(
    "state_backup",
    check=plan_fits,
    cron="0 4 * * *",
    timeout_seconds=3600,
    retry=Retry(attempts=3),
)
def state_backup(job: JobContext, plan: StateBackup, backups: BackupService) -> Result:
    """A proved backup of Belfry's own state."""
    return backups.take(plan, job)
