"""One-way copies for customers: container to container, table to table, a PostgreSQL table to files
(C12).

python -m functions sync source_id=shop destination_id=copy

The task has no time of its own, and so no timer.
"""

from shared.sync.plan import SyncPlan
from shared.sync.port import SyncService, plan_fits
from shared.tasks import Impact, JobContext, Result, Retry, task


@task(
    "sync",
    impact=Impact.B,
    check=plan_fits,
    timeout_seconds=7200,
    retry=Retry(attempts=5),
    dry_run=True,
    for_projects=True,
    repeatable=True,
)
def sync(job: JobContext, plan: SyncPlan, syncs: SyncService) -> Result:
    """Copies one way: containers, tables, or a database's table to files; what is new, verified."""
    return syncs.sync(plan, job)
