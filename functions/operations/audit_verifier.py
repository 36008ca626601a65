"""Every day at 04:25 UTC, verifies the audit's chain and its anchors.

python -m functions audit_verifier
"""

from shared.audit.upkeep import AuditUpkeep
from shared.tasks import JobContext, Result, task


@task("audit_verifier", cron="25 4 * * *", timeout_seconds=3600)
def audit_verifier(job: JobContext, audit: AuditUpkeep) -> Result:
    """Verifies the audit's chain, and tells people if a record was changed, removed or added."""
    return audit.watch(job)
