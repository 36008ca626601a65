"""Every 5 minutes: starts the workflows whose `interval_minutes` have passed (O1).

python -m functions.workflow_scheduler --once
python -m functions.workflow_scheduler --loop
"""

from __future__ import annotations

from shared.tasks import Impact, JobContext, Result, task
from shared.workflows.port import WorkflowScheduler


@task("workflow_scheduler", cron="*/5 * * * *", timeout_seconds=240, impact=Impact.B, dry_run=True)
def workflow_scheduler(job: JobContext, workflows: WorkflowScheduler) -> Result:
    """Starts the workflows that are active and due by their interval."""
    return workflows.start_due(job)
