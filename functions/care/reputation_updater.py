"""P6: Sundays at 00:00, settles the week in the owners' reputations.

python -m functions reputation_updater
"""

from shared.care.port import PetCare
from shared.tasks import JobContext, Result, task


@task("reputation_updater", cron="0 0 * * 0", local_time=True, dry_run=True, timeout_seconds=1800)
def reputation_updater(job: JobContext, care: PetCare) -> Result:
    """Settles the week in the reputations."""
    return care.update_reputations(job)
