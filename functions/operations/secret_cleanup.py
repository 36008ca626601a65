"""Every day at 04:35 UTC, removes secrets that nothing refers to: of webhooks, repositories and
targets that were changed or deleted by a process that was killed right after.

python -m functions secret_cleanup
"""

from shared.resources.port import ResourceUpkeep
from shared.tasks import JobContext, Result, task


@task("secret_cleanup", cron="35 4 * * *", timeout_seconds=1800, dry_run=True)
def secret_cleanup(job: JobContext, resources: ResourceUpkeep) -> Result:
    """Secrets that no webhook, repository or target refers to are removed."""
    return resources.sweep(job)
