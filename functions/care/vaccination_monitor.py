"""P1, P2: each day at 06:00, tells owners of vaccinations that expire soon; keeps the statuses.

python -m functions vaccination_monitor
"""

from shared.care.port import PetCare
from shared.tasks import JobContext, Result, task


@task("vaccination_monitor", cron="0 6 * * *", local_time=True, dry_run=True, timeout_seconds=1800)
def vaccination_monitor(job: JobContext, care: PetCare) -> Result:
    """Tells owners of vaccinations that expire soon."""
    return care.check_vaccinations(job)
