"""Every 5 minutes, moves what is pending into the audit's chain; once a day, anchors it.

python -m functions audit_upkeep
"""

from shared.audit.upkeep import AuditUpkeep
from shared.tasks import JobContext, Result, task


@task("audit_upkeep", cron="*/5 * * * *", timeout_seconds=600)
def audit_upkeep(job: JobContext, audit: AuditUpkeep) -> Result:
    """Keeps the audit's chain: chains what is pending, anchors it daily, archives old records."""
    return audit.upkeep(job)
