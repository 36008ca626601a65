"""P3: each day at 06:30, marks appointments to which nobody came, and charges the fee.

python -m functions no_show_detector
"""

from shared.care.port import PetCare
from shared.tasks import JobContext, Result, task


@task("no_show_detector", cron="30 6 * * *", local_time=True, dry_run=True, timeout_seconds=1800)
def no_show_detector(job: JobContext, care: PetCare) -> Result:
    """Marks no-shows and charges their fees."""
    return care.detect_no_shows(job)
