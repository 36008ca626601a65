"""P5: each hour at half past, reminds owners of appointments in two hours.

python -m functions appointment_reminders_2h
"""

from functions.care import _shown
from shared.care.port import PetCare
from shared.tasks import Impact, JobContext, Params, Preview, Result, task


def shown(params: Params, job: JobContext, care: PetCare) -> Preview:
    """What it would send."""
    del params
    return _shown.of_messages(care.remind_2h(job))


@task(
    "appointment_reminders_2h",
    cron="30 * * * *",
    local_time=True,
    dry_run=True,
    timeout_seconds=1800,
    impact=Impact.C,
    preview=shown,
)
def appointment_reminders_2h(job: JobContext, care: PetCare) -> Result:
    """Reminds owners two hours ahead."""
    return care.remind_2h(job)
