"""P4: each hour on the hour, reminds owners of appointments at the same time tomorrow.

python -m functions appointment_reminders_24h
"""

from functions.care import _shown
from shared.care.port import PetCare
from shared.tasks import Impact, JobContext, Params, Preview, Result, task


def shown(params: Params, job: JobContext, care: PetCare) -> Preview:
    """What it would send."""
    del params
    return _shown.of_messages(care.remind_24h(job))


@task(
    "appointment_reminders_24h",
    cron="0 * * * *",
    local_time=True,
    dry_run=True,
    timeout_seconds=1800,
    impact=Impact.C,
    preview=shown,
)
def appointment_reminders_24h(job: JobContext, care: PetCare) -> Result:
    """Reminds owners a day ahead."""
    return care.remind_24h(job)
