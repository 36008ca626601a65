"""L1: every day at 00:00 UTC, a proved backup of the SQLite database.

python -m functions database_backup
"""

from shared.backups.params import BuiltInPlan
from shared.backups.port import BackupService, plan_fits
from shared.tasks import JobContext, Result, Retry, task


class DatabaseBackup(BuiltInPlan):
    """Its plan; the API may change all of it but the source's name."""

    source: str = "database"
    """The only source that this plan takes."""


@task(
    "database_backup",
    check=plan_fits,
    cron="0 0 * * *",
    timeout_seconds=3600,
    retry=Retry(attempts=3),
)
def database_backup(job: JobContext, plan: DatabaseBackup, backups: BackupService) -> Result:
    """A consistent, proved backup of the SQLite database."""
    return backups.take(plan, job)
