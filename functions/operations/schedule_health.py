"""Every 5 minutes: finds schedules that are not well, and runs that were unlike those before.

python -m functions schedule_health
"""

from shared.health.port import ScheduleMonitor
from shared.tasks import JobContext, Result, Retry, task


@task(
    "schedule_health",
    cron="*/5 * * * *",
    timeout_seconds=600,
    retry=Retry(attempts=1),
    max_concurrent=1,
)
def schedule_health(job: JobContext, monitor: ScheduleMonitor) -> Result:
    """Tells people of schedules that fail, do not run, or ran unlike before."""
    return monitor.watch(job)
