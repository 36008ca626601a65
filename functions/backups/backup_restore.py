"""Restores a backup into a new or an empty database, or over one whose name is given twice.

python -m functions backup_restore backup_id=1f0c9a2e... target=shop

The API makes such jobs (`POST /api/v1/backups/{id}/restore`).
"""

from shared.access import Role
from shared.backups.params import RestoreOrder
from shared.backups.port import BackupService, order_fits
from shared.tasks import JobContext, Result, Retry, task


@task(
    "backup_restore",
    check=order_fits,
    on_request=True,
    role=Role.ADMIN,
    timeout_seconds=7200,
    retry=Retry(attempts=1),
)
def backup_restore(job: JobContext, order: RestoreOrder, backups: BackupService) -> Result:
    """Restores a backup."""
    return backups.restore(order, job)
