"""Daily at 05:10 UTC: moves runs of workflows that ended more than 90 days ago into files (O10).

python -m functions workflow_archive
"""

from __future__ import annotations

from shared.tasks import JobContext, Result, Retry, task
from shared.workflows.port import WorkflowArchive


@task(
    "workflow_archive",
    cron="10 5 * * *",
    timeout_seconds=3600,
    retry=Retry(attempts=3),
    dry_run=True,
)
def workflow_archive(job: JobContext, runs: WorkflowArchive) -> Result:
    """Runs that ended long ago are written to files with their events, and then removed."""
    return runs.archive(job)
