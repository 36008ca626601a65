"""Every hour: copies of backups that are missing somewhere are made, and retention is applied.

python -m functions backup_upkeep
"""

from shared.backups.port import BackupService
from shared.tasks import JobContext, Result, task


@task("backup_upkeep", cron="50 * * * *", timeout_seconds=7200, misfire_grace_seconds=1800)
def backup_upkeep(job: JobContext, backups: BackupService) -> Result:
    """Makes the copies that are missing, removes what retention lets go."""
    return backups.upkeep(job)
