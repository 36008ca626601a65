"""Each day: a share of the old backups is proved again, by restoring them.

python -m functions backup_scrub
"""

from shared.backups.params import ScrubOrder
from shared.backups.port import BackupService
from shared.tasks import JobContext, Result, Retry, task


@task(
    "backup_scrub",
    cron="30 5 * * *",
    timeout_seconds=7200,
    retry=Retry(attempts=1),
    misfire_grace_seconds=3600,
)
def backup_scrub(job: JobContext, order: ScrubOrder, backups: BackupService) -> Result:
    """Proves a share of the old backups again, those with the oldest proof first."""
    return backups.scrub(order, job)
