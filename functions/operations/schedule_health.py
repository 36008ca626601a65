"""Every 5 minutes: finds schedules that are not well, runs that were unlike those before, and what
is not as it was applied from files.

python -m functions schedule_health
"""

from shared.applied.port import DriftMonitor
from shared.health.port import ScheduleMonitor
from shared.tasks import JobContext, Result, Retry, task


@task(
    "schedule_health",
    cron="*/5 * * * *",
    timeout_seconds=600,
    retry=Retry(attempts=1),
    max_concurrent=1,
)
def schedule_health(job: JobContext, monitor: ScheduleMonitor, drift: DriftMonitor) -> Result:
    """Tells people of schedules that fail, do not run, ran unlike before, or drifted."""
    return {**monitor.watch(job), "applied": drift.watch(job)}
