"""R1: the task of the backup plans that people make. A plan is a schedule of this task, and its
parameters are the plan.

python -m functions backup source=crm

The task has no time of its own, and so no timer.
"""

from shared.backups.params import BackupPlan
from shared.backups.port import BackupService, plan_fits
from shared.tasks import JobContext, Result, Retry, task


@task(
    "backup",
    check=plan_fits,
    timeout_seconds=7200,
    retry=Retry(attempts=3),
)
def backup(job: JobContext, plan: BackupPlan, backups: BackupService) -> Result:
    """A proved backup of what its plan says."""
    return backups.take(plan, job)
