"""L2: every day at 03:00 UTC, a proved backup of the production PostgreSQL database.

python -m functions postgres_backup
"""

from shared.backups.params import BuiltInPlan
from shared.backups.port import BackupService, plan_fits
from shared.tasks import JobContext, Result, Retry, task


class PostgresBackup(BuiltInPlan):
    """Its plan; the API may change it."""

    source: str = "postgres"
    """The only source that this plan takes."""


@task(
    "postgres_backup",
    check=plan_fits,
    cron="0 3 * * *",
    timeout_seconds=6000,
    retry=Retry(attempts=3),
)
def postgres_backup(job: JobContext, plan: PostgresBackup, backups: BackupService) -> Result:
    """A consistent, proved backup of the PostgreSQL database."""
    return backups.take(plan, job)
