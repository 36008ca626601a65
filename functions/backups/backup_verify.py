"""R7: a backup is proved again, by restoring it.

python -m functions backup_verify backup_id=1f0c9a2e...

The API makes such jobs (`POST /api/v1/backups/{id}/verify`).
"""

from shared.backups.params import VerifyOrder
from shared.backups.port import BackupService, order_fits
from shared.tasks import JobContext, Result, Retry, task


@task(
    "backup_verify",
    check=order_fits,
    timeout_seconds=7200,
    retry=Retry(attempts=1),
)
def backup_verify(job: JobContext, order: VerifyOrder, backups: BackupService) -> Result:
    """Reads each copy of a backup back, restores it, and compares."""
    return backups.verify(order, job)
