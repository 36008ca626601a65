"""P5: each hour at half past, reminds owners of appointments in two hours.

python -m functions appointment_reminders_2h
"""

from shared.care.port import PetCare
from shared.tasks import JobContext, Result, task


@task(
    "appointment_reminders_2h",
    cron="30 * * * *",
    local_time=True,
    dry_run=True,
    timeout_seconds=1800,
)
def appointment_reminders_2h(job: JobContext, care: PetCare) -> Result:
    """Reminds owners two hours ahead."""
    return care.remind_2h(job)
