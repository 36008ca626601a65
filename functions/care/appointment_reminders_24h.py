"""P4: each hour on the hour, reminds owners of appointments at the same time tomorrow.

python -m functions appointment_reminders_24h
"""

from shared.care.port import PetCare
from shared.tasks import JobContext, Result, task


@task(
    "appointment_reminders_24h",
    cron="0 * * * *",
    local_time=True,
    dry_run=True,
    timeout_seconds=1800,
)
def appointment_reminders_24h(job: JobContext, care: PetCare) -> Result:
    """Reminds owners a day ahead."""
    return care.remind_24h(job)
