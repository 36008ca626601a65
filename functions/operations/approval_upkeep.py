"""Every 5 minutes: ends approvals whose time is over, wakes jobs whose approvals were decided,
reminds people of what waits, and removes what was decided more than 30 days ago.

python -m functions approval_upkeep
"""

from shared.approvals.port import ApprovalUpkeep
from shared.tasks import JobContext, Result, Retry, task


@task(
    "approval_upkeep",
    cron="*/5 * * * *",
    timeout_seconds=240,
    retry=Retry(attempts=1),
    dry_run=True,
)
def approval_upkeep(job: JobContext, approvals: ApprovalUpkeep) -> Result:
    """Ends, reminds of, and removes approvals."""
    return approvals.watch(job)
