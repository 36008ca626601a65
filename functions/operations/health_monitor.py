"""Every 5 minutes: reports each clock that fell silent, and a database that does not fit.

python -m functions health_monitor
"""

from shared.alerts.port import DatabaseMonitor
from shared.engine.port import Housekeeping
from shared.tasks import JobContext, Result, Retry, task


@task(
    "health_monitor",
    cron="*/5 * * * *",
    timeout_seconds=120,
    retry=Retry(attempts=1),
    misfire_grace_seconds=30,
)
def health_monitor(job: JobContext, engine: Housekeeping, database: DatabaseMonitor) -> Result:
    """Reports clocks that fell silent, and a database that does not fit."""
    found = engine.health(job)
    return {**found, "database": database.watch(job)}
