"""Every day at 04:35 UTC, removes what is left of customers' tasks: secrets that nothing refers to,
and files, histories and states that are past their time, or whose schedule or repository is gone.

python -m functions customer_cleanup
"""

from shared.resources.port import CustomerUpkeep, ResourceUpkeep
from shared.tasks import JobContext, Result, task


@task("customer_cleanup", cron="35 4 * * *", timeout_seconds=1800, dry_run=True)
def customer_cleanup(
    job: JobContext, resources: ResourceUpkeep, customers: CustomerUpkeep
) -> Result:
    """What is left of customers' tasks, and needed no more, is removed."""
    secrets = resources.sweep(job)  # while a backup is restored, this skips all of it
    removed = {} if job.dry_run else customers.forget(job)
    return {"secrets": secrets, "removed": removed}
