"""P1, P2: each day at 06:00, tells owners of vaccinations that expire soon; keeps the statuses.

python -m functions vaccination_monitor
"""

from functions.care import _shown
from shared.care.port import PetCare
from shared.tasks import Impact, JobContext, Params, Preview, Result, task


def shown(params: Params, job: JobContext, care: PetCare) -> Preview:
    """What it would send."""
    del params
    return _shown.of_messages(care.check_vaccinations(job))


@task(
    "vaccination_monitor",
    cron="0 6 * * *",
    local_time=True,
    dry_run=True,
    timeout_seconds=1800,
    impact=Impact.C,
    preview=shown,
)
def vaccination_monitor(job: JobContext, care: PetCare) -> Result:
    """Tells owners of vaccinations that expire soon."""
    return care.check_vaccinations(job)
