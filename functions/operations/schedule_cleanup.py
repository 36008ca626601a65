"""C14: every day at 02:00 UTC, turns off schedules past their end.

python -m functions schedule_cleanup
"""

from shared.engine.port import Housekeeping
from shared.tasks import JobContext, Result, task


@task("schedule_cleanup", cron="0 2 * * *", timeout_seconds=600, dry_run=True)
def schedule_cleanup(job: JobContext, engine: Housekeeping) -> Result:
    """Turns off schedules past their end."""
    return engine.cleanup(job)
