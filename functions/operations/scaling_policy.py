"""O8: every five minutes, judges how many requests there are and how long they take, and sets at
the function app what follows.

python -m functions scaling_policy --dry-run
"""

from shared.scaling.port import ScalingService
from shared.tasks import Impact, JobContext, Result, Retry, task


@task(
    "scaling_policy",
    cron="*/5 * * * *",
    impact=Impact.B,
    timeout_seconds=240,
    retry=Retry(attempts=1),
    misfire_grace_seconds=120,
    dry_run=True,
)
def scaling_policy(job: JobContext, scaling: ScalingService) -> Result:
    """Says how the app should be scaled, and does so if SCALING is apply."""
    return scaling.run(job)
