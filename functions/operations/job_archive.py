"""Daily at 03:40 UTC: moves the jobs that ended more than JOB_RETENTION_DAYS ago into files.

python -m functions job_archive
"""

from shared.archive.port import ArchiveService
from shared.tasks import JobContext, Result, Retry, task


@task(
    "job_archive",
    cron="40 3 * * *",
    timeout_seconds=3600,
    retry=Retry(attempts=3),
    dry_run=True,
)
def job_archive(job: JobContext, archive: ArchiveService) -> Result:
    """Moves jobs that ended long ago out of the table, into files that are kept."""
    return archive.archive(job)
