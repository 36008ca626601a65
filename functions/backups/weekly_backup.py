"""L6: Mondays at 02:00 UTC, a proved backup of everything; the last 30 are kept.

If GDRIVE_FOLDER_ID is set, a copy goes to Google Drive, which keeps its own last 30.

python -m functions weekly_backup
"""

from shared.backups.params import BuiltInPlan, Retention
from shared.backups.port import BackupService, plan_fits
from shared.tasks import Flag, JobContext, Result, Retry, task


class WeeklyBackup(BuiltInPlan):
    """Its plan; the API may change it."""

    source: str = "all"
    """The only source that this plan takes."""
    retention: Retention = Retention(count=30)
    """Which backups are kept: each that any of these rules keeps."""
    drive: Flag | None = None
    """Whether a copy goes to Google Drive as well. Default: if GDRIVE_FOLDER_ID is set."""


@task(
    "weekly_backup",
    check=plan_fits,
    cron="0 2 * * 1",
    timeout_seconds=7200,
    retry=Retry(attempts=3),
    misfire_grace_seconds=1800,
)
def weekly_backup(job: JobContext, plan: WeeklyBackup, backups: BackupService) -> Result:
    """A proved backup of every source."""
    return backups.take(plan, job)
