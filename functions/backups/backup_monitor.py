"""Every five minutes: logs the age of backups, alerts about missing ones, and mails how each backup
job ended (R4, R5).

python -m functions backup_monitor
"""

from shared.backups.port import BackupService
from shared.tasks import JobContext, Result, task


@task("backup_monitor", cron="*/5 * * * *", timeout_seconds=240, misfire_grace_seconds=240)
def backup_monitor(job: JobContext, backups: BackupService) -> Result:
    """Tells how old backups are, alerts where one is missing, mails what became of each."""
    return backups.watch(job)
