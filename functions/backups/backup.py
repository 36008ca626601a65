"""R1: a backup plan that a person made: a schedule of this task, with a plan as its parameters.

python -m functions backup source=crm

It has no time of its own, and so no timer.
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
